"""The reactor's half of every database, on one that keeps what it is given."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock as ManualClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.store.database import State, StorageDown
from mytracks.store.front import Front, Job
from mytracks.store.limits import Limits
from mytracks.transaction import Transaction
from tests.contracts.database import Paused

SILENT = "the database server does not answer"


class Keeping(Front):
    """Nothing is stored before the test says so."""

    def __init__(self, timers: ManualClock) -> None:
        clock = Clock(timers, wall=lambda: 1_000.0 + timers.seconds())
        super().__init__("a test", clock, Limits(pause_at=4), lambda _: None)
        self.kept: list[Job] = []

    def _put(self, job: Job) -> None:
        self.kept.append(job)


async def unit(tx: Transaction) -> None:
    """Nothing."""


class OutageTests(SynchronousTestCase):
    """A server that does not answer, with a batch under way."""

    def setUp(self) -> None:
        self.timers = ManualClock()
        self.front = Keeping(self.timers)
        self.producer = Paused()
        self.front.attach(self.producer)

    def committed(self, number: int) -> list[Deferred[None]]:
        """So many units, on their way."""
        return [self.front.commit(unit) for _ in range(number)]

    def test_what_is_kept_meanwhile_holds_nobody_back(self) -> None:
        """Phones that are not read from get no answer to their pings, and hang up."""
        waiting = self.committed(4)
        self.assertEqual(["pause"], self.producer.said)
        self.front.interrupted(State.DOWN, SILENT)
        self.assertEqual(["pause", "resume"], self.producer.said)
        self.failureResultOf(self.front.commit(unit), StorageDown)
        self.assertEqual(4, self.front.waiting)
        self.front.recovered()
        self.front.stored(self.front.kept, [None] * 4)
        for each in waiting:
            self.successResultOf(each)
        self.assertEqual(["pause", "resume"], self.producer.said)
        self.committed(4)
        self.assertEqual(["pause", "resume", "pause"], self.producer.said)

    def test_health_tells_since_when(self) -> None:
        """Since the state is what it is, not since it was last looked at."""
        self.assertEqual((State.OK, "", 1_000.0), self.told())
        self.timers.advance(5)
        self.front.interrupted(State.DOWN, SILENT)
        self.timers.advance(5)
        self.front.interrupted(State.DOWN, "the database server cannot be reached")
        self.assertEqual(
            (State.DOWN, "the database server cannot be reached", 1_005.0), self.told()
        )
        self.front.interrupted(State.FULL, "the database is read-only")
        self.assertEqual((State.FULL, "the database is read-only", 1_010.0), self.told())
        self.timers.advance(5)
        self.front.recovered()
        self.assertEqual((State.OK, "", 1_015.0), self.told())

    def test_who_stopped_waiting_costs_the_others_nothing(self) -> None:
        """A request that was answered 503 meanwhile: its unit is stored all the same."""
        first, second = self.committed(2)
        first.addErrback(lambda _: None)
        first.cancel()
        self.front.stored(self.front.kept, [None, Failure(KeyError("its own fault"))])
        self.failureResultOf(second, KeyError)
        self.assertEqual(0, self.front.waiting)

    def told(self) -> tuple[State, str, float]:
        """The health, in short."""
        health = self.front.health
        return health.state, health.reason, health.since
