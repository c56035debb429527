"""What is retained, and for whom it counts."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.routing.limits import MIB
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.retained import OVERHEAD, Retained


def message(topic: str, payload: bytes = b"x") -> Message:
    """One to be retained."""
    return Message(topic, payload, 1, True)


class ForgettingTests(SynchronousTestCase):
    """An account that is made anew under an old name must not find its predecessor's places."""

    def test_what_somebody_published_is_forgotten_and_nothing_else(self) -> None:
        """Others' last places stay where they are."""
        retained, ana, ben = Retained(10, MIB), Owner(), Owner()
        retained.keep(ana, message("owntracks/ana/a"))
        retained.keep(ana, message("owntracks/ana/b"))
        retained.keep(ben, message("owntracks/ben/a"))
        self.assertEqual(2, retained.forget(ana))
        self.assertEqual(0, retained.forget(ana))
        left = [held.topic for held in retained.matching("#") if held is not None]
        self.assertEqual((["owntracks/ben/a"], 1), (left, len(retained)))

    def test_who_was_forgotten_has_all_their_room_again(self) -> None:
        """The count goes with the messages."""
        retained, ana = Retained(1, MIB), Owner()
        retained.keep(ana, message("a"))
        self.assertFalse(retained.keep(ana, message("b")))
        retained.forget(ana)
        self.assertTrue(retained.keep(ana, message("b")))


class CountTests(SynchronousTestCase):
    """Whom a message counts for."""

    def test_a_topic_counts_for_who_wrote_it_last(self) -> None:
        """On a shared topic nobody can use up another's room."""
        retained, ana, bob = Retained(1, MIB), Owner(), Owner()
        message = Message("shared", b"1", 0, True)
        self.assertTrue(retained.keep(ana, message))
        self.assertTrue(retained.keep(bob, message))
        self.assertTrue(retained.keep(ana, Message("own", b"1", 0, True)))
        self.assertFalse(retained.keep(bob, Message("own too", b"1", 0, True)))
        self.assertEqual(2, len(retained))

    def test_deleting_makes_room(self) -> None:
        """Devices come and go over the years."""
        retained, ana, bob = Retained(1, MIB), Owner(), Owner()
        for topic in ("a", "b"):
            self.assertTrue(retained.keep(ana, Message(topic, b"1", 0, True)))
            self.assertTrue(retained.keep(bob, Message(topic, b"", 0, True)))
        self.assertEqual(0, len(retained))


class ByteTests(SynchronousTestCase):
    """A thousand messages of 8 MiB would be 8 GB."""

    def test_topics_and_payloads_count(self) -> None:
        """Up to the bound and not beyond it; another owner has room of their own."""
        retained, ana, bob = Retained(10, 2 * (1_000 + OVERHEAD)), Owner(), Owner()
        self.assertTrue(retained.keep(ana, message("a", bytes(999))))
        self.assertFalse(retained.keep(ana, message("b", bytes(1_000))))
        self.assertTrue(retained.keep(ana, message("b", bytes(999))))
        self.assertFalse(retained.keep(ana, message("c")))
        self.assertTrue(retained.keep(bob, message("c")))

    def test_what_is_replaced_deleted_or_forgotten_makes_room(self) -> None:
        """A phone replaces its place all day long."""
        retained, ana, bob = Retained(10, 1_000 + OVERHEAD), Owner(), Owner()
        for _ in range(3):
            self.assertTrue(retained.keep(ana, message("a", bytes(999))))
        retained.keep(ana, message("a", b""))
        self.assertTrue(retained.keep(ana, message("b", bytes(999))))
        retained.keep(bob, message("b"))
        self.assertTrue(retained.keep(ana, message("c", bytes(999))))
        retained.forget(ana)
        self.assertTrue(retained.keep(ana, message("d", bytes(999))))

    def test_what_is_not_kept_does_not_leave_its_predecessor(self) -> None:
        """A place that is out of date is worse than none [MQTT-3.3.1-7]."""
        retained, ana, bob = Retained(1, 1_000), Owner(), Owner()
        retained.keep(ana, message("a"))
        self.assertFalse(retained.keep(ana, message("a", bytes(1_000))))
        self.assertEqual((0, []), (len(retained), list(retained.matching("#"))))
        retained.keep(ana, message("a"))
        retained.keep(bob, message("b"))
        self.assertFalse(retained.keep(bob, message("a")))
        self.assertEqual(1, len(retained))
        self.assertTrue(retained.keep(ana, message("c")))
