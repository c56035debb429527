"""What a good password is, and whether the one shown is right."""

import threading
import time
from collections.abc import Sequence
from typing import Any, cast

from attrs import evolve
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.clock import Clock
from mytracks.errors import Invalid, Unavailable
from mytracks.people.hashing import Hashing, Urgency
from mytracks.people.limits import Limits
from mytracks.people.passwords import Passwords, generate
from tests.people.room import CHEAP, GOOD

SLOW = Limits(password_max_waiting=4, password_memory_kib=4096, wrong_password_held=0)
"""Enough for several to wait."""
HELD = Limits(password_memory_kib=4096, password_threads=1, wrong_password_held_most=1)


def names_of_threads() -> list[str]:
    """Of those that check passwords."""
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("password-"))


class PasswordsCase(TestCase):
    """Real argon2id in real threads."""

    def setUp(self) -> None:
        self.time = task.Clock()

    def opened(self, limits: Limits = CHEAP) -> Passwords:
        """Passwords whose threads run until the test ends."""
        self.hashing = Hashing(cast(Any, reactor), Clock(self.time), limits)
        self.hashing.open()
        self.addCleanup(self.hashing.close)
        return Passwords(self.hashing, Clock(self.time), limits)

    def check(
        self,
        passwords: Passwords,
        stored: str | None,
        password: bytes,
        urgency: Urgency = Urgency.REST,
    ) -> Deferred[bool]:
        """Whether it is right, as `signin` asks."""
        tag = passwords.tag("ana", stored, password)
        return passwords.verify(tag, stored, password, urgency)

    def wrong(self, passwords: Passwords, number: int) -> list[Deferred[bool]]:
        """So many checks of different passwords of nobody."""
        return [self.check(passwords, None, b"%d" % each) for each in range(number)]

    def noted(
        self, passwords: Passwords, order: list[str], name: str, urgency: Urgency
    ) -> Deferred[None]:
        """A check that is noted in `order` when it is done."""
        done = self.check(passwords, None, name.encode(), urgency)
        return done.addCallback(lambda _: order.append(name))


class VerifyTests(PasswordsCase):
    """Whether a password is right."""

    async def test_only_the_right_password_is_right(self) -> None:
        """The whole point."""
        passwords = self.opened()
        stored = await passwords.hash(GOOD)
        self.assertTrue(await self.check(passwords, stored, GOOD.encode()))
        self.assertFalse(await self.check(passwords, stored, b"wrong"))
        self.assertFalse(await self.check(passwords, stored, GOOD.encode() + b" "))
        self.assertFalse(await self.check(passwords, stored, b"\xff\xfe"))

    async def test_the_hash_names_its_costs_and_has_its_own_salt(self) -> None:
        """argon2id, and no two alike (security.md 6)."""
        passwords = self.opened(Limits())
        one, other = await passwords.hash(GOOD), await passwords.hash(GOOD)
        self.assertTrue(one.startswith("$argon2id$v=19$m=19456,t=2,p=1$"))
        self.assertNotEqual(one, other)

    async def test_a_password_as_long_as_the_policy_allows_is_not_cut(self) -> None:
        """What stands behind the limit would otherwise not matter [ASVS 5.0 6.2.9]."""
        passwords = self.opened()
        longest = "🦉" * 1024
        stored = await passwords.hash(longest)
        self.assertTrue(await self.check(passwords, stored, longest.encode()))
        self.assertFalse(await self.check(passwords, stored, longest.encode()[:-1]))
        self.assertFalse(await self.check(passwords, stored, longest.encode() + b"x"))
        self.assertFalse(await self.check(passwords, await passwords.hash(""), b"x" * 4097))

    async def test_a_broken_hash_lets_nobody_in(self) -> None:
        """A damaged row is no open door, and no traceback."""
        passwords = self.opened()
        for stored in ("", "!", "$argon2id$", "plain"):
            self.assertFalse(await self.check(passwords, stored, b"plain"))

    async def test_nobody_costs_as_much_as_somebody(self) -> None:
        """Time must not tell which names exist [ASVS 5.0 6.3.8]."""
        passwords = self.opened(Limits(password_time_cost=2, password_memory_kib=4096))
        stored = await passwords.hash(GOOD)

        async def took(hashed: str | None, number: int) -> float:
            began = time.perf_counter()
            self.assertFalse(await self.check(passwords, hashed, b"wrong %d" % number))
            return time.perf_counter() - began

        # The shortest of several, taken in turns: whatever else the machine does only lengthens.
        pairs = [(await took(None, number), await took(stored, number)) for number in range(15)]
        ratio = min(one for one, _ in pairs) / min(other for _, other in pairs)
        self.assertTrue(0.5 < ratio < 2, ratio)

    async def test_hashes_of_other_costs_are_outdated(self) -> None:
        """So that a raised cost reaches everybody at their next sign-in."""
        passwords = self.opened()
        self.assertFalse(passwords.outdated(await passwords.hash(GOOD)))
        self.assertTrue(
            passwords.outdated(
                Hashing(cast(Any, reactor), Clock(self.time), Limits()).unmatchable()
            )
        )


