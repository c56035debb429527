"""Rights as values."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.sharing.identity import Device, Door, Principal
from mytracks.sharing.visibility import Visibility


class VisibilityTests(SynchronousTestCase):
    def test_everybody_sees_their_own_devices_and_nobody_elses(self) -> None:
        """Whatever door they took, and with a device's password as well."""
        for door in Door:
            who = Principal(1, "ana", False, door, device="phone")
            self.assertTrue(Visibility().sees(who, 1))
            self.assertFalse(Visibility().sees(who, 2))

    def test_an_administrator_sees_no_more(self) -> None:
        """Managing accounts is no right to know where people are (contract 3)."""
        self.assertFalse(Visibility().sees(Principal(1, "root", True, Door.WEB), 2))


class DeviceTests(SynchronousTestCase):
    def test_a_device_is_written_user_slash_device(self) -> None:
        """The same everywhere: pages, REST, commands, logs."""
        self.assertEqual("ana/Händi", Device(1, 1, "ana", "Händi").path)
