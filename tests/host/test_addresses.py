"""What to type into a phone is never an address that only this machine understands."""

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.addresses import is_loopback, own_address


class AddressTests(SynchronousTestCase):
    """The first page is mostly opened by the URL in the log, which says localhost."""

    def test_what_only_this_machine_understands_is_known(self) -> None:
        """By name and by number, in both families."""
        for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", "tracks.localhost"):
            self.assertTrue(is_loopback(host), host)
        for host in ("192.168.1.5", "tracks.example.org", "2001:db8::1", "localhost.example.org"):
            self.assertFalse(is_loopback(host), host)

    def test_the_own_address_is_one_that_others_can_use_or_none(self) -> None:
        """A machine without a network has none."""
        address = own_address()
        if address is not None:
            self.assertFalse(ipaddress.ip_address(address).is_loopback)