class CacheTests(PasswordsCase):
    """What is remembered of right passwords, and what never is."""

    async def test_a_right_password_is_known_for_a_quarter_of_an_hour(self) -> None:
        """A thousand phones that come back cost a thousand lookups, not argon2 runs."""
        passwords = self.opened()
        stored = await passwords.hash(GOOD)
        tag = passwords.tag("ana", stored, GOOD.encode())
        self.assertFalse(passwords.known(tag))
        await self.check(passwords, stored, GOOD.encode())
        self.time.advance(15 * 60 - 1)
        self.assertTrue(passwords.known(tag))
        self.time.advance(1)
        self.assertFalse(passwords.known(tag))

    async def test_a_wrong_password_is_never_remembered(self) -> None:
        """Each one costs its guesser a whole run."""
        passwords = self.opened()
        stored = await passwords.hash(GOOD)
        before = self.hashing.runs
        for _ in range(3):
            await self.check(passwords, stored, b"wrong")
            self.assertFalse(passwords.known(passwords.tag("ana", stored, b"wrong")))
        self.assertEqual(3, self.hashing.runs - before)

    async def test_it_is_bound_to_the_user_the_hash_and_the_password(self) -> None:
        """A changed password is out at once, and no part can slide into its neighbour."""
        passwords = self.opened()
        tags = {
            passwords.tag("ab", "c", b"d"),
            passwords.tag("a", "bc", b"d"),
            passwords.tag("ab", "", b"cd"),
            passwords.tag("ab", "cd", b""),
            passwords.tag("ab", None, b"cd"),
        }
        self.assertEqual(4, len(tags))
        self.assertNotIn(passwords.tag("ab", "c", b"d"), {self.opened().tag("ab", "c", b"d")})

    async def test_it_forgets_what_was_used_longest_ago(self) -> None:
        """Bounded; a flood of right passwords only costs runs."""
        limits = Limits(password_time_cost=1, password_memory_kib=8, password_cache_size=2)
        passwords = self.opened(limits)
        stored = [await passwords.hash(GOOD) for _ in range(3)]
        tags = [passwords.tag("ana", each, GOOD.encode()) for each in stored]
        for each in stored:
            await self.check(passwords, each, GOOD.encode())
        self.assertEqual([False, True, True], [passwords.known(tag) for tag in tags])

    async def test_equal_checks_under_way_share_one_run(self) -> None:
        """A household's phones come back in the same second."""
        passwords = self.opened()
        stored = await passwords.hash(GOOD)
        before = self.hashing.runs
        checks = [self.check(passwords, stored, GOOD.encode()) for _ in range(50)]
        checks[3].addErrback(lambda _: False)
        checks[3].cancel()
        self.assertEqual([True] * 3 + [False] + [True] * 46, await gatherResults(checks))
        self.assertEqual(1, self.hashing.runs - before)


