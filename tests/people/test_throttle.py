"""Failed sign-ins slow down whoever makes them, and nobody else."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import task
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.errors import Busy
from mytracks.people.limits import Limits
from mytracks.people.throttle import Throttle

HOME, AWAY = "192.0.2.7", "198.51.100.9"


class ThrottleTests(SynchronousTestCase):
    """Contract 7: from the sixth failure within 15 minutes a growing wait, 90 s at most."""

    def setUp(self) -> None:
        self.time = task.Clock()
        self.throttle = Throttle(Clock(self.time), Limits())

    def fail_with(self, credential: bytes, name: str = "ana", address: str = HOME) -> float:
        """Try it in vain; the seconds to wait after it, 0 for none."""
        try:
            self.throttle.enter(name, address, credential)
            self.throttle.failed(name, address, credential)
        except Busy as busy:
            return busy.retry_after
        return 0

    def guess(self, times: int) -> list[float]:
        """Different wrong credentials, each as early as is allowed: the waits."""
        waits = []
        for number in range(times):
            waits.append(self.fail_with(b"guess %d" % number))
            self.time.advance(waits[-1])
        return waits

    def test_five_failures_cost_nothing_and_then_the_wait_grows_to_its_bound(self) -> None:
        """People mistype; programs that guess get slower and slower, never locked out."""
        self.assertEqual([0] * 5 + [2, 4, 8, 16, 32, 64, 90, 90], self.guess(13))

    def test_what_is_tried_during_a_wait_is_neither_checked_nor_counted(self) -> None:
        """Impatience must not make it worse: whoever waits as told gets in."""
        self.guess(5)
        self.assertEqual(2, self.fail_with(b"sixth"))
        for number in range(20):
            self.assertEqual(2, self.fail_with(b"impatient %d" % number))
        self.assertEqual(20, self.throttle.refused)
        self.time.advance(2)
        self.throttle.enter("ana", HOME, b"right")
        self.throttle.passed("ana", HOME, b"right")

    def test_a_phone_with_an_old_password_never_keeps_its_owner_out(self) -> None:
        """It tries for ever; the new password on another phone waits no longer than 90 s once."""
        for _ in range(30):
            self.time.advance(max(1, self.fail_with(b"old")))
        for _ in range(5):
            self.fail_with(b"old")
        self.throttle.enter("ana", HOME, b"new")
        self.throttle.passed("ana", HOME, b"new")

    def test_a_phone_with_an_old_password_is_itself_slowed_down(self) -> None:
        """The same wrong word again and again is guessing, too."""
        waits = []
        for _ in range(8):
            waits.append(self.fail_with(b"old"))
            self.time.advance(waits[-1])
        self.assertEqual([0] * 5 + [2, 4, 8], waits)

    def test_failures_are_forgotten_after_a_quarter_of_an_hour(self) -> None:
        """Yesterday's mistakes cost nothing today."""
        self.guess(8)
        self.time.advance(15 * 60)
        self.assertEqual(0, self.fail_with(b"mistyped"))

    def test_other_accounts_and_other_networks_are_not_slowed_down(self) -> None:
        """An attacker abroad must not be able to lock the owner out at home."""
        self.guess(10)
        self.assertEqual(0, self.fail_with(b"x", name="ben"))
        self.assertEqual(0, self.fail_with(b"x", address=AWAY))

    def test_guesses_made_at_once_are_counted_before_they_fail(self) -> None:
        """A thousand parallel guesses would otherwise all be free."""
        for number in range(6):
            self.throttle.enter("ana", HOME, b"guess %d" % number)
        with self.assertRaises(Busy):
            self.throttle.enter("ana", HOME, b"one more")

    def test_many_phones_with_the_same_password_come_back_at_once(self) -> None:
        """A household behind one address after a restart: one password is one attempt."""
        for _ in range(50):
            self.throttle.enter("ana", HOME, b"right")
        for _ in range(50):
            self.throttle.passed("ana", HOME, b"right")

    def test_a_check_that_came_to_no_end_costs_nothing(self) -> None:
        """Our own overload is not the user's failure."""
        for number in range(50):
            self.throttle.enter("ana", HOME, b"%d" % number)
            self.throttle.left("ana", HOME, b"%d" % number)
        self.throttle.enter("ana", HOME, b"right")

    def test_memory_is_bounded(self) -> None:
        """A flood of invented names must not fill it."""
        throttle = Throttle(Clock(self.time), Limits(max_failure_records=3))
        for number in range(10):
            throttle.enter(f"name{number}", HOME, b"x")
        self.assertEqual(3, len(throttle._records))
        throttle.left("name0", HOME, b"x")

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 200)), max_size=60))
    def test_a_credential_never_tried_before_waits_90_seconds_at_most(
        self, attempts: list[tuple[int, float]]
    ) -> None:
        """Whatever others do: the right password is at most a minute and a half away."""
        time = task.Clock()
        throttle = Throttle(Clock(time), Limits())
        for number, pause in attempts:
            time.advance(pause)
            try:
                throttle.enter("ana", HOME, b"%d" % number)
                throttle.failed("ana", HOME, b"%d" % number)
            except Busy as busy:
                self.assertLessEqual(busy.retry_after, 90)
        time.advance(90)
        throttle.enter("ana", HOME, b"right")
