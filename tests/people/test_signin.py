"""Every door's one question: these credentials, whose are they?"""

import base64
import hashlib

from attrs import evolve
from twisted.internet.defer import Deferred

from mytracks.errors import Forbidden, Unauthenticated
from mytracks.people.limits import Limits
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.signin import nobody
from mytracks.sharing.identity import COMMAND_LINE, Door, Principal, Scope
from tests.people.room import GOOD, HOME, OTHER, Room
from tests.people.signing import AWAY, SignInCase


class AccountPasswordTests(SignInCase):
    """The name and password of an account."""

    async def test_the_right_password_tells_who_it_is(self) -> None:
        """Text from forms and bytes from the wire, whatever the case of the name."""
        room = await self.opened()
        who = Principal(self.ana.number, "ana", False, Door.MQTT)
        self.assertEqual(who, await room.sign_in("ana", GOOD))
        self.assertEqual(who, await room.sign_in("ANA", GOOD.encode()))
        ben = await room.account("ben", admin=True)
        self.assertEqual(
            Principal(ben.number, "ben", True, Door.WEB),
            await room.sign_in("ben", GOOD, door=Door.WEB),
        )

    async def test_an_account_can_stand_for_those_who_do_not_sign_in(self) -> None:
        """Never as an administrator, and not while it is disabled."""
        room = await self.opened()
        ben = await room.account("ben", admin=True)
        await room.account("root", admin=True)
        signin = room.people.signin
        self.assertEqual(
            Principal(ben.number, "ben", False, Door.MQTT, anonymous=True),
            signin.anonymous("BEN", door=Door.MQTT, address=AWAY),
        )
        self.assertIsNone(signin.anonymous("nobody", door=Door.MQTT))
        await room.people.accounts.disable(ben.number, by=COMMAND_LINE)
        self.assertIsNone(signin.anonymous("ben", door=Door.MQTT))

    async def test_wrong_unknown_and_disabled_are_told_alike(self) -> None:
        """Nobody learns which names exist [ASVS 5.0 6.3.8]."""
        room = await self.opened()
        ben = await room.account("ben")
        await room.people.accounts.disable(ben.number, by=COMMAND_LINE)
        told = {
            await self.assert_refused("ana", "wrong"),
            await self.assert_refused("nobody", GOOD),
            await self.assert_refused("ben", GOOD),
            await self.assert_refused("ana/b", b"\xff"),
            await self.assert_refused("\ud800", "\ud800"),
        }
        self.assertEqual(1, len(told))

    async def test_nobody_costs_a_hash_like_somebody(self) -> None:
        """And so does a disabled account: time must not tell either."""
        room = await self.opened()
        ben = await room.account("ben")
        await room.people.accounts.disable(ben.number, by=COMMAND_LINE)
        for name in ("ana", "nobody", "ben"):
            before = room.people.hashing.runs
            await self.assert_refused(name, "wrong")
            self.assertEqual(1, room.people.hashing.runs - before)

    async def test_what_is_empty_is_absent(self) -> None:
        """Some phones send empty strings; the door decides what nobody gets (contract 3)."""
        room = await self.opened()
        for name, password in (
            (None, None),
            ("", ""),
            ("", b""),
            (None, ""),
            ("ana", ""),
            ("", "x"),
        ):
            told = await self.assert_refused(name, password)
            self.assertEqual("Credentials are required.", told)
        self.assertTrue(nobody("", b""))
        self.assertFalse(nobody("ana", None))
        self.assertEqual(0, room.people.throttle.refused)

    async def test_the_second_sign_in_costs_no_hash(self) -> None:
        """HTTP phones show their password with every point."""
        room = await self.opened()
        await room.sign_in()
        before = room.people.hashing.runs
        for door in Door:
            await room.sign_in(door=door)
        self.assertEqual(before, room.people.hashing.runs)

    async def test_a_changed_password_is_out_at_once(self) -> None:
        """Whatever is remembered is bound to the old hash."""
        room = await self.opened()
        await room.sign_in()
        await room.people.accounts.set_password(self.ana.number, OTHER, by=COMMAND_LINE)
        await self.assert_refused("ana", GOOD)
        await room.sign_in("ana", OTHER)
        await room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        await self.assert_refused("ana", OTHER)

    async def test_a_change_during_the_check_counts(self) -> None:
        """The password was right when the check began."""
        room = await self.opened(Limits(password_time_cost=1, password_memory_kib=4096))
        for change in (room.people.accounts.disable, room.people.accounts.delete):
            account = await room.account("eve")
            signing_in = room.signing_in("eve", GOOD)
            await change(account.number, by=COMMAND_LINE)
            with self.assertRaises(Unauthenticated):
                await signing_in
            if room.people.accounts.find("eve") is not None:
                await room.people.accounts.delete(account.number, by=COMMAND_LINE)

    async def test_a_password_replaced_during_the_check_is_wrong(self) -> None:
        """Whoever holds the old one must not slip in behind the change."""
        room = await self.opened(Limits(password_memory_kib=4096, password_threads=1))
        changing = Deferred.fromCoroutine(
            room.people.accounts.set_password(self.ana.number, OTHER, by=COMMAND_LINE)
        )
        signing_in = room.signing_in("ana", GOOD)
        await changing
        self.assertFalse(signing_in.called)
        with self.assertRaises(Unauthenticated):
            await signing_in

    async def test_a_hash_of_old_costs_is_renewed_and_cuts_nobody(self) -> None:
        """A raised cost reaches everybody, unnoticed."""
        room = await self.opened()
        dear = Room(Limits(password_time_cost=2, password_memory_kib=16), store=room.store)
        await dear.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(dear.close()))
        told: list[Revocation] = []
        dear.people.accounts.watch(told.append)
        await dear.sign_in()
        while dear.store.accounts.rows[self.ana.number].password == self.ana.password:
            await dear.people.passwords.hash("whatever comes behind it in the queue")
        self.assertIn("m=16,t=2", dear.people.accounts.named("ana").password)
        await dear.sign_in()
        self.assertEqual([], told)


