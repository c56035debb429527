"""The host has enough to do: `Broker.pauseProducing`, and the store's own count that calls it."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.store.limits import Limits as StoreLimits
from mytracks.store.waiting import Waiting
from tests.mqtt.routing.rig import Phone, Rig


class HeldBackTests(SynchronousTestCase):
    """Phones wait; nothing is dropped, nobody is thrown out."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.broker = self.rig.broker

    def publishing(self, name: str, keepalive: int = 0) -> Phone:
        """A phone that was let in and publishes."""
        phone = self.rig.connect(name, keepalive=keepalive)
        self.assertEqual([Connack(False, ConnackCode.ACCEPTED)], phone.hear())
        phone.publish("a", name.encode())
        return phone

    def assert_stored(self, *payloads: bytes) -> None:
        self.assertEqual(sorted(payloads), sorted(fact.payload for fact in self.rig.journal.stored))

    def test_no_phone_is_heard_until_it_ends(self) -> None:
        """Those that are here, and those that come meanwhile."""
        early = self.rig.phone("early")
        self.broker.pauseProducing()
        early.publish("a", b"early")
        late = self.publishing("late")
        self.assertEqual([True, True], [early.held_back, late.held_back])
        self.assert_stored()
        self.broker.resumeProducing()
        self.rig.turn()
        self.assertEqual([False, False], [early.held_back, late.held_back])
        self.assertEqual([[Puback(1)], [Puback(1)]], [early.hear(), late.hear()])
        self.assert_stored(b"early", b"late")

    def test_what_is_being_heard_stops_in_the_middle(self) -> None:
        """One read can bring hundreds of messages: the store is asked to hold no more of them."""
        waiting = Waiting(StoreLimits(pause_at=3, refuse_at=4))
        waiting.attach(self.broker)
        self.rig.journal.count = waiting
        self.rig.journal.by_hand = True
        phone = self.rig.phone()
        phone.send(*(Publish("a", b"%d" % n, 1, packet_id=n + 1) for n in range(10)))
        self.assertEqual((3, True), (self.rig.journal.waiting, phone.held_back))
        while self.rig.journal.waiting:
            self.rig.journal.fire()
            self.rig.turn()
        self.assert_stored(*(b"%d" % n for n in range(10)))
        self.assertEqual(0, self.broker.counters.unstored)
        self.assertFalse(phone.held_back)

    def test_nobody_is_silent_meanwhile(self) -> None:
        """It is we who do not listen."""
        self.broker.pauseProducing()
        phone = self.publishing("phone", keepalive=10)
        self.rig.timers.pump([1] * 100)
        self.assertFalse(phone.closed)
        self.broker.resumeProducing()
        self.rig.timers.pump([1] * 12)
        phone.hear()
        phone.send(Pingreq())
        self.assertEqual([Pingresp()], phone.hear())
        self.rig.timers.pump([1] * 16)
        self.assertTrue(phone.closed)

    def test_who_hangs_up_meanwhile_is_heard_afterwards(self) -> None:
        """What it said in good order counts."""
        self.broker.pauseProducing()
        phone = self.rig.phone()
        phone.send(Publish("a", b"last"), Disconnect())
        phone.hang_up()
        self.assertEqual(1, self.broker.counters.connections)
        self.broker.resumeProducing()
        self.rig.turn()
        self.assert_stored(b"last")
        self.assertEqual(0, self.broker.counters.connections)

    def test_a_phone_that_has_its_own_reasons_to_wait_goes_on_waiting(self) -> None:
        """The store takes again, but a phone's own share is still full."""
        rig = self.rig
        rig.journal.by_hand = True
        phone = rig.phone()
        phone.send(*(Publish("a", b"") for _ in range(500)))
        rig.turn(10)
        self.broker.pauseProducing()
        self.broker.resumeProducing()
        rig.turn(10)
        self.assertTrue(phone.held_back)

    def test_it_ends_more_than_once_without_harm(self) -> None:
        """The store's count may say so again."""
        self.broker.resumeProducing()
        self.publishing("phone")
        self.broker.pauseProducing()
        self.broker.pauseProducing()
        self.broker.resumeProducing()
        self.broker.resumeProducing()
        self.publishing("other")
        self.assert_stored(b"phone", b"other")
