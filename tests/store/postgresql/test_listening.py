"""Bells between processes, and the one process that a node is."""

import psycopg2
from twisted.internet.defer import gatherResults

from mytracks.store.database import State, StorageDown
from mytracks.store.files import StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.postgresql.driver import PostgreSQLDatabase
from mytracks.store.postgresql.listening import Observer, ring
from mytracks.transaction import Transaction, Unit
from tests.contracts.database import DeliberateError
from tests.store.cases import StoreCase
from tests.store.postgresql.cases import ServerCase

LISTENER = (
    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.objid = {node} AND a.datname = current_database()"
)


def ringing(kind: str, number: int, *, then: type[Exception] | None = None) -> Unit[None]:
    """A unit that rings, and perhaps fails after it."""

    async def unit(tx: Transaction) -> None:
        ring(tx, kind, number)
        if then is not None:
            raise then

    return unit


class BellTests(ServerCase):
    """What one process stores, another one hears of."""

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[tuple[str, int]] = []
        self.missed = 0

    def _miss(self) -> None:
        self.missed += 1

    async def two(self) -> tuple[PostgreSQLDatabase, PostgreSQLDatabase]:
        """Two nodes; the second one listens."""
        first = await self.driver(Limits(node=1, shared=True))
        second = await self.driver(Limits(node=2, shared=True, idle_after=0.2))
        observer = Observer(lambda kind, number: self.heard.append((kind, number)), self._miss)
        second.on_bell(observer)
        return first, second

    async def test_a_bell_rings_in_the_other_process(self) -> None:
        """A friend on another process sees a fix as soon as it is stored."""
        first, _ = await self.two()
        await first.commit(ringing("device", 7))
        await self.until(lambda: self.heard == [("device", 7)])

    async def test_what_is_undone_rings_nothing_and_equal_bells_ring_once(self) -> None:
        """A bell for nothing costs every process a look."""
        first, _ = await self.two()
        waits = [first.commit(ringing("device", number)) for number in (1, 1, 2)]
        bad = first.commit(ringing("device", 3, then=DeliberateError))
        last = first.commit(ringing("end", 0))
        await gatherResults(waits)
        await self.assertFailure(bad, DeliberateError)
        await last
        await self.until(lambda: ("end", 0) in self.heard)
        self.assertEqual([("device", 1), ("device", 2), ("end", 0)], self.heard)

    async def test_after_a_lost_connection_all_is_looked_at(self) -> None:
        """A bell that rang meanwhile is not heard later: the tables are the truth."""
        first, _ = await self.two()
        self.ask(LISTENER.format(node=2))
        await self.until(lambda: self.missed == 1)
        await first.commit(ringing("device", 9))
        await self.until(lambda: ("device", 9) in self.heard)
        self.assertEqual([], self.flushLoggedErrors())

    async def test_a_kind_is_a_word(self) -> None:
        """It becomes part of a statement."""
        first, _ = await self.two()
        for kind in ("", "no'quote", "two words", "x" * 33):
            await self.assertFailure(first.commit(ringing(kind, 1)), ValueError)

    async def test_a_bell_of_another_program_is_left_alone(self) -> None:
        """Whoever has rights on the database may ring."""
        await self.two()
        self.ask("NOTIFY mytracks, 'what is this'")
        self.ask("NOTIFY mytracks, 'device 5'")
        await self.until(lambda: self.heard == [("device", 5)])


class NodeTests(ServerCase):
    """One process for each number."""

    async def test_a_second_process_of_the_same_node_is_refused(self) -> None:
        """Both would think that the other's commits were their own lost ones."""
        first = await self.driver(Limits(node=5))
        for shared in (False, True):
            again = Limits(node=5, shared=shared)
            error = await self.assertFailure(self.deferred(again), StoreRefused)
            self.assertIn("node 5", str(error))
            self.assertNotIn("\n", str(error))
        await self.driver(Limits(node=6, shared=True))
        await first.close()
        await self.driver(Limits(node=5, shared=True))

    async def test_a_process_of_another_node_is_refused(self) -> None:
        """It would let in whom the other has removed, and acknowledge what is then lost."""
        first = await self.driver(Limits(node=5))
        error = await self.assertFailure(self.deferred(Limits(node=6)), StoreRefused)
        self.assertIn("another mytracks (node 5)", str(error))
        self.assertIn("not supported yet", str(error))
        self.assertNotIn("\n", str(error))
        await first.close()
        await self.driver(Limits(node=6))

    async def test_one_on_another_database_of_the_server_is_nobodys_business(self) -> None:
        """Two households on one server have nothing in common."""
        await self.driver(Limits(node=5))
        self.url = self.server.database()
        await self.driver(Limits(node=6))
        self.assertEqual([], self.fatal)

    async def test_a_node_ends_when_another_began_while_it_was_cut_off(self) -> None:
        """Both would go on, each with the accounts that it knows."""
        database = await self.driver(Limits(node=5, idle_after=0.1))
        other = psycopg2.connect(self.url)
        self.addCleanup(other.close)
        database._listening._patience = 0.3
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 6)", (0x6D79_7472,))
        self.ask(LISTENER.format(node=5))
        await self.until(lambda: bool(self.fatal))
        self.assertIn("node 6", self.fatal[0])

    async def test_a_node_that_was_overtaken_ends(self) -> None:
        """Its lock was lost with its connection, and another process has it."""
        database = await self.driver(Limits(node=5, idle_after=0.1))
        other = psycopg2.connect(self.url)
        self.addCleanup(other.close)
        database._listening._patience = 0.3
        self.ask(LISTENER.format(node=5))
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 5)", (0x6D79_7472,))
        await self.until(lambda: bool(self.fatal))
        self.assertIn("another process", self.fatal[0])

    async def test_nothing_is_stored_while_another_process_has_the_node(self) -> None:
        """Both would write one mark, and take the other's commits for their own lost ones."""
        database = await self.driver(Limits(node=5, idle_after=0.1))
        await database.commit(note("before", "", 0))
        other = psycopg2.connect(self.url)
        self.addCleanup(other.close)
        self.ask(LISTENER.format(node=5))
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 5)", (0x6D79_7472,))
            cursor.execute("UPDATE writer_mark SET batch = batch + 1000 WHERE node = 5")
        other.commit()
        await self.until(lambda: database.health.state is State.DOWN)
        self.assertIn("another process", database.health.reason)
        await self.assertFailure(database.commit(note("meanwhile", "", 0)), StorageDown)
        other.close()
        await self.until(lambda: database.health.state is State.OK)
        await database.commit(note("after", "", 0))
        found = self.ask("SELECT name FROM setting WHERE name IN ('before', 'meanwhile', 'after')")
        self.assertEqual({"before", "after"}, {name for (name,) in found})
        ((mark,),) = self.ask("SELECT batch FROM writer_mark WHERE node = 5")
        self.assertGreater(mark, 1000)
        self.assertEqual([], self.fatal)


class QuietTests(StoreCase):
    """SQLite has one process."""

    async def test_a_bell_on_sqlite_rings_for_nobody(self) -> None:
        """The services ring without asking where they are."""
        store = await self.opened()
        await store.database.commit(ringing("device", 1))
