"""The SQLite database as its users see it."""

import sqlite3
import threading
from pathlib import Path
from typing import Any, cast

from sqlalchemy import text
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from mytracks.store.database import Database, State, StorageFailed, StorageFull, sql
from mytracks.store.files import FILE
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction
from tests.contracts.database import DatabaseContract, named, names
from tests.store.cases import StoreCase, sqlite


class SQLiteContractTests(DatabaseContract, StoreCase):
    """SQLite keeps the promises of every database."""

    async def open(self, limits: Limits) -> Database:
        """A new store's."""
        return (await self.opened(limits)).database


class SQLiteTests(StoreCase):
    """What is SQLite's own."""

    async def test_a_unit_that_awaits_something_foreign_fails_alone(self) -> None:
        """It would hold the only writer for ever; its neighbours are stored."""
        database = (await self.opened()).database

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
        self.assertEqual([named(0), named(2)], await database.read(names))

    async def test_one_thread_writes_and_two_read(self) -> None:
        """Named, so that whoever looks at the process knows what they are."""
        store = await self.opened()

        async def here(_: Transaction) -> str:
            return threading.current_thread().name

        self.assertEqual("storage-writer", await store.database.commit(here))
        readers = set(await gatherResults([store.database.read(here) for _ in range(40)]))
        self.assertLessEqual(readers, {"storage-reader-1", "storage-reader-2"})

    async def test_a_burst_is_a_few_commits(self) -> None:
        """What gathers while one commit syncs is the next commit, at most a batch."""
        database = sqlite(await self.opened(Limits(ballast=0, batch=100)))
        before = database.commits
        await gatherResults([database.commit(note(named(n), "", 0)) for n in range(1000)])
        self.assertGreaterEqual(database.commits - before, 10)
        self.assertLess(database.commits - before, 500)
        self.assertEqual(0, database.waiting)

    async def test_a_writer_that_ends_lets_nobody_of_its_batch_wait(self) -> None:
        """Whoever asked would hold up the stop, and the health would tell what was to be stored."""
        database = (await self.opened()).database

        def broken() -> None:
            raise LookupError("a place")

        async def unit(tx: Transaction) -> None:
            await note(named(0), "", 0)(tx)
            sql(tx).after(broken)

        waiting = database.commit(unit).addTimeout(5, cast(Any, reactor))
        await self.assertFailure(waiting, StorageFailed)
        while not self.fatal:
            await database.read(_nothing)
        self.assertEqual(["the writer ended"], self.fatal)
        self.assertEqual("the writer ended", database.health.reason)
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))

    async def test_an_error_quotes_nothing_of_what_was_to_be_stored(self) -> None:
        """It is logged where a message could not be stored, and a row of those is a place."""
        database = (await self.opened()).database

        async def unit(tx: Transaction) -> None:
            await sql(tx).run(Statement(text("INSERT INTO setting VALUES (NULL, 'here', 1)")))

        error: Any = await self.assertFailure(database.commit(unit), sqlite3.IntegrityError)
        self.assertNotIn("here", str(error))

    async def test_the_log_is_folded_into_the_file_when_it_is_closed(self) -> None:
        """One file to copy once the process has ended."""
        store = await self.opened()
        await store.database.commit(note(named(1), "", 0))
        await store.close()
        self.assertEqual([FILE], [path.name for path in self.folder.iterdir()])

    async def test_a_locked_file_is_waited_for_and_then_used_again(self) -> None:
        """Another program that holds the lock costs refusals, not the process."""
        database = (await self.opened(Limits(ballast=0, probe_after=0.01))).database
        await database.commit(_impatient)
        other = sqlite3.connect(self.folder / FILE, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        refused = database.commit(note(named(1), "", 0))
        await self.assertFailure(refused, StorageFull)
        self.assertIs(State.FULL, database.health.state)
        other.execute("ROLLBACK")
        await recovered(database)
        await database.commit(note(named(2), "", 0))
        self.assertEqual([named(2)], await database.read(names))
        self.assertEqual([], self.fatal)

    async def test_a_damaged_page_found_later_ends_it(self) -> None:
        """A large file is checked after it is open; nobody goes on with a broken one."""
        store = await self.opened()
        for number in range(2000):
            store.database.commit(note(named(number), "x" * 500, 0))
        await store.close()
        spoil(self.folder / FILE)
        store = await self.opened(Limits(ballast=0, check_at_start=0))
        database = store.database
        while not self.fatal:
            await database.read(_nothing)
        self.assertIn("damaged", self.fatal[0])
        self.assertIs(State.FAILED, database.health.state)
        refused = database.commit(note(named(1), "", 0))
        await self.assertFailure(refused, StorageFailed)
        self.assertEqual(1, len(self.fatal))


def spoil(path: Path, at: int | None = None) -> None:
    """Overwrite two pages, in the middle of the file or at this byte."""
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096 if at is None else at)
        file.write(b"\xa5" * 8192)


async def recovered(database: Database) -> None:
    """Wait until it stores again."""
    while database.health.state is not State.OK:
        await database.read(_nothing)


async def _nothing(_: Transaction) -> None:
    """A turn of the reactor and of a reader."""


async def _impatient(tx: Transaction) -> None:
    """The test does not wait five seconds for the other program."""
    tx._execute("PRAGMA busy_timeout = 1")  # type: ignore[attr-defined]
