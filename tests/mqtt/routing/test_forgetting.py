"""`Broker.forget`: an account is deleted while messages of its phones are on their way."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.connect import Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.fanout import SLICE
from mytracks.mqtt.routing.ports import Message
from tests.mqtt.routing.rig import Rig


class DeletedAccountTests(SynchronousTestCase):
    """Whoever takes the name later must not see where its former owner was."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True

    def delete(self, user: str = "ana") -> None:
        self.rig.broker.disconnect(lambda who: who == user, "deleted", wills=False)
        self.rig.broker.forget(user)

    def assert_nothing_is_told(self) -> None:
        listener = self.rig.subscriber(user="ana")
        self.rig.journal.fire_all()
        self.assertEqual(([], 0), (listener.take(), self.rig.broker.counters.retained))
        self.assertEqual([], self.rig.subscriber("+").take())

    def test_its_will_is_not_published(self) -> None:
        """It was cut off because it is no more: nobody waits for it to come back."""
        self.rig.connect(will=Will("a", b"gone", 1, True))
        self.rig.journal.fire()
        self.delete()
        self.assertEqual([], self.rig.journal.attempts)
        self.assert_nothing_is_told()

    def test_others_wills_are(self) -> None:
        """A phone whose password was withdrawn is cut off like any other."""
        self.rig.connect(will=Will("a", b"gone", 1, True))
        self.rig.journal.fire()
        self.rig.broker.disconnect(lambda _: True, "revoked")
        self.rig.journal.fire_all()
        self.assertEqual(1, self.rig.broker.counters.retained)

    def test_a_will_that_is_being_stored_ends_with_it(self) -> None:
        """The phone may have been lost just before."""
        phone = self.rig.connect(will=Will("a", b"gone", 1, True))
        self.rig.journal.fire()
        phone.hang_up()
        self.assertEqual(1, self.rig.journal.waiting)
        self.delete()
        self.assert_nothing_is_told()

    def test_a_place_that_is_being_stored_ends_with_it(self) -> None:
        """Over MQTT and over HTTP."""
        self.rig.phone().send(Publish("a", b"here", 1, retain=True, packet_id=1))
        answer = self.rig.broker.publish("ana", Message("b", b"here", 1, True))
        self.delete()
        self.assert_nothing_is_told()
        self.successResultOf(answer)

    def test_a_place_that_waits_for_its_turn_ends_with_it(self) -> None:
        """Behind a large fan-out, for one."""
        for number in range(SLICE):
            self.rig.subscriber("first", user=str(number))
        self.rig.broker.publish("bob", Message("first", b"", 1, False))
        self.rig.broker.publish("ana", Message("a", b"here", 1, False))
        self.rig.journal.fire_all()
        self.delete()
        listener = self.rig.subscriber(user="ana")
        self.rig.turn(3)
        self.assertEqual([], listener.take())

    def test_who_comes_under_the_name_afterwards_is_served_like_anybody(self) -> None:
        """Neither its places nor its limits have anything to do with the former's."""
        self.rig.phone().send(Publish("a", b"old", 1, retain=True, packet_id=1))
        self.delete()
        self.rig.phone().send(Publish("b", b"new", 1, retain=True, packet_id=1))
        self.rig.journal.fire_all()
        self.assertEqual(1, self.rig.broker.counters.retained)
        self.assertEqual(1, self.rig.broker.forget("ana"))
        self.assertEqual(0, self.rig.broker.forget("ana"))

    def test_others_messages_go_their_way(self) -> None:
        """One account's end is nobody else's."""
        self.rig.phone(user="bob").send(Publish("a", b"bob's", 1, retain=True, packet_id=1))
        self.delete()
        self.rig.journal.fire_all()
        self.assertEqual(1, self.rig.broker.counters.retained)


class RemovedDeviceTests(SynchronousTestCase):
    """`Broker.withdraw`: one device is removed, its owner stays."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True

    def publish(self, topic: str) -> None:
        self.rig.broker.publish("ana", Message(topic, b"here", 1, True))

    def test_what_it_said_is_not_told_to_anybody_who_comes(self) -> None:
        """Nor what was just being stored; what comes after is another device's."""
        for topic in ("a/p", "a/p/event", "a/pp"):
            self.publish(topic)
        done = self.rig.broker.withdraw("ana", "a/p/#")
        self.publish("a/p/info")
        self.assertNoResult(done)
        self.rig.journal.fire_all()
        self.successResultOf(done)
        self.assertEqual(2, self.rig.broker.counters.retained)
        self.assertEqual({"a/pp", "a/p/info"}, set(self.rig.journal.memory.retained))

    def test_it_makes_room_for_others(self) -> None:
        """What is withdrawn counts for nobody's limit."""
        self.publish("a/p")
        self.rig.journal.fire_all()
        self.rig.broker.withdraw("ana", "a/p/#")
        self.publish("a/q")
        self.rig.journal.fire_all()
        owner = self.rig.broker._exchange._owners.named("ana")
        self.assertEqual(1, owner.retained)
