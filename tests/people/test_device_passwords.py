"""Device passwords: one for each device, checked in microseconds."""

import hashlib

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.errors import Invalid, NotFound, Unavailable
from mytracks.people.device_passwords import Issued, read, write
from mytracks.people.ports import DevicePassword
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.written import Shown
from mytracks.sharing.identity import Actor, Device
from tests.people.room import Room

BOSS = Actor(9, "boss")
SECRET = "abcdefghijklmnopqrstuvwxyz"


def shown(password: str) -> Shown:
    """A password that is well-formed."""
    found = read(password)
    assert found is not None
    return found


class FormTests(SynchronousTestCase):
    """`mt_d_<id>_<secret>_<check>`."""

    def test_what_is_written_can_be_read(self) -> None:
        """Also as a phone's keyboard and a copied line change it."""
        text = write(17, SECRET)
        self.assertEqual(Shown(17, SECRET), read(text))
        self.assertEqual(Shown(17, SECRET), read(f" {text.capitalize()}\n"))

    def test_one_mistyped_letter_is_noticed_without_a_look_into_the_table(self) -> None:
        """CRC-32 sees every change of one letter."""
        text = write(17, SECRET)
        for place in range(len(text)):
            other = "3" if text[place] != "3" else "4"
            self.assertIsNone(read(text[:place] + other + text[place + 1 :]), place)

    def test_the_secret_is_not_shown_by_accident(self) -> None:
        """Values end up in logs and tracebacks."""
        self.assertNotIn(SECRET, repr(read(write(17, SECRET))))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(
        st.one_of(st.text(max_size=80), st.from_regex(r"mt_d_[0-9]{1,30}_.{0,40}", fullmatch=True))
    )
    def test_anything_else_is_none_of_ours(self, text: str) -> None:
        """It is what strangers send as a password."""
        self.assertIsNone(read(text))


