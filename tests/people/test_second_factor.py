"""The second factor: codes of an app, each once; recovery codes for the day the phone is gone."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.errors import Busy, Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from mytracks.people.ports import Account, Factor
from mytracks.people.second_factor import RECOVERY_CODES, STEP
from mytracks.pki.keyring import key_of, open_keyring
from mytracks.sharing.identity import COMMAND_LINE, Actor
from tests.people.room import HOME, Room

ELSEWHERE = "198.51.100.9"


class SecondFactorCase(TestCase):
    """A room with an account; `app`: what is on its phone, `codes`: what is on its paper."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.room = await Room().open()
        self.addCleanup(self.room.close)
        self.factor = self.room.people.second_factor
        self.ana: Account = await self.room.account()
        self.by = Actor(self.ana.number, "ana", HOME)

    async def turn_on(self) -> list[str]:
        """Put the secret into the app and confirm it; the recovery codes. Then a minute passes."""
        self.app = pyotp.TOTP(self.factor.begin(self.ana.number).secret)
        codes = await self.factor.confirm(self.ana.number, self.shown(), by=self.by)
        self.room.timers.advance(2 * STEP)
        return list(codes)

    def shown(self, steps: int = 0) -> str:
        """What the app shows now, or so many steps later."""
        return self.app.at(self.room.clock.now(), counter_offset=steps)

    async def check(self, code: str, address: str = HOME) -> Factor:
        """Show a code at sign-in."""
        return await self.factor.check(self.ana.number, code, address=address)

    async def refused(self, code: str, address: str = HOME) -> None:
        """It is wrong."""
        with self.assertRaises((Unauthenticated, Busy)):
            await self.check(code, address)

    def wrong(self, number: int = 0) -> str:
        """A code that the app does not show at all these minutes."""
        near = {self.shown(steps) for steps in range(-40, 41)}
        return [f"{n:06}" for n in range(200) if f"{n:06}" not in near][number]

    def actions(self) -> list[str]:
        """What the audit log says was done."""
        return [entry.action for entry in self.room.store.audit.rows]


class TurningOnTests(SecondFactorCase):
    """It is on once the app has shown that it works."""

    async def test_the_app_gets_its_secret_by_hand_or_as_a_picture(self) -> None:
        """160 bits, and names that tell it apart from other accounts in the app."""
        enrolment = self.factor.begin(self.ana.number)
        address = urlsplit(enrolment.uri)
        self.assertEqual(("otpauth", "totp"), (address.scheme, address.netloc))
        self.assertEqual("/mytracks:ana", address.path)
        self.assertEqual([enrolment.secret], parse_qs(address.query)["secret"])
        self.assertEqual(32, len(enrolment.secret))

    async def test_it_is_off_until_a_code_has_come_back(self) -> None:
        """Nobody locks themselves out with a secret that never reached the phone."""
        enrolment = self.factor.begin(self.ana.number)
        self.app = pyotp.TOTP(enrolment.secret)
        self.assertFalse(self.factor.is_on(self.ana.number))
        with self.assertRaises(Invalid) as caught:
            await self.factor.confirm(self.ana.number, self.wrong(), by=self.by)
        self.assertEqual(["code"], list(caught.exception.errors))
        self.assertFalse(self.factor.is_on(self.ana.number))
        codes = await self.factor.confirm(self.ana.number, self.shown(), by=self.by)
        self.assertTrue(self.factor.is_on(self.ana.number))
        self.assertEqual(RECOVERY_CODES, len(set(codes)))
        self.assertEqual(["totp.on"], self.actions()[-1:])

    async def test_the_secret_is_stored_sealed_and_recovery_codes_as_hashes(self) -> None:
        """A stolen database lets nobody in."""
        codes = await self.turn_on()
        stored = self.room.store.accounts.rows[self.ana.number]
        self.assertIsNotNone(stored.totp)
        self.assertNotIn(self.app.secret.encode(), stored.totp or b"")
        self.assertTrue((stored.totp or b"").startswith(b"user_account/1/totp:"))
        rows = repr(self.room.store.recovery_codes.rows)
        for code in codes:
            self.assertNotIn(code.replace("-", ""), rows)

    async def test_a_secret_that_is_not_confirmed_is_forgotten(self) -> None:
        """After a quarter of an hour, or with the next one."""
        first = pyotp.TOTP(self.factor.begin(self.ana.number).secret)
        self.app = pyotp.TOTP(self.factor.begin(self.ana.number).secret)
        with self.assertRaises(Invalid):
            await self.factor.confirm(self.ana.number, first.at(self.room.clock.now()), by=self.by)
        self.room.timers.advance(15 * 60)
        self.assertIsNone(self.factor.pending(self.ana.number))
        with self.assertRaises(Conflict):
            await self.factor.confirm(self.ana.number, self.shown(), by=self.by)

    async def test_it_is_not_turned_on_twice(self) -> None:
        """The secret in the app stays the right one."""
        await self.turn_on()
        with self.assertRaises(Conflict):
            self.factor.begin(self.ana.number)
        with self.assertRaises(Conflict):
            await self.factor.confirm(self.ana.number, self.shown(), by=self.by)

    async def test_it_is_on_as_a_whole_or_not_at_all(self) -> None:
        """The disk is full: the password goes on letting in."""
        self.app = pyotp.TOTP(self.factor.begin(self.ana.number).secret)
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.factor.confirm(self.ana.number, self.shown(), by=self.by)
        self.assertFalse(self.factor.is_on(self.ana.number))
        self.assertEqual(0, self.factor.codes_left(self.ana.number))
        self.room.store.transactions.failing = False
        await self.factor.confirm(self.ana.number, self.shown(), by=self.by)
        self.assertTrue(self.factor.is_on(self.ana.number))

    async def test_nobody_is_asked_who_is_not_there(self) -> None:
        """An account that was deleted meanwhile."""
        with self.assertRaises(NotFound):
            self.factor.begin(77)
        self.assertFalse(self.factor.is_on(77))


