"""Passkeys: whose answer opens the door, and all that does not."""

import contextlib
import copy
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from mytracks.people.challenges import CHALLENGE_SECONDS, Challenges, Site
from mytracks.people.factor_ports import Passkey
from mytracks.people.passkeys import MOST_OF_ONE
from mytracks.people.ports import Account
from mytracks.sharing.identity import COMMAND_LINE, Actor
from tests.people.authenticator import PRESENT, Authenticator, text, unpadded
from tests.people.room import HOME, Room

SITE = Site("tracks.example", "https://tracks.example")
OTHER_SITE = Site("tracks.example.org", "https://tracks.example.org")
BROWSER = "a browser"
BEN = Actor(7, "ben", HOME)


class PasskeyCase(TestCase):
    """A room with an account and an authenticator."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.room = await Room().open()
        self.addCleanup(self.room.close)
        self.passkeys = self.room.people.passkeys
        self.ana: Account = await self.room.account()
        self.phone = Authenticator(SITE.origin, SITE.name)

    async def add(
        self, phone: Authenticator | None = None, holder: str = BROWSER, label: str = "Phone"
    ) -> Passkey:
        """Make a passkey and keep it."""
        options = self.passkeys.begin_adding(self.ana.number, SITE, holder)
        return await self.keep((phone or self.phone).make(options), label=label)

    async def keep(self, credential: Any, label: str = "Phone", holder: str = BROWSER) -> Passkey:
        """Hand in what the browser made."""
        by = Actor(self.ana.number, self.ana.name, HOME)
        return await self.passkeys.add(
            self.ana.number, credential, label, site=SITE, holder=holder, by=by
        )

    async def sign_in(
        self, credential: Any = None, holder: str = BROWSER, site: Site = SITE
    ) -> Account:
        """Sign in with `credential`, or as the phone does."""
        if credential is None:
            credential = self.phone.sign(self.passkeys.begin_sign_in(site, BROWSER))
        return await self.passkeys.sign_in(credential, site=site, holder=holder, address=HOME)

    async def refused(self, credential: Any = None, **others: Any) -> str:
        """What is told to whom it does not let in."""
        with self.assertRaises(Unauthenticated) as caught:
            await self.sign_in(credential, **others)
        return str(caught.exception)


class AddingTests(PasskeyCase):
    """A passkey is made by who is signed in, in the browser that asked."""

    async def test_a_passkey_is_kept_and_noted(self) -> None:
        """And only its public half."""
        made = await self.add()
        self.assertEqual([made], self.passkeys.of(self.ana.number))
        self.assertEqual([made], list(self.room.store.passkeys.rows.values()))
        self.assertEqual(("Phone", ("internal",)), (made.label, made.transports))
        entry = self.room.store.audit.rows[-1]
        self.assertEqual(
            ("passkey.add", "user:ana", "ana"), (entry.action, entry.what, entry.actor)
        )

    async def test_the_options_ask_for_a_passkey_that_knows_its_owner(self) -> None:
        """Discoverable, with user verification, and not on an authenticator that has one."""
        made = await self.add()
        options = self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
        wanted = options["authenticatorSelection"]
        self.assertEqual("required", wanted["residentKey"])
        self.assertEqual("required", wanted["userVerification"])
        self.assertEqual("tracks.example", options["rp"]["id"])
        self.assertEqual([text(made.credential)], [c["id"] for c in options["excludeCredentials"]])
        self.assertEqual(text(made.handle), options["user"]["id"])

    async def test_an_answer_is_taken_once_and_in_its_browser_only(self) -> None:
        """A challenge belongs to one session; what was seen once is of no use again."""
        options = self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
        made = self.phone.make(options)
        with self.assertRaises(Invalid):
            await self.keep(made, holder="another browser")
        await self.keep(made)
        with self.assertRaises(Invalid):
            await self.keep(made)

    async def test_an_answer_that_comes_too_late_is_refused(self) -> None:
        """Five minutes."""
        options = self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
        self.room.timers.advance(CHALLENGE_SECONDS)
        with self.assertRaises(Invalid):
            await self.keep(self.phone.make(options))

    async def test_an_answer_of_another_site_or_without_its_owner_is_refused(self) -> None:
        """What a page of somebody else's could get out of an authenticator."""
        for phone in (
            Authenticator("https://evil.example", SITE.name),
            Authenticator(SITE.origin, OTHER_SITE.name),
            self.unverified(),
        ):
            with self.assertRaises(Invalid) as caught:
                await self.add(phone)
            self.assertIn("credential", caught.exception.errors)
        self.assertEqual([], self.passkeys.of(self.ana.number))

    async def test_what_is_no_answer_at_all_is_refused(self) -> None:
        """Whatever JSON somebody sends."""
        whole = self.phone.make(self.passkeys.begin_adding(self.ana.number, SITE, BROWSER))
        for wrong in (
            {},
            {"id": 1},
            whole | {"response": None},
            whole | {"response": {}},
            whole | {"rawId": "!"},
            whole | {"response": whole["response"] | {"attestationObject": "AAAA"}},
            whole | {"response": whole["response"] | {"clientDataJSON": "e30"}},
            whole | {"response": whole["response"] | {"transports": 7}},
        ):
            self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
            with self.assertRaises(Invalid):
                await self.keep(wrong)

    async def test_a_name_is_short_and_visible(self) -> None:
        """It is shown in a list; without one there is a plain one."""
        for label in ("x" * 61, "a\nb", "a\0b"):
            options = self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
            with self.assertRaises(Invalid) as caught:
                await self.keep(self.phone.make(options), label=label)
            self.assertEqual(["name"], list(caught.exception.errors))
        self.assertEqual("Passkey", (await self.add(label="  ")).label)

    async def test_nobody_has_too_many(self) -> None:
        """All of them are in memory."""
        for _ in range(MOST_OF_ONE):
            await self.add(Authenticator(SITE.origin, SITE.name))
        with self.assertRaises(Conflict):
            self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)

    async def test_not_even_from_two_browsers_at_once(self) -> None:
        """Both began while there was room for one."""
        for _ in range(MOST_OF_ONE - 1):
            await self.add(Authenticator(SITE.origin, SITE.name))
        phones = [Authenticator(SITE.origin, SITE.name) for _ in range(2)]
        begun = [
            phone.make(self.passkeys.begin_adding(self.ana.number, SITE, str(number)))
            for number, phone in enumerate(phones)
        ]
        await self.keep(begun[0], holder="0")
        with self.assertRaises(Conflict):
            await self.keep(begun[1], holder="1")

    async def test_what_no_database_should_hold_is_refused(self) -> None:
        """An identifier has at most 1023 bytes [WebAuthn 5.1]."""
        for size in (1024, 40_000):
            self.phone.identifier = b"x" * size
            with self.assertRaises(Invalid):
                await self.add()
        self.phone.identifier = b"x" * 1023
        await self.add()

    async def test_nothing_is_kept_that_is_not_stored(self) -> None:
        """A passkey that is gone after a restart is worse than none."""
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.add()
        self.assertEqual([], self.passkeys.of(self.ana.number))

    def unverified(self) -> Authenticator:
        """One that did not recognise its owner."""
        phone = Authenticator(SITE.origin, SITE.name)
        phone.flags = PRESENT
        return phone


