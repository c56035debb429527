"""Which addresses are one neighbour."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.people.networks import network, tells_who


class NetworkTests(SynchronousTestCase):
    """Who counts as the same neighbour (security.md 6)."""

    def test_an_ipv4_address_is_its_own_network_however_it_is_written(self) -> None:
        """A dual-stack listener shows IPv4 peers as mapped addresses."""
        self.assertEqual(network("192.0.2.7"), network("::ffff:192.0.2.7"))
        self.assertNotEqual(network("192.0.2.7"), network("192.0.2.8"))

    def test_all_addresses_of_an_ipv6_subscriber_are_one(self) -> None:
        """A /64 is what one subscriber gets; each of its addresses would be a fresh start."""
        self.assertEqual(network("2001:db8::1"), network("2001:db8::ffff:1%eth0"))
        self.assertNotEqual(network("2001:db8::1"), network("2001:db8:0:1::1"))

    def test_what_is_no_address_stands_for_itself(self) -> None:
        """A UNIX socket has a peer, too."""
        self.assertEqual("local", network("local"))

    def test_this_machine_and_no_address_tell_nothing_of_who_it_is(self) -> None:
        """A proxy that we were not told of has all the world behind it."""
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.9", "local", ""):
            self.assertFalse(tells_who(address), address)
        for address in ("192.0.2.7", "10.0.0.5", "2001:db8::1"):
            self.assertTrue(tells_who(address), address)
