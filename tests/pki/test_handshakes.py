"""What is told of handshakes that failed: to administrators all of it, to the log not too often."""

from twisted.internet import task
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock, Seldom
from mytracks.pki.handshakes import KEPT, Diagnoses


class DiagnosesTests(SynchronousTestCase):
    """A phone that tries for days, and a storm of strangers."""

    def setUp(self) -> None:
        self.timers = task.Clock()
        self.diagnoses = Diagnoses(Clock(self.timers, wall=self.timers.seconds))

    def fail_with(self, address: str) -> None:
        """A handshake with whoever is there comes to nothing."""
        self.diagnoses.note(
            address=address, port=1, listener="mqtts", asked=None, ours=(), reason="it is late"
        )

    def test_the_same_failure_is_told_once_an_hour_with_how_often_it_came(self) -> None:
        """The newest of it is what administrators see."""
        with capturedLogs() as told:
            for _ in range(5):
                self.fail_with("192.0.2.1")
        self.assertEqual(1, len(told))
        self.assertEqual([5], [each.times for each in self.diagnoses.latest()])
        self.timers.advance(Seldom.EVERY)
        with capturedLogs() as told:
            self.fail_with("192.0.2.1")
        self.assertIn("5 times", told[0]["again"])

    def test_many_strangers_fill_neither_the_log_nor_the_memory(self) -> None:
        """All of them are counted."""
        with capturedLogs() as told:
            for number in range(2 * KEPT):
                self.fail_with(f"2001:db8::{number:x}")
        self.assertEqual(Seldom.A_MINUTE, len(told))
        self.assertEqual(KEPT, len(self.diagnoses.latest()))
        self.assertEqual(2 * KEPT, self.diagnoses.failed)
