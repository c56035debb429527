"""What is retained, and for whom it counts."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.retained import Retained


def message(topic: str, payload: bytes = b"x") -> Message:
    """One to be retained."""
    return Message(topic, payload, 1, True)


class ForgettingTests(SynchronousTestCase):
    """An account that is made anew under an old name must not find its predecessor's places."""

    def test_what_a_namespace_published_is_forgotten_and_nothing_else(self) -> None:
        """Others' last places stay where they are."""
        retained = Retained(10)
        retained.keep("ana", message("owntracks/ana/a"))
        retained.keep("ana", message("owntracks/ana/b"))
        retained.keep("ben", message("owntracks/ben/a"))
        self.assertEqual(2, retained.forget("ana"))
        self.assertEqual(0, retained.forget("ana"))
        left = [held.topic for held in retained.matching("#") if held is not None]
        self.assertEqual((["owntracks/ben/a"], 1), (left, len(retained)))

    def test_a_forgotten_namespace_has_all_its_room_again(self) -> None:
        """Its count went with its messages."""
        retained = Retained(1)
        retained.keep("ana", message("a"))
        self.assertFalse(retained.keep("ana", message("b")))
        retained.forget("ana")
        self.assertTrue(retained.keep("ana", message("b")))