class DevicePasswordsTests(TestCase):
    """Issued, matched, replaced."""

    async def opened(self) -> Room:
        """A room with one account."""
        self.room = await Room().open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.passwords = self.room.people.device_passwords
        self.ana = await self.room.account()
        return self.room

    def match(self, issued: Issued) -> DevicePassword:
        """The stored password that it is."""
        found = self.passwords.match(shown(issued.password))
        assert found is not None
        return found

    async def test_a_password_is_made_once_and_only_its_hash_is_kept(self) -> None:
        """130 random bits need no slow hash [ASVS 5.0 6.5.2]."""
        await self.opened()
        issued = await self.passwords.issue(self.ana, "Ana's phone")
        self.assertEqual(("ana", "Ana's phone"), (issued.username, issued.device))
        self.assertNotIn(issued.password, repr(issued))
        (row,) = self.room.store.device_passwords.rows.values()
        secret = shown(issued.password).secret
        self.assertEqual(hashlib.sha256(secret.encode()).digest(), row.secret_hash)
        self.assertEqual(row, evolve(self.match(issued), last_used=None))

    async def test_it_is_still_good_after_a_restart(self) -> None:
        """Phones are not set up twice."""
        room = await self.opened()
        issued = await self.passwords.issue(self.ana, "phone")
        again = await Room(store=room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        self.assertIsNotNone(again.people.device_passwords.match(shown(issued.password)))

    async def test_a_new_one_replaces_the_old_and_cuts_who_used_it(self) -> None:
        """The lost phone is out, the other phone stays in."""
        room = await self.opened()
        told: list[Revocation] = []
        room.people.revocations.watch(told.append)
        first = await self.passwords.issue(self.ana, "phone")
        tablet = await self.passwords.issue(self.ana, "tablet")
        self.assertEqual([], told)
        second = await self.passwords.issue(self.ana, "phone")
        self.assertEqual(
            [Revocation(self.ana.number, "ana", Reason.DEVICE_PASSWORD, "phone")], told
        )
        self.assertIsNone(self.passwords.match(shown(first.password)))
        self.assertIsNotNone(self.passwords.match(shown(second.password)))
        self.assertIsNotNone(self.passwords.match(shown(tablet.password)))
        self.assertEqual(
            ["phone", "tablet"], [each.device_name for each in self.passwords.of(self.ana.number)]
        )

    async def test_revoked_it_opens_nothing_and_who_used_it_is_cut(self) -> None:
        """Without a new one, and noted with who did it; where there is none, none is revoked."""
        room = await self.opened()
        told: list[Revocation] = []
        room.people.revocations.watch(told.append)
        issued = await self.passwords.issue(self.ana, "phone", by=BOSS)
        tablet = await self.passwords.issue(self.ana, "tablet", by=BOSS)
        await self.passwords.revoke(self.ana, "phone", by=BOSS)
        expected = Revocation(self.ana.number, "ana", Reason.DEVICE_PASSWORD, "phone")
        self.assertEqual([expected], told)
        self.assertIsNone(self.passwords.match(shown(issued.password)))
        self.assertIsNotNone(self.passwords.match(shown(tablet.password)))
        for device in ("phone", "Tablet"):
            with self.assertRaises(NotFound):
                await self.passwords.revoke(self.ana, device, by=BOSS)
        noted = [
            (each.actor, each.what, each.detail)
            for each in room.store.audit.rows
            if each.action == "device.credential"
        ]
        self.assertEqual(
            [
                ("boss", "device:ana/phone", "made"),
                ("boss", "device:ana/tablet", "made"),
                ("boss", "device:ana/phone", "revoked"),
            ],
            noted,
        )

    async def test_what_could_not_be_stored_is_not_revoked(self) -> None:
        """It would be back after a restart, and nobody would know."""
        room = await self.opened()
        issued = await self.passwords.issue(self.ana, "phone")
        room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.passwords.revoke(self.ana, "phone", by=BOSS)
        self.assertIsNotNone(self.passwords.match(shown(issued.password)))

    async def test_a_device_that_was_removed_takes_its_password_along(self) -> None:
        """One that had none cuts nobody."""
        room = await self.opened()
        told: list[Revocation] = []
        room.people.revocations.watch(told.append)
        issued = await self.passwords.issue(self.ana, "phone")
        number = self.match(issued).device
        self.passwords.left(Device(number + 1, self.ana.number, "ana", "tablet"))
        self.assertEqual([], told)
        self.passwords.left(Device(number, self.ana.number, "ana", "phone"))
        self.assertIsNone(self.passwords.match(shown(issued.password)))
        self.assertEqual(["phone"], [each.device for each in told])

    async def test_a_wrong_secret_or_number_matches_nothing(self) -> None:
        """The number alone is no secret."""
        await self.opened()
        issued = shown((await self.passwords.issue(self.ana, "phone")).password)
        self.assertIsNone(self.passwords.match(Shown(issued.number, SECRET)))
        self.assertIsNone(self.passwords.match(Shown(issued.number + 1, issued.secret)))

    async def test_its_device_is_told_to_who_keeps_devices(self) -> None:
        """It may have been made for it, and is listed before its first message."""
        await self.opened()
        made: list[Device] = []
        self.passwords.watch(made.append)
        await self.passwords.issue(self.ana, "phone")
        self.assertEqual([Device(1, self.ana.number, "ana", "phone")], made)

    async def test_its_use_is_noted_once_a_minute_at_most(self) -> None:
        """HTTP phones sign in with every point."""
        room = await self.opened()
        issued = shown((await self.passwords.issue(self.ana, "phone")).password)
        before = room.store.transactions.commits
        for _ in range(5):
            self.passwords.match(issued)
        self.assertEqual(before + 1, room.store.transactions.commits)
        room.timers.advance(60)
        self.passwords.match(issued)
        self.assertEqual(before + 2, room.store.transactions.commits)
        (row,) = room.store.device_passwords.rows.values()
        self.assertEqual(int(room.clock.now()), row.last_used)

    async def test_a_full_disk_keeps_no_phone_out(self) -> None:
        """Only the last use is not noted."""
        room = await self.opened()
        issued = shown((await self.passwords.issue(self.ana, "phone")).password)
        room.store.transactions.failing = True
        self.assertIsNotNone(self.passwords.match(issued))
        with self.assertRaises(Unavailable):
            await self.passwords.issue(self.ana, "phone")
        self.assertIsNotNone(self.passwords.match(issued))

    async def test_an_impossible_device_name_is_refused(self) -> None:
        """It is a topic level (contract 3)."""
        await self.opened()
        for name in ("", "a/b", "a+b", "#", "x" * 65, "a\x00"):
            with self.assertRaises(Invalid) as caught:
                await self.passwords.issue(self.ana, name)
            self.assertEqual(["device"], list(caught.exception.errors))
        await self.passwords.issue(self.ana, "x" * 64)