class SigningInTests(PasskeyCase):
    """The right passkey opens; everything else is told alike."""

    async def test_a_passkey_lets_its_owner_in_again_and_again(self) -> None:
        """Also after a restart; its use is noted."""
        await self.add()
        for _ in range(3):
            self.assertEqual(self.ana.number, (await self.sign_in()).number)
        (row,) = self.room.store.passkeys.rows.values()
        self.assertEqual((3, int(self.room.clock.now())), (row.sign_count, row.last_used))
        await self.room.close()
        self.room = await Room(store=self.room.store).open()
        self.addCleanup(self.room.close)
        self.passkeys = self.room.people.passkeys
        self.assertEqual("ana", (await self.sign_in()).name)

    async def test_the_options_tell_nothing_of_anybody(self) -> None:
        """Whoever opens the sign-in page gets them."""
        await self.add()
        options = self.passkeys.begin_sign_in(SITE, BROWSER)
        self.assertEqual([], options.get("allowCredentials", []))
        self.assertEqual("required", options["userVerification"])

    async def test_a_challenge_is_for_one_browser_and_one_answer(self) -> None:
        """What somebody saw go by lets nobody in."""
        await self.add()
        signed = self.phone.sign(self.passkeys.begin_sign_in(SITE, BROWSER))
        await self.refused(signed, holder="another browser")
        await self.sign_in(signed)
        await self.refused(signed)
        late = self.phone.sign(self.passkeys.begin_sign_in(SITE, BROWSER))
        self.room.timers.advance(CHALLENGE_SECONDS)
        await self.refused(late)
        adding = self.passkeys.begin_adding(self.ana.number, SITE, BROWSER)
        await self.refused(self.phone.sign(adding))

    async def test_every_wrong_answer_is_refused_alike(self) -> None:
        """Unknown, of another site, without its owner, of a broken signature, of another handle."""
        await self.add()
        told = set()
        unknown = Authenticator(SITE.origin, SITE.name)
        told.add(await self.refused(unknown.sign(self.passkeys.begin_sign_in(SITE, BROWSER))))
        for change in ("origin", "name", "flags", "signature", "handle"):
            phone = copy.copy(self.phone)
            if change in ("origin", "name"):
                setattr(phone, change, "https://evil.example")
            elif change == "flags":
                phone.flags = PRESENT
            elif change == "handle":
                phone.handle = b"somebody else's"
            signed = phone.sign(self.passkeys.begin_sign_in(SITE, BROWSER))
            if change == "signature":
                signed["response"]["signature"] = text(b"0" * 70)
            told.add(await self.refused(signed))
        self.assertEqual(1, len(told), told)
        await self.sign_in()

    async def test_a_counter_that_does_not_grow_is_a_copy(self) -> None:
        """[WebAuthn 7.2, step 21]: the authenticator's own count tells a cloned one."""
        self.phone.count = 5
        await self.add()
        await self.sign_in()
        for count in (3, 5):
            self.phone.count = count
            await self.refused()
        self.phone.count = 6
        await self.sign_in()

    async def test_an_authenticator_that_does_not_count_is_taken(self) -> None:
        """Those whose passkeys are synchronised tell zero for ever."""
        self.phone.count = None
        await self.add()
        await self.sign_in()
        await self.sign_in()

    async def test_a_disabled_or_deleted_account_is_not_let_in(self) -> None:
        """Disabled means out of every door."""
        await self.add()
        await self.room.account("chief", admin=True)
        await self.room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        await self.refused()
        await self.room.people.accounts.enable(self.ana.number, by=COMMAND_LINE)
        await self.sign_in()
        await self.room.people.accounts.delete(self.ana.number, by=COMMAND_LINE)
        await self.refused()
        self.assertEqual([], self.passkeys.of(self.ana.number))

    async def test_nobody_comes_in_while_the_count_cannot_be_stored(self) -> None:
        """A copy would come in as well after the next start."""
        await self.add()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.sign_in()
        self.room.store.transactions.failing = False
        await self.sign_in()


