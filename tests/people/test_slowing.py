"""Whom failed sign-ins slow down, as the doors see it, and what is told of them."""

from functools import partial
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs, formatEvent

from mytracks.errors import Busy, Unauthenticated, Unavailable
from mytracks.people import device_passwords, tokens
from mytracks.people.limits import Limits
from mytracks.sharing.identity import COMMAND_LINE, Door, Scope
from tests.people.room import CHEAP, GOOD, HOME, OTHER, Room
from tests.people.signing import AWAY, SignInCase


class ThrottlingTests(SignInCase):
    """Contract 7, as the doors see it."""

    async def guess(self, times: int, **how: Any) -> None:
        """So many wrong passwords."""
        for number in range(times):
            await self.assert_refused("ana", f"guess {number}", **how)

    async def test_the_sixth_failure_is_told_to_wait(self) -> None:
        """The fifth is not, and neither is a right one after five wrong ones."""
        room = await self.opened()
        await self.guess(5)
        await room.sign_in()
        with self.assertRaises(Busy) as caught:
            await room.sign_in("ana", "sixth")
        self.assertEqual(2, caught.exception.retry_after)

    async def test_doors_do_not_have_counts_of_their_own(self) -> None:
        """Else the weakest door is used."""
        room = await self.opened()
        await self.guess(3, door=Door.WEB)
        await self.guess(2, door=Door.HTTP)
        with self.assertRaises(Busy):
            await room.sign_in("ana", "sixth", door=Door.MQTT)

    async def test_a_password_known_to_be_right_passes(self) -> None:
        """Phones at home go on reporting while a child plays with the sign-in page."""
        room = await self.opened()
        await room.sign_in()
        await self.guess(5)
        for number in range(3):
            with self.assertRaises(Busy):
                await room.sign_in("ana", f"and {number}")
        await room.sign_in()
        await room.sign_in(door=Door.HTTP)

    async def test_an_unknown_name_is_throttled_alike(self) -> None:
        """Else the wait would tell which names exist."""
        room = await self.opened()
        for number in range(5):
            await self.assert_refused("nobody", f"guess {number}")
        with self.assertRaises(Busy):
            await room.sign_in("NOBODY", "sixth")

    async def test_the_owner_elsewhere_gets_in(self) -> None:
        """No lock-out from abroad."""
        room = await self.opened()
        await self.guess(5, address=AWAY)
        with self.assertRaises(Busy):
            await room.sign_in("ana", "sixth", address=AWAY)
        await room.sign_in("ana", GOOD, address=HOME)

    async def test_a_thousand_names_from_one_network_are_slowed_down_and_its_people_are_not(
        self,
    ) -> None:
        """One password tried on many names; ana has been there before."""
        room = await self.opened(evolve(CHEAP, network_free_failures=5))
        await room.sign_in(address=AWAY)
        for number in range(5):
            await self.assert_refused(f"name{number}", "winter2024", address=AWAY)
        for door in Door:
            with self.assertRaises(Busy):
                await room.sign_in(
                    f"new to the {door.value}", "winter2024", address=AWAY, door=door
                )
        await self.assert_refused("ana", "mistyped", address=AWAY)
        await room.people.accounts.set_password(self.ana.number, OTHER, by=COMMAND_LINE)
        with self.assertRaises(Busy):
            await room.sign_in("ana", OTHER, address=AWAY)
        await room.sign_in("ana", OTHER, address=HOME)

    async def test_a_signed_in_browser_makes_its_network_familiar_after_a_restart(self) -> None:
        """What is in memory is read from what is stored."""
        room = await self.opened(evolve(CHEAP, network_free_failures=5))
        await room.people.sessions.begin(self.ana.number, AWAY, "")
        again = await Room(evolve(CHEAP, network_free_failures=5), store=room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        for number in range(6):
            with self.assertRaises((Unauthenticated, Busy)):
                await again.sign_in(f"name{number}", "winter2024", address=AWAY)
        await again.sign_in("ana", GOOD, address=AWAY)

    async def test_wrong_generated_credentials_slow_down_their_network(self) -> None:
        """Device passwords and tokens that are none of ours; the right ones pass."""
        room = await self.opened(evolve(CHEAP, network_free_failures=5))
        phone = await room.people.device_passwords.issue(self.ana, "phone")
        token = await room.people.tokens.issue(self.ana, "t", {Scope.READ}, None, by=COMMAND_LINE)
        bearer = partial(room.people.signin.bearer, door=Door.HTTP, address=AWAY)
        for number in range(3):
            wrong = device_passwords.write(number, "a" * 26)
            await self.assert_refused("ana", wrong, address=AWAY)
        for number in range(2):
            with self.assertRaises(Unauthenticated):
                await bearer(tokens.write(number + 7, "a" * 32))
        with self.assertRaises(Busy):
            await bearer(tokens.write(9, "a" * 32))
        with self.assertRaises(Busy):
            await room.sign_in("ben", "guess", address=AWAY)
        await bearer(token.text)
        await room.sign_in("ana", phone.password, address=AWAY)
        room.people.signin.certificate(
            self.ana.number, b"f" * 32, None, door=Door.MQTT, address=AWAY
        )

    async def test_a_storm_of_guesses_does_not_keep_its_victim_waiting(self) -> None:
        """Many addresses, one name: ana is at home, and goes first."""
        slow = Limits(password_memory_kib=4096, password_max_waiting=64, wrong_password_held=0)
        room = await self.opened(slow)
        await room.sign_in()
        await room.people.accounts.set_password(self.ana.number, OTHER, by=COMMAND_LINE)
        await room.sign_in("ana", OTHER)
        storm = [
            room.signing_in("ana", f"guess {number}", f"203.0.113.{number}") for number in range(60)
        ]
        for each in storm:
            each.addErrback(lambda failure: failure.trap(Unauthenticated, Busy, Unavailable))
        await room.sign_in("ana", OTHER)
        left = sum(not each.called for each in storm)
        self.assertGreater(left, 40)
        await gatherResults(storm)

    async def test_overload_is_not_a_failure(self) -> None:
        """Nor does it tell whether the password was right."""
        room = await self.opened(Limits(password_max_waiting=1, password_memory_kib=4096))
        first = room.signing_in("nobody", "keeps the thread busy")
        for number in range(10):
            with self.assertRaises(Unavailable):
                await room.sign_in("ana", f"overload {number}")
        with self.assertRaises(Unauthenticated):
            await first
        await room.sign_in()

    async def test_a_thousand_phones_that_come_back_are_all_let_in(self) -> None:
        """After a restart nothing is known; one password is one check."""
        room = await self.opened()
        before = room.people.hashing.runs
        found = await gatherResults([room.signing_in("ana", GOOD) for _ in range(1000)])
        self.assertEqual(1000, len(found))
        self.assertEqual(1, room.people.hashing.runs - before)


class LogTests(SignInCase):
    """What the log tells of it."""

    async def test_a_refusal_is_told_once_without_password_or_invented_name(self) -> None:
        """People type their password where the name belongs."""
        await self.opened()
        with capturedLogs() as told:
            await self.assert_refused("ana", "hunter2 hunter2")
            await self.assert_refused("my secret pass phrase", "ana")
        refusals = [event for event in told if "user" in event]
        self.assertEqual(["ana", "an unknown user"], [event["user"] for event in refusals])
        self.assertNotIn("hunter2", repr(told))
        self.assertNotIn("secret pass", repr(told))

    async def test_a_phone_that_repeats_an_old_password_writes_a_line_an_hour(self) -> None:
        """For days; each other reason and each other door is told as well."""
        room = await self.opened()
        with capturedLogs() as told:
            for _ in range(4 * 120):
                with self.assertRaises((Unauthenticated, Busy)):
                    await room.sign_in("ana", "old password")
                room.timers.advance(30)
        lines = [formatEvent(event) for event in told if "user" in event]
        self.assertEqual(5, len(lines), lines)
        self.assertTrue(any("times since this was told last" in line for line in lines))
        self.assertEqual(4 * 120, room.people.signin.refused)
        with capturedLogs() as told, self.assertRaises((Unauthenticated, Busy)):
            await room.sign_in("ana", "old password", door=Door.HTTP)
        self.assertEqual(1, len([event for event in told if "user" in event]))

    async def test_the_first_wrong_password_of_a_series_at_the_web_is_audited(self) -> None:
        """For administrators; not each one, and not for names that nobody has."""
        room = await self.opened()
        for number in range(3):
            await self.assert_refused("ana", f"guess {number}", door=Door.WEB, address=AWAY)
            await self.assert_refused(f"nobody {number}", "guess", door=Door.WEB)
            await self.assert_refused("ana", f"old {number}", door=Door.MQTT)
        noted = [row for row in room.store.audit.rows if row.action == "sign-in.refused"]
        self.assertEqual(
            [("user:ana", None, AWAY)], [(e.what, e.actor_number, e.address) for e in noted]
        )
