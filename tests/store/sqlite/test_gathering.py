"""When the writer waits for more, and when it does not."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.sqlite.gathering import Gathering


class GatheringTests(SynchronousTestCase):
    """A few milliseconds under a heavy load save most of its work; they must cost nobody else."""

    def setUp(self) -> None:
        self.now = 0.0
        self.rate = 0.0
        self.present = 1
        self.gathering = Gathering(lambda: self.present, lambda: self.now, self.wait)

    def wait(self, seconds: float) -> None:
        """Time goes by, and units come."""
        self.now += seconds
        self.present += round(self.rate * seconds)

    def lingered(self) -> float:
        """Seconds that the writer waits before its next batch."""
        self.present = 1
        before = self.now
        self.gathering.linger()
        return self.now - before

    def after(self, units: int, seconds: float) -> None:
        """So many came in so long."""
        for _ in range(units):
            self.now += seconds / units
            self.gathering.took(1)

    def test_a_thousand_a_second_are_stored_as_they_come(self) -> None:
        """A phone's answer waits for one commit, and for nothing else."""
        self.rate = 1_000
        self.after(1_000, 1.0)
        self.assertEqual(0, self.lingered())

    def test_thousands_a_second_are_stored_many_at_a_time(self) -> None:
        """Each commit of its own would take a core on a disk that syncs at once."""
        self.rate = 5_000
        self.after(5_000, 1.0)
        self.assertAlmostEqual(0.006, self.lingered())
        self.assertEqual(31, self.present)

    def test_a_batch_that_is_large_already_is_not_waited_with(self) -> None:
        """On a disk that syncs slowly they gather by themselves."""
        self.rate = 50_000
        self.after(5_000, 0.1)
        self.assertAlmostEqual(0.002, self.lingered())

    def test_those_who_wait_for_their_answers_are_not_waited_for(self) -> None:
        """A few clients with one message under way each would only be made slower."""
        self.after(5_000, 1.0)
        self.assertAlmostEqual(0.002, self.lingered())
        self.assertEqual(0, self.lingered())

    def test_a_heavy_load_that_ended_is_forgotten(self) -> None:
        """Whoever comes after it waits for nothing."""
        self.after(5_000, 1.0)
        self.after(2, 1.0)
        self.assertEqual(0, self.lingered())
