"""The PostgreSQL database as its users see it."""

import contextlib
import subprocess
import sys
from functools import partial
from typing import Any, cast

import psycopg2
from sqlalchemy import func, select, text
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.database import Database, StorageFailed, sql
from mytracks.store.files import StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.quarantine import ADD as ADD_ASIDE
from mytracks.store.schema import quarantine, setting
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction
from tests.contracts.database import ADD, PREFIX, Add, DatabaseContract, named, names
from tests.store.postgresql.cases import ServerCase


class PostgreSQLContractTests(DatabaseContract, ServerCase):
    """PostgreSQL keeps the promises of every database."""

    async def open(self, limits: Limits) -> Database:
        """A new database."""
        return (await self.opened(limits)).database


class PostgreSQLTests(ServerCase):
    """What is PostgreSQL's own."""

    async def test_a_unit_that_awaits_something_foreign_fails_alone(self) -> None:
        """It would hold the only writing connection for ever; its neighbours are stored."""
        database = await self.driver()

        async def waiting(tx: Transaction) -> None:
            await note(named(1), "", 0)(tx)
            never: Deferred[None] = Deferred()
            await never

        before = database.commit(note(named(0), "", 0))
        bad = database.commit(waiting)
        after = database.commit(note(named(2), "", 0))
        await before
        error: Any = await self.assertFailure(bad, RuntimeError)
        self.assertIn("something else than its transaction", str(error))
        await after
        await self.assertFailure(database.read(waiting), Exception)
        self.assertEqual([named(0), named(2)], await database.read(names))

    async def test_a_unit_that_goes_on_after_a_failed_statement_fails_alone(self) -> None:
        """The server undoes all of it at the end and says so only in a word."""
        database = await self.driver()

        async def careless(tx: Transaction) -> None:
            await note(named(1), "", 0)(tx)
            with contextlib.suppress(psycopg2.Error):
                await sql(tx).insert(ADD, [(named(1), "", 0)])

        before = database.commit(note(named(0), "", 0))
        bad = database.commit(careless)
        after = database.commit(note(named(2), "", 0))
        await before
        await self.assertFailure(bad, RuntimeError)
        await after
        self.assertEqual([named(0), named(2)], await database.read(names))

    async def test_a_value_that_cannot_be_sent_costs_only_its_unit(self) -> None:
        """psycopg2 refuses it before the server hears of it, with what was to be sent before it."""
        database = await self.driver()
        odd = ("a\0b", "\ud800", 2**70)
        units = [Add(named(number), []) for number in range(6)]
        bad = [note(named(10), odd[0], 0), note(named(11), odd[1], 0), note(named(12), "", odd[2])]
        waits = []
        refused = []
        for number, unit in enumerate(units):
            waits.append(database.commit(unit))
            if number % 2:
                refused.append(database.commit(bad[number // 2]))
        await gatherResults(waits)
        for each in refused:
            await self.assertFailure(each, ValueError, psycopg2.Error)
        self.assertEqual([named(number) for number in range(6)], await database.read(names))

    async def test_values_come_back_as_they_went_in(self) -> None:
        """What a phone sent is kept to the byte, whatever it looks like to SQL."""
        database = await self.driver()
        texts = ["", "'", "\\", "\\x00", "%s %% %(a)s", "é\u2028😀", "a\nb", "NULL", "$$", "\x01"]
        rows = [(f"{PREFIX}{n:02}", text, (-1) ** n * 2**62) for n, text in enumerate(texts)]

        async def store(tx: Transaction) -> int:
            return await sql(tx).insert(ADD, rows)

        self.assertEqual(len(rows), await database.commit(store))
        values = Statement(
            select(setting.c.name, setting.c.value, setting.c.changed)
            .where(setting.c.name.like("test.%"))
            .order_by(setting.c.name)
        )
        self.assertEqual(rows, await database.read(lambda tx: sql(tx).all(values)))

    async def test_bytes_and_sums_are_what_they_are_on_sqlite(self) -> None:
        """The services compare them."""
        database = await self.driver()
        body = bytes(range(256)) * 4

        async def store(tx: Transaction) -> None:
            await sql(tx).insert(ADD_ASIDE, [(1, 2, None, None, "t", "r", each) for each in bodies])

        bodies = [body, b"", b"\\x00"]
        await database.commit(store)
        found = Statement(select(quarantine.c.body).order_by(quarantine.c.id))
        self.assertEqual(bodies, [row[0] for row in await database.read(partial(_all, found))])
        total = Statement(select(func.sum(func.length(quarantine.c.body))))
        ((count,),) = await database.read(partial(_all, total))
        self.assertEqual((1028, int), (count, type(count)))

    async def test_a_text_larger_than_the_sockets_buffers_is_sent(self) -> None:
        """In parts, while the reactor does other things."""
        database = await self.driver()
        await database.commit(note(named(1), "x" * 30_000_000, 0))
        self.assertEqual([(30_000_000,)], self.ask("SELECT max(length(value)) FROM setting"))

    async def test_few_connections_are_opened_and_all_say_who_they_are(self) -> None:
        """Whoever looks at the server knows what is ours; reading ones come when needed."""
        database = await self.driver(Limits(readers=2))
        mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mytracks'"
        count = mine + " AND datname = current_database()"
        self.assertEqual([(2,)], self.ask(count))
        await gatherResults([database.read(names) for _ in range(20)])
        self.assertEqual([(4,)], self.ask(count))
        await database.close()
        await self.until(lambda: self.ask(count) == [(0,)])

    async def test_a_read_sees_one_moment(self) -> None:
        """Two statements of a unit never contradict each other."""
        database = await self.driver()
        await database.commit(note(named(1), "", 0))
        seen: list[list[str]] = []

        async def twice(tx: Transaction) -> None:
            seen.append(await names(tx))
            self.ask("DELETE FROM setting WHERE name LIKE 'test.%%'")
            seen.append(await names(tx))

        await database.read(twice)
        self.assertEqual([[named(1)], [named(1)]], seen)
        self.assertEqual([], await database.read(names))

    async def test_a_writer_that_ends_lets_nobody_of_its_batch_wait(self) -> None:
        """Whoever asked would hold up the stop, and the health would tell what was to be stored."""
        database = await self.driver()

        def broken() -> None:
            raise LookupError("a place")

        async def unit(tx: Transaction) -> None:
            await note(named(0), "", 0)(tx)
            sql(tx).after(broken)

        waiting = database.commit(unit).addTimeout(5, cast(Any, reactor))
        await self.assertFailure(waiting, StorageFailed)
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))
        self.assertEqual("the writer ended", database.health.reason)
        self.assertEqual(["the writer ended"], self.fatal)

    async def test_an_error_quotes_nothing_of_what_was_to_be_stored(self) -> None:
        """It is logged where a message could not be stored, and a row of those is a place."""
        database = await self.driver()

        async def unit(tx: Transaction) -> None:
            await sql(tx).run(Statement(text("INSERT INTO setting VALUES (NULL, 'here', 1)")))

        for done in (database.commit(unit), database.read(unit)):
            error: Any = await self.assertFailure(done, psycopg2.Error)
            self.assertTrue(error.pgcode)
            self.assertNotIn("here", str(error))
            self.assertIn(error.pgcode, str(error))

        async def other(tx: Transaction) -> None:
            await sql(tx).run(Statement(text("SELECT CAST('here' AS integer)")))

        error = await self.assertFailure(database.read(other), psycopg2.Error)
        self.assertEqual("SQLSTATE 22P02", str(error))

    async def test_a_wrong_url_is_refused_without_the_password(self) -> None:
        """It would stand in a log for everybody to read."""
        for bad in (
            self.server.url("nowhere"),
            self.server.url(user="nobody"),
            self.server.url(password="wrong word"),
        ):
            self.url = bad
            error: Any = await self.assertFailure(self.deferred(), StoreRefused)
            for secret in ("word for tests", "wrong word", "word%20for%20tests"):
                self.assertNotIn(secret, str(error))


async def _all(statement: Statement, tx: Transaction) -> list[Values]:
    return await sql(tx).all(statement)


class ImportTests(SynchronousTestCase):
    """A household on SQLite pays for no server."""

    def test_opening_on_sqlite_imports_neither_psycopg2_nor_txpostgres(self) -> None:
        """They cost start-up time and megabytes."""
        program = (
            "import sys, mytracks.store.open, mytracks.daemon.service;"
            "print([name for name in sys.modules"
            " if name.partition('.')[0] in ('psycopg2', 'txpostgres')])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        self.assertEqual("[]", done.stdout.strip())
