"""The daemon's long pauses were Python's, looking for garbage."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.garbage import THRESHOLDS, WHILE_LOADING, expect_much, settle


class GarbageTests(SynchronousTestCase):
    """A phone waits for its acknowledgement while Python looks."""

    def setUp(self) -> None:
        """Leave the test process as it was."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)

    def test_little_is_looked_at_while_all_is_loaded(self) -> None:
        """It all stays; but a start that goes wrong leaves no process that never looks."""
        expect_much()
        self.assertEqual(WHILE_LOADING, gc.get_threshold()[0])
        self.assertTrue(gc.isenabled())

    def test_what_is_there_is_not_looked_through_again(self) -> None:
        """And what comes is, less often, but it is."""
        settle()
        self.assertGreater(gc.get_freeze_count(), 0)
        self.assertEqual(THRESHOLDS, gc.get_threshold())
        self.assertTrue(gc.isenabled())
