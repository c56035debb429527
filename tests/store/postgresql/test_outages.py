"""A server that is killed, stopped, frozen, full or read-only, and back."""

import signal
from typing import Any

import psycopg2
from sqlalchemy import func, select
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.logger import LogLevel, globalLogPublisher

from mytracks.store.database import State, StorageDown, StorageFull, sql
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.postgresql.driver import PostgreSQLDatabase
from mytracks.store.statements import Statement
from tests.contracts.database import Add, named, names
from tests.store.postgresql.cases import OwnServerCase, ServerCase, turn

QUICK = Limits(answer_within=1.0, idle_after=0.2, probe_after=0.05)
KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'mytracks' AND datname = current_database()"
)


class Load:
    """Units sent one after the other, and what became of them."""

    def __init__(self, database: PostgreSQLDatabase) -> None:
        self._database = database
        self.sent = 0
        self.stored: list[str] = []
        self.refused: list[Any] = []

    def send(self, count: int) -> None:
        """So many more."""
        for _ in range(count):
            self.sent += 1
            done = self._database.commit(Add(named(self.sent), []))
            done.addCallbacks(self.stored.append, lambda f: self.refused.append(f.value))

    async def run(self, seconds: float) -> None:
        """A few in every turn."""
        for _ in range(int(seconds / 0.005)):
            self.send(5)
            await turn(0.005)

    @property
    def answered(self) -> int:
        """How many are no longer waited for."""
        return len(self.stored) + len(self.refused)


class LoggedCase(ServerCase):
    """A test that looks at the log."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[str] = []
        observer: Any = self._observe
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        globalLogPublisher.addObserver(observer)

    def _observe(self, event: Any) -> None:
        if event["log_level"] >= LogLevel.warn:
            self.said.append(event["log_format"] or event.get("log_text", ""))

    def assert_told_once(self) -> None:
        """One line when it went down, one when it was back, and no error of anybody's."""
        self.assertEqual([], self.flushLoggedErrors())
        about = [line for line in self.said if "nothing is stored" in line or "again" in line]
        self.assertEqual(2, len(about), self.said)


class KilledBackendTests(LoggedCase):
    """The server ends our connections, as an administrator or its own limits may."""

    async def test_under_load_nothing_is_refused_lost_or_out_of_order(self) -> None:
        """A connection that is back at once is nobody's business."""
        database = await self.driver(QUICK)
        load = Load(database)
        for _ in range(5):
            await load.run(0.15)
            self.ask(KILL)
        await load.run(0.15)
        await self.until(lambda: load.answered == load.sent)
        self.assertEqual([], load.refused)
        self.assertEqual(sorted(load.stored), load.stored)
        self.assertEqual(load.stored, await database.read(names))
        self.assertIs(State.OK, database.health.state)
        self.assertEqual([], self.flushLoggedErrors())
        self.assertEqual([], self.said)

    async def test_a_unit_that_ends_the_connection_each_time_gives_way(self) -> None:
        """Else nothing would ever be stored behind it."""
        database = await self.driver(QUICK)
        end = Statement(select(func.pg_terminate_backend(func.pg_backend_pid())))
        bad = database.commit(lambda tx: sql(tx).all(end))
        await turn()
        await turn()
        good = database.commit(note(named(1), "", 0))
        await self.assertFailure(bad, StorageDown)
        await good
        self.assertIs(State.OK, database.health.state)
        self.assertEqual([], self.flushLoggedErrors())

    async def test_an_idle_connection_is_renewed_before_anybody_asks(self) -> None:
        """The next phone does not wait for it."""
        database = await self.driver(QUICK)
        await database.read(names)
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        self.ask(KILL)
        await self.until(lambda: self.ask(count)[0][0] >= 3)
        await database.commit(note(named(1), "", 0))
        self.assertEqual([named(1)], await database.read(names))
        self.assertEqual([], self.flushLoggedErrors())
        self.assertEqual([], self.said)


