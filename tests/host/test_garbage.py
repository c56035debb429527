"""The daemon's long pauses were Python's, looking for garbage."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.garbage import THRESHOLDS, settle


class GarbageTests(SynchronousTestCase):
    """A phone waits for its acknowledgement while Python looks."""

    def setUp(self) -> None:
        """Leave the test process as it was."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)

    def test_what_is_there_is_not_looked_through_again(self) -> None:
        """And what comes is, less often, but it is."""
        settle()
        self.assertGreater(gc.get_freeze_count(), 0)
        self.assertEqual(THRESHOLDS, gc.get_threshold())
        self.assertTrue(gc.isenabled())