class RemovingTests(PasskeyCase):
    """A lost phone is removed by its owner, and by nobody else."""

    async def test_a_removed_passkey_opens_nothing(self) -> None:
        """At once, and noted."""
        made = await self.add()
        await self.passkeys.remove(self.ana.number, made.number, by=BEN)
        self.assertEqual({}, self.room.store.passkeys.rows)
        self.assertEqual("passkey.remove", self.room.store.audit.rows[-1].action)
        await self.refused()

    async def test_nor_does_one_that_is_removed_while_its_use_is_stored(self) -> None:
        """Whoever found it is at the door at the very moment."""
        made = await self.add()
        answer = self.phone.sign(self.passkeys.begin_sign_in(SITE, BROWSER))
        transactions = self.room.store.transactions
        transactions.holding = True
        removing = Deferred.fromCoroutine(
            self.passkeys.remove(self.ana.number, made.number, by=BEN)
        )
        signing_in = Deferred.fromCoroutine(self.sign_in(answer))
        transactions.let_go()
        await removing
        with self.assertRaises(Unauthenticated):
            await signing_in

    async def test_those_of_others_are_not_there(self) -> None:
        """Neither theirs nor ones that never were."""
        made = await self.add()
        ben = await self.room.account("ben")
        for user, number in ((ben.number, made.number), (self.ana.number, made.number + 1)):
            with self.assertRaises(NotFound):
                await self.passkeys.remove(user, number, by=BEN)
        await self.sign_in()


class ChallengeTests(SynchronousTestCase):
    """Challenges: one for each holder, bounded."""

    def setUp(self) -> None:
        self.room = Room()
        self.challenges = Challenges(self.room.clock)

    def test_the_newest_of_a_holder_counts(self) -> None:
        """Two clicks on the button are not two ways in."""
        self.challenges.give("sign in", "a")
        newest = self.challenges.give("sign in", "a")
        taken = self.challenges.take("sign in", "a")
        self.assertEqual(newest, taken.value if taken is not None else None)
        self.assertIsNone(self.challenges.take("sign in", "a"))

    def test_so_many_strangers_do_not_fill_the_memory(self) -> None:
        """The oldest are forgotten."""
        for number in range(10_001):
            self.challenges.give("sign in", str(number))
        self.assertIsNone(self.challenges.take("sign in", "0"))
        self.assertIsNotNone(self.challenges.take("sign in", "1"))


class AnythingTests(SynchronousTestCase):
    """Whatever bytes are sent: refused, and never our own mistake."""

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.data())
    def test_bytes_that_were_changed_are_only_ever_refused(self, data: st.DataObject) -> None:
        """The authenticator's answer is somebody else's bytes, parsed before anybody is known."""
        room = Room()
        phone = Authenticator(SITE.origin, SITE.name)
        passkeys = room.people.passkeys
        options = {"challenge": text(b"x" * 32), "user": {"id": text(b"handle")}}
        answer = phone.make(options)
        name = data.draw(st.sampled_from(["attestationObject", "clientDataJSON"]))
        whole = unpadded(answer["response"][name])
        at = data.draw(st.integers(0, len(whole)))
        odd = data.draw(st.binary(max_size=8))
        answer["response"][name] = text(whole[:at] + odd + whole[at + len(odd) :])
        challenge = Challenges(room.clock)
        challenge.give("add", BROWSER)
        given_one = challenge.take("add", BROWSER)
        assert given_one is not None
        with contextlib.suppress(Invalid):
            passkeys._made(answer, evolve(given_one, value=b"x" * 32), SITE)