class PoolTests(PasswordsCase):
    """The threads and their queue."""

    async def test_the_reactor_never_hashes(self) -> None:
        """23 ms of it would be 23 ms of silence for everybody."""
        passwords = self.opened()
        self.assertEqual(["password-0", "password-1"], names_of_threads())
        await passwords.hash(GOOD)

    async def test_when_one_more_would_be_too_many_the_oldest_gives_way(self) -> None:
        """Overload is told at once: CONNACK 3 or 503, and the phone comes back. Whoever asks now is
        still there; whoever asked first may have given up."""
        passwords = self.opened(SLOW)
        checks = self.wrong(passwords, 4)
        newcomer = self.check(passwords, None, b"newcomer", Urgency.REST)
        with self.assertRaises(Unavailable):
            await checks[2]
        answers = [await each for each in (*checks[:2], checks[3], newcomer)]
        self.assertEqual([False] * 4, answers)

    async def test_the_less_urgent_give_way(self) -> None:
        """A storm of guesses pushes out guesses, not people."""
        passwords = self.opened(evolve(SLOW, password_max_waiting=5))
        running = self.wrong(passwords, 2)
        familiar = self.check(passwords, None, b"familiar", Urgency.FAMILIAR)
        rest = [self.check(passwords, None, b"rest %d" % each) for each in range(2)]
        fresh = self.check(passwords, None, b"fresh", Urgency.FRESH)
        with self.assertRaises(Unavailable):
            await rest[0]
        for each in (*running, familiar, rest[1], fresh):
            self.assertFalse(await each)

    async def test_the_rest_keep_a_quarter_of_the_places(self) -> None:
        """Whoever mistyped thrice is not put out by strangers who never failed."""
        passwords = self.opened(evolve(SLOW, password_max_waiting=8))
        running = self.wrong(passwords, 2)
        fresh = [self.check(passwords, None, b"f%d" % n, Urgency.FRESH) for n in range(6)]
        rest = [self.check(passwords, None, b"r%d" % n, Urgency.REST) for n in range(3)]
        refused = [each for each in (*fresh, *rest) if await self.is_refused(each)]
        self.assertEqual(fresh[:3], refused)
        await gatherResults(running)

    async def test_no_stranger_puts_out_anybody_familiar(self) -> None:
        """But the newest of them the oldest."""
        passwords = self.opened(SLOW)
        running = self.wrong(passwords, 2)
        known = [self.check(passwords, None, b"k%d" % n, Urgency.FAMILIAR) for n in range(2)]
        for urgency in (Urgency.FRESH, Urgency.REST):
            with self.assertRaises(Unavailable):
                self.check(passwords, None, b"stranger", urgency)
        newest = self.check(passwords, None, b"newest", Urgency.FAMILIAR)
        refused = [await self.is_refused(each) for each in (*known, newest)]
        self.assertEqual([True, False, False], refused)
        await gatherResults(running)

    async def is_refused(self, check: Deferred[bool]) -> bool:
        """Whether it is not carried out."""
        try:
            await check
        except Unavailable:
            return True
        return False

    async def test_nobody_waits_when_all_threads_are_busy_and_none_may_wait(self) -> None:
        """What is being checked is carried through."""
        passwords = self.opened(evolve(SLOW, password_max_waiting=2))
        running = self.wrong(passwords, 2)
        with self.assertRaises(Unavailable):
            self.check(passwords, None, b"one more", Urgency.FAMILIAR)
        self.assertEqual([False] * 2, await gatherResults(running))

    async def test_the_familiar_go_first(self) -> None:
        """The right user does not stand in the queue of a thousand guesses."""
        passwords = self.opened(evolve(SLOW, password_threads=1, password_max_waiting=100))
        order: list[str] = []
        checks = [
            self.noted(passwords, order, name, urgency)
            for name, urgency in (
                ("running", Urgency.REST),
                ("rest", Urgency.REST),
                ("fresh", Urgency.FRESH),
                ("familiar", Urgency.FAMILIAR),
            )
        ]
        await gatherResults(checks)
        self.assertEqual(["running", "familiar", "fresh", "rest"], order)

    async def test_the_last_class_gets_every_fourth_turn(self) -> None:
        """An owner who mistyped is not kept waiting for as long as strangers come."""
        passwords = self.opened(evolve(SLOW, password_threads=1, password_max_waiting=100))
        order: list[str] = []
        checks = [self.noted(passwords, order, f"fresh {n}", Urgency.FRESH) for n in range(12)]
        checks.append(self.noted(passwords, order, "rest", Urgency.REST))
        await gatherResults(checks)
        self.assertLessEqual(order.index("rest"), 4)

    async def test_when_many_wait_the_newest_goes_first(self) -> None:
        """Otherwise everybody would wait for the whole queue, and be gone when their turn comes."""
        passwords = self.opened(evolve(SLOW, password_threads=1, password_max_waiting=100))
        order: list[str] = []
        checks = [self.noted(passwords, order, f"{n}", Urgency.FRESH) for n in range(30)]
        await gatherResults(checks)
        self.assertEqual("29", order[1])
        self.assertEqual([str(n) for n in range(1, 17)], order[-16:])

    async def test_who_waits_for_longer_than_askers_do_is_refused(self) -> None:
        """Nobody is there to hear the answer; the threads are for those who are."""
        passwords = self.opened(evolve(SLOW, password_threads=1, password_max_waiting=100))
        running, waiting = self.wrong(passwords, 2)
        self.time.advance(8.5)
        newcomer = self.check(passwords, None, b"newcomer")
        self.assertFalse(await running)
        with self.assertRaises(Unavailable):
            await waiting
        self.assertFalse(await newcomer)

    async def test_closing_ends_the_threads_and_refuses_who_waits(self) -> None:
        """A stop takes a hash's time, not a queue's; nobody waits for ever."""
        passwords = self.opened(HELD)
        checks = [self.check(passwords, None, b"%d" % number) for number in range(40)]
        while not self.time.calls:
            await deferLater(cast(Any, reactor), 0.01, lambda: None)
        self.hashing.close()
        self.assertEqual([], names_of_threads())
        for each in checks:
            with self.assertRaises(Unavailable):
                await each
        with self.assertRaises(Unavailable):
            self.check(passwords, None, b"late")


