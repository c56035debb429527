"""The checker itself: a proof is worth what its judge can see."""

from twisted.trial.unittest import SynchronousTestCase

from tests.faults.recorder import Recorder


class RecorderTests(SynchronousTestCase):
    """lost, doubled, phantom."""

    def setUp(self) -> None:
        self.recorder = Recorder()
        for number in range(4):
            self.recorder.attempted(("ana/p", number))
        for number in range(2):
            self.recorder.acknowledged(("ana/p", number))

    def test_all_there_is_clean(self) -> None:
        """Unacknowledged ones may be there or not."""
        verdict = self.recorder.check([("ana/p", 0), ("ana/p", 1), ("ana/p", 3)])
        self.assertTrue(verdict.clean, str(verdict))
        self.assertEqual(1, verdict.unanswered_but_kept)

    def test_an_acknowledged_one_that_is_not_there_is_lost(self) -> None:
        """The one thing that must never happen."""
        verdict = self.recorder.check([("ana/p", 0)])
        self.assertEqual({("ana/p", 1)}, verdict.lost)
        self.assertFalse(verdict.clean)

    def test_the_same_one_twice_is_doubled(self) -> None:
        """A phone that sends again after a kill must not walk the same way twice."""
        verdict = self.recorder.check([("ana/p", 0), ("ana/p", 1), ("ana/p", 1)])
        self.assertEqual({("ana/p", 1)}, verdict.doubled)
        self.assertFalse(verdict.clean)

    def test_what_nobody_sent_is_a_phantom(self) -> None:
        """A torn page read as a place."""
        verdict = self.recorder.check([("ana/p", 0), ("ana/p", 1), ("ana/p", 9)])
        self.assertEqual({("ana/p", 9)}, verdict.phantom)
        self.assertFalse(verdict.clean)
