"""What waits is counted, and held back in time."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.database import StorageBusy
from mytracks.store.limits import Limits
from mytracks.store.waiting import Waiting
from tests.contracts.database import Paused


class WaitingTests(SynchronousTestCase):
    """The limits, at and one past them."""

    def setUp(self) -> None:
        self.waiting = Waiting(Limits(pause_at=4, pause_at_bytes=100, refuse_at=6))
        self.producer = Paused()
        self.waiting.attach(self.producer)

    def add(self, count: int, weight: int = 0) -> None:
        for _ in range(count):
            self.waiting.add(weight)

    def remove(self, count: int, weight: int = 0) -> None:
        self.waiting.remove(count, weight)
        self.waiting.relax()

    def test_producers_pause_once_at_the_limit(self) -> None:
        """Not before, and not for every further unit."""
        self.add(3)
        self.assertEqual([], self.producer.said)
        self.add(2)
        self.assertEqual(["pause"], self.producer.said)

    def test_producers_go_on_below_half(self) -> None:
        """Not at each unit that goes, or they would stutter."""
        self.add(4)
        self.remove(2)
        self.assertEqual(["pause"], self.producer.said)
        self.remove(1)
        self.assertEqual(["pause", "resume"], self.producer.said)

    def test_bytes_hold_back_as_well(self) -> None:
        """At the limit, released below half of it."""
        self.add(1, 99)
        self.assertEqual([], self.producer.said)
        self.add(1, 1)
        self.assertEqual(["pause"], self.producer.said)
        self.remove(1, 49)
        self.assertEqual(["pause"], self.producer.said)
        self.remove(0, 2)
        self.assertEqual(["pause", "resume"], self.producer.said)

    def test_the_last_place_is_taken_and_no_more(self) -> None:
        """Memory is bounded even where somebody does not listen."""
        self.add(6)
        self.assertRaises(StorageBusy, self.waiting.add, 0)
        self.assertEqual(6, self.waiting.units)

    def test_who_has_left_is_not_called(self) -> None:
        """A closed connection must not be resumed."""
        self.waiting.detach(self.producer)
        self.waiting.detach(self.producer)
        self.add(5)
        self.assertEqual([], self.producer.said)
