"""Whether the date is known, and how often something is told."""

from twisted.internet.task import Clock as Timers
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import EARLIEST, Clock, Seldom, again, believable


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


class SeldomTests(SynchronousTestCase):
    """What comes again and again."""

    def setUp(self) -> None:
        self.timers = Timers()
        self.seldom = Seldom(Clock(self.timers))

    def test_it_is_told_once_and_then_once_an_hour_with_how_often_it_came(self) -> None:
        """Each thing for itself."""
        self.assertEqual([1, 0, 0], [self.seldom.times("a") for _ in range(3)])
        self.assertEqual(1, self.seldom.times("b"))
        self.timers.advance(60 * 60 - 1)
        self.assertEqual(0, self.seldom.times("a"))
        self.timers.advance(1)
        self.assertEqual([4, 0], [self.seldom.times("a") for _ in range(2)])
        self.assertEqual(1, self.seldom.times("b"))

    def test_a_phone_that_repeats_an_old_password_for_days_writes_a_line_an_hour(self) -> None:
        """Not one for each try."""
        told = 0
        for _ in range(3 * 24 * 60 * 2):
            told += self.seldom.times("phone") > 0
            self.timers.advance(30)
        self.assertEqual(3 * 24, told)

    def test_no_more_than_some_new_things_are_told_in_a_minute(self) -> None:
        """A storm from a thousand addresses; what was held back is told when it comes again."""
        told = [self.seldom.times(number) for number in range(1000)]
        self.assertEqual([1] * Seldom.A_MINUTE + [0] * (1000 - Seldom.A_MINUTE), told)
        self.timers.advance(60)
        self.assertEqual(2, self.seldom.times(999))

    def test_memory_is_bounded(self) -> None:
        """What came longest ago is forgotten."""
        for number in range(Seldom.MOST + 5):
            self.seldom.times(number)
        self.assertEqual(Seldom.MOST, len(self.seldom._series))

    def test_once_needs_no_words(self) -> None:
        """More often does."""
        self.assertEqual("", again(1))
        self.assertEqual(" (7 times since this was told last)", again(7))