class ResealingTests(TestCase):
    """The key ring's keys are replaced."""

    async def test_codes_are_good_when_the_key_of_before_is_gone(self) -> None:
        """In the store and in memory, which is what is written with the next change."""
        ring = open_keyring(Path(self.mktemp()), sealed_exists=False)
        room = await Room(seal=ring).open()
        self.addCleanup(room.close)
        ana, factor = await room.account(), room.people.second_factor
        app = pyotp.TOTP(factor.begin(ana.number).secret)
        by = Actor(ana.number, "ana", HOME)
        await factor.confirm(ana.number, app.at(room.clock.now()), by=by)
        for _ in range(2):
            ring.add_key()
            self.assertEqual(1, await factor.reseal())
            ring.drop(still_named=())
            room.timers.advance(2 * STEP)
            shown = app.at(room.clock.now())
            self.assertEqual(Factor.TOTP, await factor.check(ana.number, shown, address=HOME))
            stored = room.store.accounts.rows[ana.number].totp
            self.assertEqual(ring.current, key_of(stored or b""))
        self.assertEqual(1, [row.action for row in room.store.audit.rows].count("totp.on"))


class CodeTests(SecondFactorCase):
    """A code is good in its half minute and its neighbours, once."""

    async def test_the_code_that_the_app_shows_is_right(self) -> None:
        """However people type it."""
        await self.turn_on()
        code = self.shown()
        self.assertEqual(Factor.TOTP, await self.check(f" {code[:3]} {code[3:]} "))

    async def test_a_code_is_good_once(self) -> None:
        """Whoever looked over the shoulder is too late; that of the confirmation is used, too."""
        self.app = pyotp.TOTP(self.factor.begin(self.ana.number).secret)
        code = self.shown()
        await self.factor.confirm(self.ana.number, code, by=self.by)
        await self.refused(code)
        self.room.timers.advance(STEP)
        code = self.shown()
        await self.check(code)
        await self.refused(code)
        await self.refused(self.shown(-1))

    async def test_a_used_code_stays_used_after_a_restart(self) -> None:
        """The step is stored before the door opens."""
        await self.turn_on()
        code = self.shown()
        await self.check(code)
        moment = self.room.timers.seconds()
        self.room = await Room(store=self.room.store).open()
        self.addCleanup(self.room.close)
        self.room.timers.advance(moment)
        self.factor = self.room.people.second_factor
        self.assertTrue(self.factor.is_on(self.ana.number))
        await self.refused(code)
        self.room.timers.advance(STEP)
        await self.check(self.shown())

    async def test_one_of_two_at_the_same_time_gets_in(self) -> None:
        """Before the first is stored the second is refused."""
        await self.turn_on()
        self.room.store.transactions.holding = True
        first = Deferred.fromCoroutine(self.check(self.shown()))
        self.assertNoResult(first)
        await self.refused(self.shown())
        self.room.store.transactions.let_go()
        self.assertEqual(Factor.TOTP, await first)

    async def test_a_code_whose_use_cannot_be_stored_is_good_later(self) -> None:
        """Our trouble costs nobody their code."""
        await self.turn_on()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.check(self.shown())
        self.room.store.transactions.failing = False
        await self.check(self.shown())

    async def test_whoever_hangs_up_has_used_their_code_all_the_same(self) -> None:
        """The browser is gone before the answer: memory and store agree."""
        codes = await self.turn_on()
        for code in (self.shown(), codes[0]):
            self.room.store.transactions.holding = True
            checking = Deferred.fromCoroutine(self.check(code))
            checking.addErrback(lambda _: None)
            checking.cancel()
            self.room.store.transactions.let_go()
            await self.refused(code)
        stored = self.room.store.accounts.rows[self.ana.number]
        self.assertEqual(int(self.room.clock.now()) // STEP, stored.totp_step)
        self.assertEqual(RECOVERY_CODES - 1, len(self.room.store.recovery_codes.rows))

    async def test_the_wrong_codes_of_others_slow_nobody_down(self) -> None:
        """A hundred accounts are no network."""
        await self.turn_on()
        for number in range(30):
            ben = await self.room.account(f"ben{number}")
            app = pyotp.TOTP(self.factor.begin(ben.number).secret)
            code = app.at(self.room.clock.now())
            await self.factor.confirm(ben.number, code, by=COMMAND_LINE)
            for guess in range(3):
                with self.assertRaises(Unauthenticated):
                    await self.factor.check(ben.number, f"x{guess}", address=ELSEWHERE)
        await self.check(self.shown())

    async def test_the_neighbours_are_good_and_no_others(self) -> None:
        """Half a minute fast or slow: phones' clocks differ."""
        await self.turn_on()
        await self.refused(self.shown(-2))
        await self.refused(self.shown(2))
        await self.check(self.shown(-1))
        await self.check(self.shown(1))

    async def test_what_is_no_code_is_wrong(self) -> None:
        """Whatever is typed."""
        await self.turn_on()
        for code in ("", "1", "12345", "1234567", "abcdef", "\u0661" * 6, "x" * 5000, "\ud800"):
            self.room.timers.advance(900)
            await self.refused(code)

    async def test_wrong_codes_slow_down_over_all_networks(self) -> None:
        """A million codes are few: changing the address must not help to try them."""
        await self.turn_on()
        for number in range(5):
            with self.assertRaises(Unauthenticated):
                await self.check(self.wrong(number), f"198.51.100.{number}")
        with self.assertRaises(Busy):
            await self.check(self.wrong(6), "203.0.113.1")
        with self.assertRaises(Busy):
            await self.check(self.shown(), "203.0.113.2")
        self.room.timers.advance(90)
        await self.check(self.shown())

    async def test_a_secret_that_cannot_be_unsealed_is_our_trouble(self) -> None:
        """Not a wrong code: nobody is slowed down for it."""
        await self.turn_on()
        self.room.seal.lost = True
        for number in range(10):
            with self.assertRaises(Unavailable):
                await self.check(self.wrong(number))
        self.room.seal.lost = False
        await self.check(self.shown())


class RecoveryTests(SecondFactorCase):
    """Ten codes on paper."""

    async def test_a_recovery_code_is_good_once(self) -> None:
        """With and without its dashes, in whatever case, 0 for o and 1 for l; and it is noted."""
        codes = await self.turn_on()
        typed = codes[0].upper().replace("-", " ").replace("O", "0").replace("L", "1")
        self.assertEqual(Factor.RECOVERY, await self.check(typed))
        self.assertEqual(RECOVERY_CODES - 1, self.factor.codes_left(self.ana.number))
        entry = self.room.store.audit.rows[-1]
        self.assertEqual(("recovery.used", "ana", HOME), (entry.action, entry.actor, entry.address))
        await self.refused(codes[0])
        await self.check(codes[1])

    async def test_it_is_never_kept_waiting(self) -> None:
        """Whoever tries codes all day does not keep the owner out."""
        codes = await self.turn_on()
        for number in range(8):
            await self.refused(self.wrong(number))
        with self.assertRaises(Busy):
            await self.check(self.shown())
        await self.check(codes[0])

    async def test_one_of_two_at_the_same_time_gets_in(self) -> None:
        """And one that could not be stored as used is still good."""
        codes = await self.turn_on()
        self.room.store.transactions.holding = True
        first = Deferred.fromCoroutine(self.check(codes[0]))
        await self.refused(codes[0])
        self.room.store.transactions.let_go()
        await first
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.check(codes[1])
        self.room.store.transactions.failing = False
        await self.check(codes[1])

    async def test_those_of_others_are_wrong(self) -> None:
        """A code belongs to one account."""
        codes = await self.turn_on()
        ben = await self.room.account("ben")
        enrolment = self.factor.begin(ben.number)
        code = pyotp.TOTP(enrolment.secret).at(self.room.clock.now())
        await self.factor.confirm(ben.number, code, by=COMMAND_LINE)
        with self.assertRaises(Unauthenticated):
            await self.factor.check(ben.number, codes[0], address=ELSEWHERE)
        await self.check(codes[0])

    async def test_new_codes_replace_the_old(self) -> None:
        """The paper was lost."""
        codes = await self.turn_on()
        fresh = await self.factor.new_codes(self.ana.number, by=self.by)
        self.assertEqual("recovery.new", self.actions()[-1])
        self.assertEqual(RECOVERY_CODES, self.factor.codes_left(self.ana.number))
        await self.refused(codes[0])
        await self.check(fresh[0])
        self.assertEqual(RECOVERY_CODES - 1, len(self.room.store.recovery_codes.rows))

    async def test_one_that_the_store_does_not_know_is_wrong(self) -> None:
        """A backup was restored over it, say: what is stored counts."""
        codes = await self.turn_on()
        self.room.store.recovery_codes.rows.clear()
        await self.refused(codes[0])

    async def test_there_are_none_without_a_second_factor(self) -> None:
        """They would be a way round the password."""
        with self.assertRaises(Conflict):
            await self.factor.new_codes(self.ana.number, by=self.by)


class TurningOffTests(SecondFactorCase):
    """Then the password is enough again."""

    async def test_nothing_is_left_of_it(self) -> None:
        """Neither the secret nor the codes; and it is noted."""
        codes = await self.turn_on()
        await self.factor.turn_off(self.ana.number, by=self.by)
        self.assertFalse(self.factor.is_on(self.ana.number))
        self.assertEqual({}, self.room.store.recovery_codes.rows)
        self.assertIsNone(self.room.store.accounts.rows[self.ana.number].totp)
        self.assertEqual("totp.off", self.actions()[-1])
        await self.refused(codes[0])
        await self.factor.turn_off(self.ana.number, by=self.by)
        self.assertEqual(1, self.actions().count("totp.off"))

    async def test_it_can_be_turned_on_again(self) -> None:
        """With another secret; what was used before does not matter."""
        await self.turn_on()
        await self.factor.turn_off(self.ana.number, by=self.by)
        await self.turn_on()
        self.assertEqual(Factor.TOTP, await self.check(self.shown()))

    async def test_codes_of_a_deleted_account_are_forgotten(self) -> None:
        """With everything else of it."""
        await self.turn_on()
        await self.room.people.accounts.delete(self.ana.number, by=COMMAND_LINE)
        self.assertEqual(0, self.factor.codes_left(self.ana.number))
        self.assertFalse(self.factor.is_on(self.ana.number))
