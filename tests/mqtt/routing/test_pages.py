"""A queue, read page by page while it grows: nothing twice, nothing left out, and not everything
in memory."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock as FakeTimers
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.mqtt.routing.changes import Began, Change, Enqueued, Reference
from mytracks.mqtt.routing.journal import Queued
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.pages import LOW, PAGE, PAGE_BYTES, Pages
from mytracks.mqtt.routing.ports import Message, Standing
from tests.mqtt.routing.memory import HandJournal

MESSAGE = Message("a", b"x", 1, False)


def queued(ordinal: int, publisher: str = "pub") -> Queued:
    """A message in the queue."""
    return Queued(ordinal, publisher, MESSAGE, False)


class PagesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.journal = HandJournal()
        self.journal.slow_pages = True
        self.record(Began(1, "ana", "phone", 4, "", 0.0))
        self.last = 0

    def record(self, *changes: Change) -> Deferred[object]:
        return self.journal.record((), changes).addCallback(lambda recorded: recorded)

    def store(self) -> Queued:
        """One more in the journal; nobody is told."""
        self.last += 1
        reference = Reference(1, self.last, 1, False, Standing.ORDINARY)
        self.record(Enqueued("pub", MESSAGE, 0.0, (reference,)))
        return queued(self.last)

    def open(self, empty: bool = False) -> None:
        ledger: Ledger[object, object] = Ledger(
            self.journal, Clock(FakeTimers()), lambda _: None, lambda _: None
        )
        self.pages = Pages(1, empty, ledger, Clock(FakeTimers()), self.more)

    def more(self, _: Sequence[Queued]) -> None:
        """As its user does: send, then look whether to read on."""

    def send(self, most: int = PAGE) -> list[int]:
        sent: list[int] = []
        while self.pages.ready and len(sent) < most:
            sent.append(self.pages.ready[0].ordinal)
            self.pages.sent()
        self.pages.read_on()
        return sent


class ReadingTests(PagesCase):
    """What is in `ready`, and when."""

    def test_an_empty_queue_is_not_read(self) -> None:
        """A phone that finds nothing costs nothing."""
        self.open(empty=True)
        self.pages.read_on()
        self.assertEqual((True, 0), (self.pages.caught_up, self.journal.pages))

    def test_what_was_read_before_it_was_told_is_not_there_twice(self) -> None:
        """A commit is told a moment after it can be read."""
        told = [self.store() for _ in range(3)]
        self.open()
        self.pages.read_on()
        self.journal.turn_pages()
        self.assertEqual([False] * 3, [self.pages.add(each) for each in told])
        self.assertEqual([1, 2, 3], self.send())
        self.assertTrue(self.pages.add(self.store()))
        self.assertEqual([4], self.send())

    def test_the_next_page_is_read_before_the_last_message_is_sent(self) -> None:
        """The disk works while the network does."""
        for _ in range(2 * PAGE):
            self.store()
        self.open()
        self.pages.read_on()
        self.journal.turn_pages()
        self.send(PAGE - LOW - 1)
        self.assertEqual(1, self.journal.pages)
        self.send(1)
        self.assertEqual(2, self.journal.pages)

    def test_what_is_told_too_fast_is_read(self) -> None:
        """More than a page is never kept, whoever tells how much."""
        self.open(empty=True)
        for _ in range(3 * PAGE):
            self.pages.add(self.store())
        self.assertEqual((PAGE, False), (len(self.pages.ready), self.pages.caught_up))

    def test_what_is_told_and_large_is_read_when_its_turn_comes(self) -> None:
        """A few pictures are as much as a page."""
        self.open(empty=True)
        large = Message("a", bytes(PAGE_BYTES // 3), 1, False)
        taken = [self.pages.add(Queued(ordinal, "pub", large, False)) for ordinal in range(1, 6)]
        self.assertEqual([True, True, True, False, False], taken)

    def test_somebody_who_is_forgotten_is_not_sent(self) -> None:
        """Neither what is in memory nor what is being read."""
        self.open(empty=True)
        self.pages.add(queued(1, "ana"))
        self.pages.add(queued(2, "pub"))
        self.pages.forget("ana")
        self.assertEqual([2], [each.ordinal for each in self.pages.ready])
        self.last = 2
        self.store()
        self.open()
        self.pages.read_on()
        self.pages.forget("pub")
        self.journal.turn_pages()
        self.assertEqual([], self.send())

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.lists(st.sampled_from(["store", "tell", "send", "burst", "turn"]), max_size=80))
    def test_everything_comes_once_and_in_order(self, steps: list[str]) -> None:
        """However storing, telling, reading and sending are interleaved."""
        self.setUp()
        self.open(empty=True)
        untold: list[Queued] = []
        sent: list[int] = []
        for step in [*steps, "tell", *["turn", "send"] * 200]:
            match step:
                case "store":
                    untold.append(self.store())
                case "burst":
                    untold += [self.store() for _ in range(PAGE // 2)]
                case "tell":
                    for each in untold:
                        self.pages.add(each)
                    untold = []
                case "turn":
                    self.journal.turn_pages()
                case "send":
                    sent += self.send(PAGE // 3)
            self.assertLessEqual(len(self.pages.ready), PAGE + LOW)
        self.assertEqual(list(range(1, self.last + 1)), sent)
