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


class CrowdCase(SynchronousTestCase):
    """A throttle whose bounds are three instead of fifty."""

    def setUp(self) -> None:
        self.time = task.Clock()
        limits = Limits(network_free_failures=3, account_free_failures=3)
        self.throttle = Throttle(Clock(self.time), limits)
        self.tried = 0

    def wrong(
        self,
        name: str = "ana",
        address: str = HOME,
        credential: bytes | None = None,
        *,
        familiar: bool = False,
    ) -> float:
        """Try something new in vain: the seconds to wait after it, 0 for none."""
        self.tried += 1
        shown = credential or b"guess %d" % self.tried
        try:
            self.throttle.enter(name, address, shown, familiar=familiar)
            self.throttle.failed(name, address, shown, familiar=familiar)
        except Busy as busy:
            return busy.retry_after
        return 0

    def gets_in(self, name: str, address: str, *, familiar: bool = False) -> bool:
        """Whether a right credential, never shown before, is let in without waiting."""
        self.tried += 1
        shown = b"right %d" % self.tried
        try:
            self.throttle.enter(name, address, shown, familiar=familiar)
        except Busy:
            return False
        self.throttle.passed(name, address, shown)
        return True


class NetworksTests(CrowdCase):
    """One network that tries many names."""

    def spray(self, number: int) -> list[float]:
        """One password on so many names, each as early as is allowed: the waits."""
        waits = []
        for name in range(number):
            waits.append(self.wrong(f"name{name}"))
            self.time.advance(waits[-1])
        return waits

    def test_after_so_many_failures_its_strangers_wait_longer_and_longer(self) -> None:
        """Each name has five free failures; a network has not five for each name that there is."""
        self.assertEqual([0, 0, 0, 2, 4, 8, 16, 32, 64, 90, 90], self.spray(11))

    def test_whoever_is_familiar_there_does_not_wait(self) -> None:
        """A household behind one address with a guest who plays."""
        self.spray(4)
        self.wrong("name9")
        self.assertFalse(self.gets_in("ana", HOME))
        self.assertTrue(self.gets_in("ana", HOME, familiar=True))
        self.assertEqual(0, self.wrong("ana", familiar=True))

    def test_other_networks_do_not_wait(self) -> None:
        """It is about that network."""
        self.spray(4)
        self.wrong("name9")
        self.assertTrue(self.gets_in("ana", AWAY))

    def test_a_phone_that_repeats_an_old_password_counts_once(self) -> None:
        """It tries for days, and its owner behind the same address does not feel it."""
        for _ in range(200):
            self.time.advance(max(20, self.wrong("ben", credential=b"old")))
        self.assertTrue(self.gets_in("ana", HOME))
        self.assertEqual(0, self.wrong("eve"))

    def test_generated_credentials_count_for_the_network(self) -> None:
        """A token that is none of ours is no guess at an account."""
        for number in range(3):
            self.throttle.unknown(HOME, b"token %d" % number)
        with self.assertRaises(Busy):
            self.throttle.unknown(HOME, b"token 4")
        self.assertFalse(self.gets_in("ana", HOME))
        self.assertEqual(4, self.throttle.failures(HOME))
        self.assertEqual(0, self.throttle.failures(AWAY))

    def test_a_replaced_generated_credential_counts_once(self) -> None:
        """The forgotten phone in the drawer."""
        for _ in range(100):
            self.throttle.unknown(HOME, b"replaced")
        self.assertTrue(self.gets_in("ana", HOME))

    def test_this_machine_is_no_network(self) -> None:
        """Behind a proxy that we were not told of stands everybody."""
        for address in ("127.0.0.1", "::1", "a UNIX socket"):
            for name in range(20):
                self.assertEqual(0, self.wrong(f"name{name}", address))
            self.assertTrue(self.gets_in("ana", address))

    def test_many_names_at_the_same_moment_are_counted_before_they_fail(self) -> None:
        """Once one of them was wrong."""
        self.wrong("name0")
        entered = 0
        for number in range(1, 10):
            try:
                self.throttle.enter(f"name{number}", HOME, b"%d" % number)
                entered += 1
            except Busy:
                pass
        self.assertEqual(3, entered)

    def test_failures_are_forgotten_after_a_quarter_of_an_hour(self) -> None:
        """Yesterday's guest costs nothing today."""
        self.spray(8)
        self.time.advance(15 * 60)
        self.assertEqual(0, self.wrong("somebody"))
        self.assertEqual(1, self.throttle.failures(HOME))


class AccountsTests(CrowdCase):
    """Many networks that try one name."""

    def besiege(self, first: int = 0) -> None:
        """One wrong password from each of ten addresses."""
        for each in range(first, first + 10):
            self.assertEqual(0, self.wrong("ana", f"203.0.113.{each}"))

    def test_a_strange_network_then_has_one_free_failure(self) -> None:
        """A thousand addresses have a thousand guesses, not five thousand."""
        self.besiege()
        self.assertEqual(0, self.wrong("ana", AWAY))
        self.assertEqual(2, self.wrong("ana", AWAY))
        self.time.advance(2)
        self.assertEqual(4, self.wrong("ana", AWAY))

    def test_the_owner_abroad_gets_in_at_the_first_try(self) -> None:
        """No lock-out by many, either."""
        self.besiege()
        self.assertTrue(self.gets_in("ana", AWAY))

    def test_the_owner_abroad_who_mistyped_waits_90_seconds_at_most(self) -> None:
        """However many guess meanwhile."""
        self.besiege()
        for _ in range(4):
            self.time.advance(self.wrong("ana", AWAY))
        self.besiege(10)
        self.time.advance(90)
        self.assertTrue(self.gets_in("ana", AWAY))

    def test_where_the_account_is_familiar_nothing_changes(self) -> None:
        """At home one may mistype five times, whatever goes on outside."""
        self.besiege()
        waits = [self.wrong("ana", HOME, familiar=True) for _ in range(6)]
        self.assertEqual([0] * 5 + [2], waits)

    def test_mistakes_at_home_besiege_nobody(self) -> None:
        """They are counted for the network where they are made."""
        for _ in range(5):
            self.wrong("ana", HOME, familiar=True)
        self.assertEqual([0, 0], [self.wrong("ana", AWAY) for _ in range(2)])

    def test_other_accounts_are_not_besieged(self) -> None:
        """It is about that account."""
        self.besiege()
        self.assertEqual([0, 0], [self.wrong("ben", AWAY) for _ in range(2)])

    def test_it_is_over_a_quarter_of_an_hour_after_the_last_guess(self) -> None:
        """And more than one failure is free again."""
        self.besiege()
        self.time.advance(15 * 60)
        self.assertEqual([0] * 3, [self.wrong("ana", AWAY) for _ in range(3)])

    def test_memory_is_bounded(self) -> None:
        """A flood of names and of addresses must not fill it."""
        throttle = Throttle(Clock(self.time), Limits(max_failure_records=3))
        for number in range(20):
            throttle.enter(f"name{number}", f"203.0.113.{number}", b"x")
            throttle.failed(f"name{number}", f"203.0.113.{number}", b"x")
        kept = (throttle._records, throttle._networks, throttle._accounts)
        self.assertEqual([3, 3, 3], [len(each) for each in kept])