class DevicePasswordTests(SignInCase):
    """A device's own password."""

    async def test_it_tells_the_device_and_is_nobodys_administrator(self) -> None:
        """A lost phone must not manage accounts."""
        room = await self.opened()
        boss = await room.account("boss", admin=True)
        issued = await room.people.device_passwords.issue(boss, "phone")
        before = room.people.hashing.runs
        for door in (Door.MQTT, Door.HTTP):
            self.assertEqual(
                Principal(boss.number, "boss", False, door, "phone"),
                await room.sign_in("Boss", issued.password, door=door),
            )
        self.assertEqual(before, room.people.hashing.runs)

    async def test_it_opens_no_page(self) -> None:
        """Pages are for people: a session would outlive the device password."""
        room = await self.opened()
        issued = await room.people.device_passwords.issue(self.ana, "phone")
        await self.assert_refused("ana", issued.password, door=Door.WEB)

    async def test_it_is_good_with_its_owners_name_only(self) -> None:
        """And not once the owner is disabled or it was replaced."""
        room = await self.opened()
        await room.account("ben")
        issued = await room.people.device_passwords.issue(self.ana, "phone")
        for name in ("ben", "nobody"):
            await self.assert_refused(name, issued.password)
        await room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        await self.assert_refused("ana", issued.password)
        await room.people.accounts.enable(self.ana.number, by=COMMAND_LINE)
        await room.sign_in("ana", issued.password)
        await room.people.device_passwords.issue(self.ana, "phone")
        await self.assert_refused("ana", issued.password)

    async def test_a_replaced_one_on_a_forgotten_phone_slows_nobody_down(self) -> None:
        """It cannot be a guess, and the phone sends it for ever."""
        room = await self.opened()
        old = await room.people.device_passwords.issue(self.ana, "phone")
        await room.people.device_passwords.issue(self.ana, "phone")
        for _ in range(30):
            await self.assert_refused("ana", old.password)
        await room.sign_in()

    async def test_a_new_account_password_leaves_it_alone(self) -> None:
        """Phones need not be set up again because of a forgotten password."""
        room = await self.opened()
        issued = await room.people.device_passwords.issue(self.ana, "phone")
        who = await room.sign_in("ana", issued.password)
        told: list[Revocation] = []
        room.people.accounts.watch(told.append)
        await room.people.accounts.set_password(self.ana.number, OTHER, by=COMMAND_LINE)
        self.assertFalse(told[0].covers(who))
        await room.sign_in("ana", issued.password)


class CertificateTests(SignInCase):
    """A client certificate that the PKI knows: whose it is, is told by it."""

    def came(self, username: str | None = None, user: int | None = None) -> Principal:
        """Who comes by ana's certificate."""
        number = self.ana.number if user is None else user
        signin = self.room.people.signin
        return signin.certificate(number, b"f" * 32, username, door=Door.MQTT, address=AWAY)

    async def test_it_tells_who_comes_and_whether_they_named_themselves(self) -> None:
        """Without a name, a topic's level `user` means their own."""
        await self.opened()
        named = Principal(self.ana.number, "ana", False, Door.MQTT, certificate=b"f" * 32)
        for username in ("ana", "ANA"):
            self.assertEqual(named, self.came(username))
        for nothing in (None, ""):
            self.assertEqual(evolve(named, unnamed=True), self.came(nothing))
        self.assertEqual(AWAY, self.came().address)

    async def test_it_is_nobody_elses(self) -> None:
        """The user name must be empty or the certificate's (contract 3)."""
        room = await self.opened()
        await room.account("ben")
        for username in ("ben", "nobody", "ana "):
            with self.assertRaises(Forbidden):
                self.came(username)

    async def test_a_disabled_or_deleted_account_has_none(self) -> None:
        """Out of every door. Not Unauthenticated: MQTT would call a password wrong (contract 3)."""
        room = await self.opened()
        await room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        for user in (self.ana.number, 999):
            with self.assertRaises(Forbidden):
                self.came(user=user)

    async def test_no_password_is_looked_at(self) -> None:
        """And no hash is made."""
        room = await self.opened()
        before = room.people.hashing.runs
        self.came()
        self.assertEqual(before, room.people.hashing.runs)