class HoldingTests(PasswordsCase):
    """Whoever guesses on and on waits behind their checks, not in front of the owner's."""

    async def settled(self, running: Sequence[Deferred[bool]]) -> None:
        """Wait until all of them are checked, and some held back."""
        while len(self.time.calls) + sum(each.called for each in running) < len(running):
            await deferLater(cast(Any, reactor), 0.01, lambda: None)

    async def test_a_wrong_one_is_held_back_while_others_wait(self) -> None:
        """For each of them a quarter of a second, up to a bound; the last one for none."""
        passwords = self.opened(HELD)
        checks = self.wrong(passwords, 7)
        await self.settled(checks)
        self.assertEqual([0.25, 0.5, 0.75, 1.0, 1.0], [c.getTime() for c in self.time.calls][-5:])
        self.assertEqual(5, sum(not each.called for each in checks))
        self.time.advance(0.25)
        self.assertEqual(4, sum(not each.called for each in checks))
        self.time.advance(0.75)
        self.assertEqual([False] * 7, await gatherResults(checks))

    async def test_a_right_one_and_whoever_is_known_there_are_answered_at_once(self) -> None:
        """Holding back is for those who guess."""
        passwords = self.opened(HELD)
        stored = await passwords.hash(GOOD)
        right = self.check(passwords, stored, GOOD.encode(), Urgency.FRESH)
        known = self.check(passwords, stored, b"mistyped", Urgency.FAMILIAR)
        rest = self.wrong(passwords, 3)
        self.assertEqual([True, False], await gatherResults([right, known]))
        await self.settled(rest)
        self.time.advance(1)
        await gatherResults(rest)


class PolicyTests(SynchronousTestCase):
    """What a new password must be (ASVS 5.0 6.2)."""

    def setUp(self) -> None:
        hashing = Hashing(cast(Any, reactor), Clock(task.Clock()), CHEAP)
        self.passwords = Passwords(hashing, Clock(task.Clock()), CHEAP)

    def assert_refused(self, password: str, *others: str) -> None:
        """It is refused, and the form's field is named."""
        with self.assertRaises(Invalid) as caught:
            self.passwords.check_policy(password, *others)
        self.assertEqual(["password"], list(caught.exception.errors))

    def test_the_length_is_8_to_1024_characters(self) -> None:
        """At the limits, and one past each."""
        self.assert_refused("a3k9x2f")
        self.passwords.check_policy("a3k9x2f8")
        self.passwords.check_policy("ä" * 1024)
        self.assert_refused("ä" * 1025)

    def test_no_rule_asks_for_special_characters(self) -> None:
        """They make passwords worse [ASVS 5.0 6.2.5]; spaces are welcome."""
        self.passwords.check_policy("four plain words here")

    def test_what_everybody_tries_first_is_refused_in_any_case(self) -> None:
        """An attacker's five free guesses are from this list."""
        for password in (
            "password",
            "PassWord1",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "owntracks",
        ):
            self.assert_refused(password)

    def test_ones_own_name_is_no_password(self) -> None:
        """The first guess of whoever knows the person."""
        self.assert_refused("Annabelle", "annabelle")
        self.assert_refused("ana@example.org", "ana", "Ana@Example.org")

    def test_what_no_keyboard_can_type_is_refused(self) -> None:
        """A lone surrogate is no text: no phone could send it."""
        self.assert_refused("long enough \ud800")

    def test_generated_passwords_are_one_word_long_and_unlike(self) -> None:
        """They are shown as the last word of a line."""
        made = {generate() for _ in range(100)}
        self.assertEqual(100, len(made))
        for password in made:
            self.assertEqual(23, len(password))
            self.assertEqual([password], password.split())
            self.passwords.check_policy(password)
