"""What is retained, and for whom it counts."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.routing.limits import MIB
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.retained import OVERHEAD, Retained


def message(topic: str, payload: bytes = b"x") -> Message:
    """One to be retained."""
    return Message(topic, payload, 1, True)


def keep(retained: Retained, owner: Owner, message: Message) -> bool:
    """Planned, stored and handed on; whether there was room."""
    plan = retained.plan(owner, message)
    retained.fulfil(plan)
    return plan.fits


class ForgettingTests(SynchronousTestCase):
    """An account that is made anew under an old name must not find its predecessor's places."""

    def test_what_somebody_published_is_forgotten_and_nothing_else(self) -> None:
        """Others' last places stay where they are."""
        retained, ana, ben = Retained(10, MIB), Owner("ana"), Owner("ben")
        keep(retained, ana, message("owntracks/ana/a"))
        keep(retained, ana, message("owntracks/ana/b"))
        keep(retained, ben, message("owntracks/ben/a"))
        self.assertEqual(2, retained.forget(ana))
        self.assertEqual(0, retained.forget(ana))
        left = [held[0].topic for held in retained.matching("#") if held is not None]
        self.assertEqual((["owntracks/ben/a"], 1), (left, len(retained)))

    def test_who_was_forgotten_has_all_their_room_again(self) -> None:
        """The count goes with the messages."""
        retained, ana = Retained(1, MIB), Owner("ana")
        keep(retained, ana, message("a"))
        self.assertFalse(keep(retained, ana, message("b")))
        retained.forget(ana)
        self.assertTrue(keep(retained, ana, message("b")))


class CountTests(SynchronousTestCase):
    """Whom a message counts for."""

    def test_a_topic_counts_for_who_wrote_it_last(self) -> None:
        """On a shared topic nobody can use up another's room."""
        retained, ana, bob = Retained(1, MIB), Owner("ana"), Owner("bob")
        message = Message("shared", b"1", 0, True)
        self.assertTrue(keep(retained, ana, message))
        self.assertTrue(keep(retained, bob, message))
        self.assertTrue(keep(retained, ana, Message("own", b"1", 0, True)))
        self.assertFalse(keep(retained, bob, Message("own too", b"1", 0, True)))
        self.assertEqual(2, len(retained))

    def test_deleting_makes_room(self) -> None:
        """Devices come and go over the years."""
        retained, ana, bob = Retained(1, MIB), Owner("ana"), Owner("bob")
        for topic in ("a", "b"):
            self.assertTrue(keep(retained, ana, Message(topic, b"1", 0, True)))
            self.assertTrue(keep(retained, bob, Message(topic, b"", 0, True)))
        self.assertEqual(0, len(retained))


class ByteTests(SynchronousTestCase):
    """A thousand messages of 8 MiB would be 8 GB."""

    def test_topics_and_payloads_count(self) -> None:
        """Up to the bound and not beyond it; another owner has room of their own."""
        retained, ana, bob = Retained(10, 2 * (1_000 + OVERHEAD)), Owner("ana"), Owner("bob")
        self.assertTrue(keep(retained, ana, message("a", bytes(999))))
        self.assertFalse(keep(retained, ana, message("b", bytes(1_000))))
        self.assertTrue(keep(retained, ana, message("b", bytes(999))))
        self.assertFalse(keep(retained, ana, message("c")))
        self.assertTrue(keep(retained, bob, message("c")))

    def test_what_is_replaced_deleted_or_forgotten_makes_room(self) -> None:
        """A phone replaces its place all day long."""
        retained, ana, bob = Retained(10, 1_000 + OVERHEAD), Owner("ana"), Owner("bob")
        for _ in range(3):
            self.assertTrue(keep(retained, ana, message("a", bytes(999))))
        keep(retained, ana, message("a", b""))
        self.assertTrue(keep(retained, ana, message("b", bytes(999))))
        keep(retained, bob, message("b"))
        self.assertTrue(keep(retained, ana, message("c", bytes(999))))
        retained.forget(ana)
        self.assertTrue(keep(retained, ana, message("d", bytes(999))))

    def test_what_is_not_kept_does_not_leave_its_predecessor(self) -> None:
        """A place that is out of date is worse than none [MQTT-3.3.1-7]."""
        retained, ana, bob = Retained(1, 1_000), Owner("ana"), Owner("bob")
        keep(retained, ana, message("a"))
        self.assertFalse(keep(retained, ana, message("a", bytes(1_000))))
        self.assertEqual((0, []), (len(retained), list(retained.matching("#"))))
        keep(retained, ana, message("a"))
        keep(retained, bob, message("b"))
        self.assertFalse(keep(retained, bob, message("a")))
        self.assertEqual(1, len(retained))
        self.assertTrue(keep(retained, ana, message("c")))


class PlanTests(SynchronousTestCase):
    """Between the record of a message and its commit."""

    def test_a_topic_holds_what_it_held_until_the_commit(self) -> None:
        """Nothing is told before it is durable."""
        retained, ana = Retained(10, MIB), Owner("ana")
        keep(retained, ana, message("a", b"old"))
        plan = retained.plan(ana, message("a", b"new"))
        self.assertEqual([b"old"], self.held(retained))
        retained.fulfil(plan)
        self.assertEqual([b"new"], self.held(retained))

    def test_what_is_under_way_counts(self) -> None:
        """A burst of messages is no way around the limit; what fails makes room again."""
        retained, ana = Retained(2, MIB), Owner("ana")
        first, second = retained.plan(ana, message("a")), retained.plan(ana, message("b"))
        third = retained.plan(ana, message("c"))
        self.assertEqual([True, True, False], [each.fits for each in (first, second, third)])
        retained.drop(first)
        self.assertTrue(retained.plan(ana, message("d")).fits)
        self.assertFalse(retained.plan(ana, message("e")).fits)

    def test_many_messages_of_one_topic_under_way_count_once(self) -> None:
        """A phone in a hurry replaces its own place, whichever of them are stored."""
        for failing in ((), (0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)):
            retained, ana = Retained(1, MIB), Owner("ana")
            keep(retained, ana, message("a", b"old"))
            plans = [retained.plan(ana, message("a", bytes(number + 1))) for number in range(3)]
            self.assertTrue(all(plan.fits for plan in plans))
            for number, plan in enumerate(plans):
                (retained.drop if number in failing else retained.fulfil)(plan)
            self.assertEqual((1, 1), (ana.retained, len(retained)), failing)
            size = len(self.held(retained)[0]) + len("a") + OVERHEAD
            self.assertEqual(size, ana.retained_bytes, failing)

    def test_of_who_is_gone_by_then_nothing_is_held(self) -> None:
        """Nor what it was to replace: the journal has lost both."""
        retained, ana, ben = Retained(1, MIB), Owner("ana"), Owner("ben")
        keep(retained, ben, message("a"))
        plan = retained.plan(ana, message("a"))
        ana.gone = True
        retained.fulfil(plan)
        self.assertEqual(([], 0), (self.held(retained), ben.retained))

    def held(self, retained: Retained) -> list[bytes]:
        return [held[0].payload for held in retained.matching("#") if held is not None]