class SecondFactorTests(SignInCase):
    """Basic cannot ask for a code."""

    async def test_the_password_alone_may_only_send_by_http(self) -> None:
        """Else Basic would be the way around the second factor; phones go on publishing."""
        room = await self.opened()
        accounts = room.people.accounts
        self.assertIsNone((await room.sign_in(door=Door.HTTP)).scopes)
        await accounts.set_second_factor(self.ana.number, b"sealed", None, by=COMMAND_LINE)
        for _ in range(2):  # checked, then known to be right
            who = await room.sign_in(door=Door.HTTP)
            self.assertEqual([Scope.INGEST], [scope for scope in Scope if who.may(scope)])
        self.assertIsNone((await room.sign_in(door=Door.MQTT)).scopes)
        self.assertIsNone((await room.sign_in(door=Door.WEB)).scopes)
        phone = await room.people.device_passwords.issue(self.ana, "phone")
        self.assertIsNone((await room.sign_in("ana", phone.password, door=Door.HTTP)).scopes)


class DjangoTests(SignInCase):
    """An account that came from the original, with its hash."""

    async def test_the_old_password_is_right_and_its_hash_is_renewed(self) -> None:
        """At the first sign-in; nobody has to choose a new one."""
        room = await self.opened()
        digest = base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"old secret", b"salt", 1000))
        old = f"pbkdf2_sha256$1000$salt${digest.decode()}"
        await room.people.accounts.renew_hash(self.ana.number, self.ana.password, old)
        await self.assert_refused("ana", GOOD)
        await room.sign_in("ana", "old secret")
        while room.store.accounts.rows[self.ana.number].password == old:
            await room.people.passwords.hash("whatever comes behind it in the queue")
        renewed: str = room.store.accounts.rows[self.ana.number].password
        self.assertTrue(renewed.startswith("$argon2id$"))
        await room.sign_in("ana", "old secret")
        await self.assert_refused("ana", "Old secret")


class AgainTests(SignInCase):
    """After a restart: who signed in before, without credentials."""

    async def test_an_account_could_sign_in_until_it_is_disabled(self) -> None:
        """What waits for somebody's phone is theirs as long as they are let in."""
        room = await self.opened()
        again = room.people.signin.again
        who = Principal(self.ana.number, "ana", False, Door.MQTT)
        self.assertEqual(who, again(self.ana.number, None, Door.MQTT))
        self.assertIsNone(again(self.ana.number + 1, None, Door.MQTT))
        await room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        self.assertIsNone(again(self.ana.number, None, Door.MQTT))

    async def test_a_device_could_while_it_has_a_password(self) -> None:
        """An administrator's phone is no administrator then either."""
        room = await self.opened()
        ben = await room.account("ben", admin=True)
        again = room.people.signin.again
        self.assertIsNone(again(ben.number, "phone", Door.MQTT))
        await room.people.device_passwords.issue(ben, "phone")
        phone = Principal(ben.number, "ben", False, Door.MQTT, "phone")
        self.assertEqual(phone, again(ben.number, "phone", Door.MQTT))
        self.assertIsNone(again(ben.number, "tablet", Door.MQTT))


class SessionTests(SignInCase):
    """A browser's cookie."""

    async def test_a_session_tells_who_it_is_now(self) -> None:
        """Rights are those of today, not those of the sign-in."""
        room = await self.opened()
        token, session = await room.people.sessions.begin(self.ana.number, HOME, "")
        self.assertEqual(
            (Principal(self.ana.number, "ana", False, Door.WEB), session),
            room.people.signin.session(token),
        )

    async def test_no_account_no_session(self) -> None:
        """Whatever the session table still says."""
        room = await self.opened()
        ghost, _ = await room.people.sessions.begin(999, HOME, "")
        for token in (ghost, "unknown", ""):
            with self.assertRaises(Unauthenticated):
                room.people.signin.session(token)


class RevocationTests(SignInCase):
    """Whom a revocation concerns."""

    async def test_it_covers_what_it_revokes_and_nothing_else(self) -> None:
        """A friend of mine stays connected when my account goes."""
        await self.opened()
        account = Principal(1, "ana", False, Door.MQTT)
        phone = Principal(1, "ana", False, Door.MQTT, "phone")
        tablet = Principal(1, "ana", False, Door.HTTP, "tablet")
        other = Principal(2, "ben", False, Door.MQTT, "phone")
        everybody = [account, phone, tablet, other]

        def covered(reason: Reason, device: str | None = None) -> list[Principal]:
            return [who for who in everybody if Revocation(1, "ana", reason, device).covers(who)]

        self.assertEqual([account, phone, tablet], covered(Reason.DISABLED))
        self.assertEqual([account, phone, tablet], covered(Reason.DELETED))
        self.assertEqual([account], covered(Reason.PASSWORD))
        self.assertEqual([phone], covered(Reason.DEVICE_PASSWORD, "phone"))