class ServerGoneTests(OwnServerCase, LoggedCase):
    """The whole server goes, and comes back."""

    async def away(self, database: PostgreSQLDatabase, load: Load) -> None:
        """While it is away all is refused at once, by its name and without our secrets."""
        await self.until(lambda: database.health.state is State.DOWN)
        since = database.health.since
        before = len(load.stored)
        await self.assertFailure(database.commit(note("x", "", 0)), StorageDown)
        await self.assertFailure(database.read(names), StorageDown)
        await load.run(0.3)
        self.assertEqual(before, len(load.stored))
        self.assertEqual(since, database.health.since)
        for secret in ("127.0.0.1", "word for tests", str(self.server.port)):
            self.assertNotIn(secret, database.health.reason)

    async def back(self, database: PostgreSQLDatabase, load: Load) -> None:
        """All that was acknowledged is there, in its order, and it goes on."""
        await self.until(lambda: database.health.state is State.OK, 10.0)
        load.send(5)
        await self.until(lambda: load.answered == load.sent)
        self.assertEqual(sorted(load.stored), load.stored)
        self.assertEqual(load.stored, await database.read(names))
        for error in load.refused:
            self.assertIsInstance(error, StorageDown)
        self.assertEqual([], self.fatal)
        self.assert_told_once()

    async def test_stopped_in_order_and_started(self) -> None:
        """An upgrade of the server costs refusals, no restart of ours."""
        database = await self.driver(QUICK)
        load = Load(database)
        await load.run(0.2)
        load.send(50)
        self.server.stop()
        await self.away(database, load)
        self.server.start()
        await self.back(database, load)

    async def test_killed_and_started(self) -> None:
        """A power cut on its machine."""
        database = await self.driver(QUICK)
        load = Load(database)
        await load.run(0.2)
        load.send(50)
        self.server.kill()
        await self.away(database, load)
        self.server.start()
        await self.back(database, load)

    async def test_frozen_and_thawed(self) -> None:
        """Connections stay open and nothing answers: every wait has an end of its own."""
        database = await self.driver(QUICK)
        load = Load(database)
        await load.run(0.2)
        self.server.freeze()
        self.addCleanup(self.server.thaw)
        load.send(50)
        reading = database.read(names)
        await self.away(database, load)
        await self.assertFailure(reading, StorageDown)
        self.server.thaw()
        await self.back(database, load)

    async def test_frozen_while_nobody_asks_is_noticed_too(self) -> None:
        """Health tells the truth before the first phone finds out."""
        database = await self.driver(QUICK)
        self.server.freeze()
        self.addCleanup(self.server.thaw)
        await self.until(lambda: database.health.state is State.DOWN)
        self.server.thaw()
        await self.until(lambda: database.health.state is State.OK, 10.0)
        self.assert_told_once()

    async def test_closing_without_a_server_ends_in_time(self) -> None:
        """A stop of ours never hangs on a machine that is gone."""
        database = await self.driver(QUICK)
        self.server.freeze()
        self.addCleanup(self.server.thaw)
        waits = [database.commit(note(named(number), "", 0)) for number in range(3)]
        results: Any = DeferredList(waits, consumeErrors=True)
        ends: Deferred[None] = database.close()
        ends.addTimeout(4.0, database._clock.timers)
        await ends
        for succeeded, failure in await results:
            self.assertFalse(succeeded)
            failure.trap(StorageDown)

    async def test_a_smart_stop_waits_for_nobody(self) -> None:
        """It refuses new connections while ours live: these go on."""
        database = await self.driver(QUICK)
        assert self.server._process is not None
        self.server._process.send_signal(signal.SIGTERM)
        await turn(0.2)
        await database.commit(note(named(1), "", 0))
        self.assertIs(State.OK, database.health.state)


