"""Whether the date is known."""

from twisted.internet.task import Clock as Timers
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import EARLIEST, Clock, believable


class DateTests(SynchronousTestCase):
    """A computer without a battery begins at 1970, or when its system was made."""

    def test_a_clock_before_2024_was_never_set(self) -> None:
        """At the limit it may be right, a second before it cannot."""
        self.assertEqual([False, False, True], list(map(believable, (0, EARLIEST - 1, EARLIEST))))

    def test_a_doubtful_date_is_told_in_words_with_its_consequence(self) -> None:
        """Whoever reads the log knows what to do."""
        clock = Clock(Timers(), wall=lambda: 3600.5)
        self.assertEqual(
            "the clock says 1970-01-01 01:00 UTC: no certificates are made until it is set",
            clock.doubt(),
        )
        self.assertIsNone(Clock(Timers(), wall=lambda: float(EARLIEST)).doubt())
