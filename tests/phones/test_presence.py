"""Which devices are there."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.phones.presence import Presence


class PresenceTests(SynchronousTestCase):
    def test_a_device_is_there_when_heard_until_lost(self) -> None:
        """Only changes are news; of others nothing is known."""
        presence = Presence()
        self.assertIsNone(presence.online(1))
        self.assertTrue(presence.heard(1))
        self.assertFalse(presence.heard(1))
        self.assertIs(True, presence.online(1))
        self.assertTrue(presence.lost(1))
        self.assertFalse(presence.lost(1))
        self.assertIs(False, presence.online(1))
        self.assertTrue(presence.heard(1))
        self.assertIsNone(presence.online(2))

    def test_a_device_of_which_only_the_end_was_heard_is_not_there(self) -> None:
        """Its will may be all that came after a restart."""
        presence = Presence()
        self.assertTrue(presence.lost(1))
        self.assertIs(False, presence.online(1))
