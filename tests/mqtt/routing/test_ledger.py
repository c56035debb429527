"""What is recorded at once, and what can wait."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.mqtt.routing.changes import Change, Settled, Unretained
from mytracks.mqtt.routing.journal import Removed
from mytracks.mqtt.routing.ledger import GATHERED, GATHERED_FOR, Ledger
from tests.mqtt.routing.memory import HandJournal
from tests.mqtt.routing.rig import FULL_DISK, Timers


class Session:
    """One of which references are settled."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.gone: list[int] = []

    def settled(self, ordinals: Sequence[int]) -> None:
        self.gone += ordinals


class LedgerCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.timers = Timers()
        self.journal = HandJournal()
        self.removed: list[Removed] = []
        self.announced: list[str] = []
        self.told: list[str] = []
        self.ledger: Ledger[str, str] = Ledger(
            self.journal, Clock(self.timers), self.removed.append, self.announced.append
        )

    def later(self, topic: str) -> None:
        self.ledger.later(Unretained(topic), lambda: self.told.append(topic))

    def recorded(self) -> list[object]:
        """Topics of what was recorded late, and ordinals that were settled."""
        return [
            each.topic if isinstance(each, Unretained) else getattr(each, "ordinals", None)
            for each in self.journal.changes
        ]


class RecordTests(LedgerCase):
    """What somebody waits for."""

    def test_it_is_told_in_order_and_announced_after_that(self) -> None:
        """First the acknowledgement, then the news."""
        self.journal.by_hand = True
        for fact in ("1", "2"):
            self.ledger.record((fact,), (), self.told.append, self.fail, f"stored {fact}")
        self.journal.fire()
        self.assertEqual((["stored 1"], ["1"]), (self.told, self.announced))
        self.journal.fire()
        self.assertEqual((["stored 1", "stored 2"], ["1", "2"]), (self.told, self.announced))

    def test_what_follows_from_one_is_nobody_elses_trouble(self) -> None:
        """A fault in it is told, and the next one is served."""

        def broken(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        self.ledger.record(("1",), (), broken, broken)
        self.journal.trouble = FULL_DISK
        self.ledger.record(("2",), (), broken, broken)
        self.journal.trouble = None
        self.ledger.record(("3",), (), self.told.append, broken, "3")
        self.assertEqual(2, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(["3"], self.told)


class LateTests(LedgerCase):
    """What can wait."""

    def test_it_is_gathered_for_a_while_and_recorded_together(self) -> None:
        """One commit for the acknowledgements of many sessions."""
        one, two = Session(1), Session(2)
        self.later("a")
        for ordinal in (1, 2, 3):
            self.ledger.settle(one, ordinal)
            self.ledger.settle(two, ordinal)
        self.assertEqual([], self.recorded())
        self.timers.advance(GATHERED_FOR)
        self.assertEqual(["a", (1, 2, 3), (1, 2, 3)], self.recorded())
        self.assertEqual((["a"], [1, 2, 3]), (self.told, two.gone))
        self.assertEqual([], self.timers.getDelayedCalls())

    def test_no_more_than_so_much_is_gathered(self) -> None:
        """However fast they come."""
        session = Session(1)
        for ordinal in range(2 * GATHERED):
            self.ledger.settle(session, ordinal)
        self.assertEqual(2, len(self.journal.changes))

    def test_soon_is_now_with_all_that_was_gathered_before_it(self) -> None:
        """In the order in which it was said."""
        self.later("a")
        self.ledger.soon(Unretained("b"))
        self.assertEqual(["a", "b"], self.recorded())

    def test_it_is_tried_until_it_works_and_told_once(self) -> None:
        """At growing distances; what comes meanwhile waits with it."""
        self.journal.trouble = FULL_DISK
        self.later("a")
        self.timers.advance(GATHERED_FOR)
        self.ledger.soon(Unretained("b"))
        self.ledger.settle(Session(1), 7)
        self.timers.pump([1] * 8)
        self.assertEqual(([], []), (self.recorded(), self.told))
        self.journal.trouble = None
        self.timers.pump([1] * 5)
        self.assertEqual((["a", "b", (7,)], ["a"]), (self.recorded(), self.told))
        self.later("c")
        self.timers.advance(GATHERED_FOR)
        self.assertEqual("c", self.recorded()[-1])

    def test_what_is_not_wanted_any_more_is_done_with(self) -> None:
        """It is asked for at each attempt."""
        wanted: list[Change] = [Unretained("a")]

        def make() -> Change | None:
            return wanted[0] if wanted else None

        self.journal.trouble = FULL_DISK
        self.ledger.soon(make, lambda: self.told.append("done"))
        wanted.clear()
        self.journal.trouble = None
        self.timers.advance(1)
        self.assertEqual(([], ["done"], []), (self.recorded(), self.told, self.waits()))

    def test_what_can_never_be_stored_is_told_and_given_up(self) -> None:
        """A fault of ours must not block all that follows."""
        self.journal.by_hand = True
        self.ledger.soon(Unretained("a"), lambda: self.told.append("a"))
        self.journal.fire(RuntimeError("a fault of ours"))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual((["a"], []), (self.told, self.waits()))

    def waits(self) -> list[object]:
        return list(self.timers.getDelayedCalls())


class EndTests(LedgerCase):
    """The broker closes."""

    def test_it_is_quiet_when_nothing_is_being_recorded(self) -> None:
        """What could wait is recorded first."""
        self.journal.by_hand = True
        self.ledger.record(("1",), (), self.told.append, self.fail, "1")
        self.ledger.settle(Session(1), 5)
        quiet: Deferred[None] = self.ledger.quiet()
        self.journal.fire()
        self.assertNoResult(quiet)
        self.journal.fire()
        self.successResultOf(quiet)
        self.assertEqual([Settled(1, (5,))], self.journal.changes)

    def test_after_that_nothing_runs(self) -> None:
        """Whatever was under way, and whatever is still said."""
        self.later("a")
        self.journal.by_hand = True
        self.ledger.soon(Unretained("b"))
        self.ledger.close()
        self.later("c")
        self.journal.fire(FULL_DISK)
        self.assertEqual([], self.timers.getDelayedCalls())