class PassingTests(LoggedCase):
    """The server answers, and does not store."""

    def fail_with(self, code: str, times: int = 1_000_000) -> None:
        """So many changes of a setting raise this from now on."""
        # Numbers of a sequence are not given back when a transaction is undone.
        self.ask("DROP SEQUENCE IF EXISTS tries")
        self.ask("CREATE SEQUENCE tries")
        self.ask(
            "CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF nextval('tries') <= {times} THEN"
            f" RAISE EXCEPTION 'by a test' USING ERRCODE = '{code}';"
            " END IF; RETURN NEW; END $$"
        )
        self.ask(
            "CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON setting"
            " FOR EACH ROW EXECUTE FUNCTION fails()"
        )

    async def test_a_full_disk_refuses_and_passes(self) -> None:
        """Nothing is acknowledged, reading goes on, and storing again needs no restart."""
        database = await self.driver(QUICK)
        for code in ("53100", "53200"):
            await database.commit(note(named(1), code, 0))
            self.fail_with(code)
            waits = [database.commit(note(named(number), "", 0)) for number in range(2, 5)]
            for wait in waits:
                await self.assertFailure(wait, StorageFull)
            self.assertIs(State.FULL, database.health.state)
            self.assertEqual([named(1)], await database.read(names))
            await self.assertFailure(database.commit(note("x", "", 0)), StorageFull)
            self.ask("DROP TRIGGER fails ON setting")
            await self.until(lambda: database.health.state is State.OK)
            await database.commit(note(named(1), "", 0))
            self.assertEqual([], self.fatal)
            self.assert_told_once()
            self.said.clear()

    async def test_what_the_server_undoes_for_anothers_sake_is_done_again(self) -> None:
        """A deadlock between two processes is nobody's mistake."""
        database = await self.driver(QUICK)
        for code in ("40001", "40P01"):
            self.fail_with(code, times=3)
            await database.commit(note(named(1), code, 0))
            self.assertLess(3, self.ask("SELECT last_value FROM tries")[0][0])
            self.ask("DROP TRIGGER fails ON setting")
            self.assertIs(State.OK, database.health.state)
        self.assertEqual([], self.said)

    async def test_that_has_an_end(self) -> None:
        """A batch that never gets through gives way."""
        database = await self.driver(QUICK)
        self.fail_with("40001")
        await self.assertFailure(database.commit(note(named(1), "", 0)), StorageFull)
        self.ask("DROP TRIGGER fails ON setting")
        await self.until(lambda: database.health.state is State.OK)
        self.assertEqual([], self.flushLoggedErrors())

    async def test_a_locked_table_refuses_and_passes(self) -> None:
        """Somebody's maintenance costs refusals; the line says what it is."""
        database = await self.driver(QUICK)
        other = psycopg2.connect(self.url)
        self.addCleanup(other.close)
        other.cursor().execute("LOCK TABLE setting IN ACCESS EXCLUSIVE MODE")
        await self.assertFailure(database.commit(note(named(1), "", 0)), StorageFull)
        self.assertIn("holds what is to be changed", database.health.reason)
        other.rollback()
        await self.until(lambda: database.health.state is State.OK)

    async def test_tables_that_are_gone_end_it(self) -> None:
        """Only a start can say what has become of them."""
        database = await self.driver(QUICK)
        self.ask("ALTER TABLE setting RENAME TO unsetting")
        await self.assertFailure(database.commit(note(named(1), "", 0)), Exception)
        self.assertEqual(1, len(self.fatal))
        self.assertIn("tables", self.fatal[0])
        self.assertIs(State.FAILED, database.health.state)


class ReadOnlyTests(OwnServerCase, LoggedCase):
    """The server was told to take no writes."""

    async def test_a_read_only_server_refuses_and_passes(self) -> None:
        """As during a failover: phones keep what they have."""
        database = await self.driver(QUICK)
        await database.commit(note(named(1), "", 0))
        self.server.ask("ALTER SYSTEM SET default_transaction_read_only = on")
        self.server.ask("SELECT pg_reload_conf()")
        await self.until(lambda: self.ask("SHOW default_transaction_read_only") == [("on",)])
        await turn(0.1)
        waits = [database.commit(note(named(number), "", 0)) for number in (2, 3)]
        for wait in waits:
            await self.assertFailure(wait, StorageFull)
        self.assertIn("read-only", database.health.reason)
        self.assertEqual([named(1)], await database.read(names))
        self.server.ask("ALTER SYSTEM RESET default_transaction_read_only")
        self.server.ask("SELECT pg_reload_conf()")
        await self.until(lambda: database.health.state is State.OK)
        await gatherResults([database.commit(note(named(4), "", 0))])
        self.assert_told_once()
