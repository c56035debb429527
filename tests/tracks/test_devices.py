"""The registry of devices: what a name means, what is newest, who sees what."""

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.sharing.visibility import Visibility
from mytracks.tracks.devices import Devices
from mytracks.tracks.limits import Limits
from mytracks.tracks.ports import DeviceState, Look
from tests.tracks.memory import (
    ANA,
    BEN,
    BENS,
    NOW,
    PHONE,
    TABLET,
    MemoryDevices,
    MemoryTransactions,
    fix,
    state,
)

RIGHTS = Visibility()


class DevicesTests(SynchronousTestCase):
    def registry(self, *states: DeviceState) -> Devices:
        self.stored = MemoryDevices(states)
        devices = Devices(MemoryTransactions(), self.stored, Limits(max_devices=2))
        self.load(devices)
        return devices

    def load(self, devices: Devices) -> None:
        self.successResultOf(Deferred.fromCoroutine(devices.load()))

    def test_what_is_stored_is_known_after_loading(self) -> None:
        """After a restart every phone is as it was."""
        states = [state(PHONE, (5, 1)), state(TABLET), state(BENS)]
        devices = self.registry(*states)
        self.assertEqual(PHONE, devices.find(1, "phone"))
        self.assertEqual(states[0], devices.state(1))
        self.assertEqual(states[:2], devices.of(1))
        self.assertIsNone(devices.find(1, "nothing"))
        self.assertIsNone(devices.state(9))

    def test_a_path_names_a_device_only_to_who_may_see_it(self) -> None:
        """Not there and not shared are told alike; being an administrator changes nothing."""
        devices = self.registry(state(PHONE), state(BENS))
        self.assertEqual(state(PHONE), devices.named(ANA, RIGHTS, "ana/phone"))
        self.assertEqual(state(PHONE), devices.named(ANA, RIGHTS, "ANA/phone"))
        for path in ("ben/phone", "ana/Phone", "ana/", "phone", "", "ana/phone/x"):
            self.assertIsNone(devices.named(ANA, RIGHTS, path), path)
        self.assertIsNone(devices.named(BEN, RIGHTS, "ana/phone"))
        self.assertEqual([state(BENS)], devices.visible(BEN, RIGHTS))

    def test_the_newest_fix_is_the_one_with_the_greatest_time(self) -> None:
        """Queued fixes come late: they are no news of where somebody is (OwnTracks 7.2)."""
        devices = self.registry(state(PHONE))
        devices.note(PHONE, NOW, fix(100, 1, tid="p1"))
        devices.note(PHONE, NOW + 9, fix(50, 2, tid="p2"))
        devices.note(PHONE, NOW + 5)
        self.assertEqual(
            DeviceState(
                device=PHONE,
                tid="p1",
                created=9,
                seen=NOW + 9,
                last_at=100,
                last_seq=1,
                locations=2,
            ),
            devices.state(1),
        )

    def test_a_device_is_made_by_its_first_message(self) -> None:
        """It appears without anybody setting it up."""
        devices = self.registry()
        devices.note(TABLET, NOW)
        self.assertEqual([PHONE.owner], [each.device.owner for each in devices.of(1)])
        self.assertEqual(NOW, devices.of(1)[0].created)

    def test_only_a_fix_that_is_not_newer_may_be_a_repetition(self) -> None:
        """The store looks for a twin only then: it costs a read."""
        devices = self.registry(state(PHONE, (100, 7)))
        self.assertTrue(devices.offer(1, "phone", 100))
        self.assertFalse(devices.offer(1, "phone", 101))
        self.assertTrue(devices.offer(1, "phone", 101))
        self.assertTrue(devices.offer(1, "phone", 5))
        self.assertFalse(devices.offer(2, "phone", 5))

    def test_a_new_devices_second_message_may_repeat_its_first(self) -> None:
        """Both may wait for the same commit, when nobody knows the device yet."""
        devices = self.registry()
        self.assertFalse(devices.offer(1, "new", 100))
        self.assertTrue(devices.offer(1, "new", 100))

    def test_an_account_has_a_bounded_number_of_devices(self) -> None:
        """A script that counts up device names does not fill the memory."""
        devices = self.registry(state(PHONE))
        self.assertTrue(devices.admit(1, "phone"))
        self.assertTrue(devices.admit(1, "second"))
        self.assertTrue(devices.admit(1, "second"))
        self.assertFalse(devices.admit(1, "third"))
        self.assertTrue(devices.admit(2, "third"))

    def test_loading_again_finds_new_devices_and_loses_nothing(self) -> None:
        """A device password makes its device before the first message."""
        devices = self.registry(state(PHONE, (5, 1)))
        devices.note(PHONE, NOW + 60, fix(100, 1, tid="p1"))
        self.stored.states.append(state(TABLET))
        self.load(devices)
        self.assertEqual(TABLET, devices.find(1, "tablet"))
        known = devices.state(1)
        assert known is not None
        self.assertEqual((100, NOW + 60, "p1"), (known.last_at, known.seen, known.tid))

    def test_a_deleted_account_leaves_nothing(self) -> None:
        """A new account of the same name starts empty."""
        devices = self.registry(state(PHONE, (5, 1)), state(BENS))
        devices.forget(1)
        devices.forget(7)
        self.assertEqual([], devices.of(1))
        self.assertIsNone(devices.state(1))
        self.assertFalse(devices.offer(1, "phone", 1))
        self.assertEqual([state(BENS)], devices.of(2))

    def test_a_removed_device_leaves_nothing_and_its_name_is_free(self) -> None:
        """What is still on its way does not bring it back; the next message makes another."""
        devices = self.registry(state(PHONE, (5, 1)), state(BENS))
        devices.remove(PHONE)
        devices.remove(PHONE)
        devices.note(PHONE, NOW + 60, fix(100, 1))
        self.load(devices)
        self.assertTrue(devices.forgot(PHONE))
        self.assertEqual(([], None), (devices.of(1), devices.find(1, "phone")))
        self.assertFalse(devices.offer(1, "phone", 1))
        new = evolve(PHONE, number=9)
        devices.note(new, NOW + 60, fix(100, 1))
        self.assertEqual(new, devices.find(1, "phone"))
        self.assertEqual([state(BENS)], devices.of(2))

    def test_its_owners_wishes_are_seen_and_given_back(self) -> None:
        """Whatever the phone says meanwhile; of a device that is gone nothing is kept."""
        devices = self.registry(state(PHONE, (5, 1)))
        devices.note(PHONE, NOW, fix(100, 1, tid="p1"))
        look = Look(label="Ana's", tid="AP", color="#000000")
        devices.dress(1, look)
        devices.dress(99, look)
        devices.note(PHONE, NOW, fix(101, 1, tid="p2"))
        known = devices.state(1)
        assert known is not None
        self.assertEqual((look, "AP"), (known.look, known.tid))
        devices.dress(1, Look())
        known = devices.state(1)
        assert known is not None
        self.assertEqual((Look(), "p2"), (known.look, known.tid))

    def test_what_was_stored_as_its_owners_is_not_taken_for_its_own(self) -> None:
        """After a restart, until the phone says its own again."""
        stored = evolve(state(PHONE), tid="AP", look=Look(tid="AP"))
        devices = self.registry(stored)
        self.assertEqual([stored], devices.of(1))
        devices.dress(1, Look())
        self.assertEqual([evolve(stored, tid=None, look=Look())], devices.of(1))
