"""A COMMIT whose answer is lost: what it stored is stored once, whether it had arrived or not."""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import bindparam, update
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from mytracks.store.database import State, sql
from mytracks.store.files import StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.notes import note
from mytracks.store.postgresql.driver import PostgreSQLDatabase
from mytracks.store.postgresql.port import Marked
from mytracks.store.schema import setting
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction, Unit
from tests.store.postgresql.cases import ServerCase, turn
from tests.store.postgresql.proxy import Near, Proxy, lose_answer, lose_request

COUNTER = "test.counter"
STEP = Statement(
    update(setting)
    .where(setting.c.name == bindparam("which"))
    .values(changed=setting.c.changed + 1)
)


class Forgetful(Marked):
    """The mutant: it does not look at the mark."""

    async def connect(self) -> None:
        await super().connect()
        self.arrived = False


class Hasty(Marked):
    """Another mutant: it does not wait for what the server has not ended yet."""

    MARK = "SELECT batch FROM writer_mark WHERE node = {node}"


def step(called: list[int], number: int = 0) -> Unit[int]:
    """A unit that does harm when it is done twice."""

    async def unit(tx: Transaction) -> int:
        sql(tx).after(lambda: called.append(number))
        await sql(tx).run(STEP, which=COUNTER)
        return number

    return unit


async def nothing(_: Transaction) -> None:
    """A unit that has nothing to store."""


class LostCommitTests(ServerCase):
    """Nobody can see from outside whether a COMMIT without an answer had arrived."""

    async def through_proxy(self) -> tuple[PostgreSQLDatabase, Proxy]:
        """A store behind a proxy, with a counter at zero."""
        proxy = Proxy(self.url)
        self.direct, self.url = self.url, await proxy.start()
        self.addCleanup(proxy.stop)
        database = await self.driver(Limits(answer_within=2.0))
        await database.commit(note(COUNTER, "", 0))
        return database, proxy

    def counted(self) -> int:
        """The counter, asked past the store."""
        self.url = self.direct
        ((count,),) = self.ask(f"SELECT changed FROM setting WHERE name = '{COUNTER}'")
        return int(count)

    async def test_when_the_answer_is_lost_it_is_not_done_again(self) -> None:
        """A counter of locations would count a batch twice."""
        database, proxy = await self.through_proxy()
        called: list[int] = []
        proxy.at_commit = lose_answer
        self.assertEqual(7, await database.commit(step(called, 7)))
        self.assertEqual((1, 1), (self.counted(), proxy.answers_lost))
        self.assertEqual([7], called)
        self.assertIs(State.OK, database.health.state)

    async def test_when_the_request_is_lost_it_is_done_again(self) -> None:
        """Else an acknowledged batch would be nowhere."""
        database, proxy = await self.through_proxy()
        called: list[int] = []
        proxy.at_commit = lose_request
        self.assertEqual(7, await database.commit(step(called, 7)))
        self.assertEqual(1, self.counted())
        self.assertEqual([7], called)

    async def test_one_that_arrived_at_the_last_try_is_not_refused(self) -> None:
        """Its sender would send again what is stored."""
        database, proxy = await self.through_proxy()
        left = [lose_request] * 19 + [lose_answer]

        def lose(near: Near, data: bytes) -> None:
            left.pop(0)(near, data)
            proxy.at_commit = lose if left else None

        proxy.at_commit = lose
        self.assertEqual(7, await database.commit(step([], 7)))
        self.assertEqual(([], 1), (left, self.counted()))

    async def test_a_commit_that_is_still_on_its_way_is_waited_for(self) -> None:
        """The server may get to it long after we have a new connection."""
        database, proxy = await self.through_proxy()
        self.assertEqual(7, await self.late(database, proxy))
        self.assertEqual(1, self.counted())

    async def late(self, database: PostgreSQLDatabase, proxy: Proxy) -> int:
        """Do a step whose COMMIT arrives when we have long been on another connection."""
        waiting: list[Any] = []

        def hold(near: Near, data: bytes) -> None:
            near.deaf = True
            near.cut()
            waiting.append(lambda: near.pass_on(data))

        proxy.at_commit = hold
        done = database.commit(step([], 7))
        await self.until(lambda: bool(waiting))
        await self.until(lambda: self.blocked() == 1)
        waiting[0]()
        return await done

    def blocked(self) -> int:
        """Connections that wait for a lock."""
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        ((count,),) = self.server.ask(query, self.direct.rpartition("/")[2])
        return int(count)

    async def test_a_batch_that_arrives_late_does_not_take_the_mark_back(self) -> None:
        """One of no statement goes with its COMMIT in one text, which a server that hung may run
        at any later time: the mark would no longer tell what became of the batch then under way."""
        database, proxy = await self.through_proxy()
        late: list[Callable[[], object]] = []

        def hold(near: Near, data: bytes) -> None:
            near.deaf = True
            near.cut()
            late.append(lambda: near.pass_on(data))

        proxy.at_commit = hold
        await database.commit(nothing)
        for number in range(5):
            await database.commit(step([], number))
        before, answers = self.mark(), proxy.answers_lost
        late[0]()
        await self.until(lambda: proxy.answers_lost > answers)
        self.assertEqual(before, self.mark())

    def mark(self) -> int:
        """The latest batch that is stored, asked past the store."""
        ((batch,),) = self.server.ask(
            "SELECT batch FROM writer_mark", self.direct.rpartition("/")[2]
        )
        return int(batch)

    async def test_the_order_of_the_answers_is_kept(self) -> None:
        """What follows a lost batch must not overtake it."""
        database, proxy = await self.through_proxy()
        order: list[int] = []
        waits: list[Deferred[Any]] = []
        for number in range(300):
            if number % 60 == 30:
                proxy.at_commit = lose_answer if number % 120 == 30 else lose_request
            waits.append(database.commit(step([], number)).addCallback(order.append))
            if number % 20 == 0:
                await turn()
        await gatherResults(waits)
        self.assertEqual(list(range(300)), order)
        self.assertEqual(300, self.counted())

    async def test_mutants_that_do_not_look_or_do_not_wait_are_caught(self) -> None:
        """This proves that the proofs above see what they are meant to see."""
        database, proxy = await self.through_proxy()
        database._writer._port.__class__ = Forgetful
        proxy.at_commit = lose_answer
        await database.commit(step([]))
        self.assertEqual(2, self.counted())
        database._writer._port.__class__ = Hasty
        await self.late(database, proxy)
        self.assertEqual(4, self.counted())


class HangingTests(ServerCase):
    """A server that takes the connection and then says no more."""

    async def test_a_start_ends_with_one_line(self) -> None:
        """Whoever started it would see nothing, and no supervisor would try again."""
        proxy = Proxy(self.url)
        self.url = await proxy.start()
        self.addCleanup(proxy.stop)
        proxy.cue = b"SET statement_timeout = 0\0"
        proxy.at_commit = lambda *_: None
        refused = self.deferred(Limits(answer_within=0.1)).addTimeout(20, cast(Any, reactor))
        error = await self.assertFailure(refused, StoreRefused)
        self.assertIn("does not answer", str(error))
        self.assertNotIn("\n", str(error))
