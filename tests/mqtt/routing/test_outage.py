"""The database server is away: what was on its way to it waits, for a minute if need be.

The store keeps the batch that was under way and answers for none of it until it knows what became
of it; what comes after that is refused at once. Phones keep their connections.
"""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode
from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from mytracks.store.database import StorageDown
from tests.mqtt.routing.rig import Phone, Rig

AWAY = StorageDown("the database server does not answer")
LONG = 60


class KeptBatchTests(SynchronousTestCase):
    """Publishes whose commit was under way when the server was lost."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_unstored=5))
        self.rig.journal.by_hand = True

    def kept(self, name: str = "phone", keepalive: int = 0) -> Phone:
        """A phone with one publish in the batch that the store keeps."""
        phone = self.rig.connect(name, keepalive=keepalive)
        phone.publish("a", b"1", packet_id=1)
        self.assertEqual([Connack(False, ConnackCode.ACCEPTED)], phone.hear())
        return phone

    def away(self) -> None:
        """From now on the store refuses at once; what it kept it still keeps."""
        self.rig.journal.by_hand = False
        self.rig.journal.refusing = AWAY

    def back(self) -> None:
        """The server is there again: first what was kept, then what comes."""
        self.rig.journal.refusing = None
        self.rig.journal.fire_all()

    def test_it_holds_neither_its_own_phone_nor_any_other(self) -> None:
        """Pings are answered, others come, subscribe and get what needs no storing."""
        self.rig.host.factless = {"cmd"}
        phone = self.kept(keepalive=10)
        self.away()
        for _ in range(LONG // 10):
            self.rig.timers.pump([1] * 10)
            phone.send(Pingreq())
            self.assertEqual([Pingresp()], phone.hear())
        listener = self.rig.subscriber()
        self.rig.phone("other").publish("cmd", b"now", packet_id=None)
        self.assertEqual([b"now"], listener.take())
        self.assertFalse(phone.held_back)
        self.back()
        self.assertEqual([Puback(1)], phone.hear())
        self.assertEqual([b"1"], listener.take())

    def test_what_follows_it_is_tried_until_it_is_stored_and_all_comes_in_order(self) -> None:
        """Acknowledged and delivered as it was sent [MQTT-4.6.0-2, -5]."""
        listener, phone = self.rig.subscriber(), self.kept()
        self.away()
        phone.publish("a", b"2", packet_id=2)
        phone.publish("a", b"3", packet_id=3)
        self.rig.timers.pump([1] * LONG)
        self.assertEqual(([], []), (phone.hear(), listener.hear()))
        self.assertLess(len(self.rig.journal.attempts), LONG)
        self.back()
        self.rig.timers.pump([1] * 5)
        self.assertEqual([Puback(1), Puback(2), Puback(3)], phone.hear())
        self.assertEqual([b"1", b"2", b"3"], listener.take())

    def test_what_one_phone_sends_meanwhile_is_bounded(self) -> None:
        """Then TCP holds it back; only this one, and it counts as silent no more than before."""
        phone = self.kept(keepalive=10)
        self.away()
        for number in range(2, 9):
            phone.publish("a", packet_id=number)
        self.assertTrue(phone.held_back)
        self.rig.timers.pump([1] * LONG)
        self.assertFalse(phone.closed)
        self.assertFalse(self.kept("other").held_back)
        self.back()
        for _ in range(3):
            self.rig.timers.pump([1] * 5)
            self.rig.journal.fire_all()
        self.assertEqual([Puback(number) for number in range(1, 9)], phone.hear())
        self.assertFalse(phone.held_back)

    def test_a_phone_that_leaves_meanwhile_leaves_nothing_behind(self) -> None:
        """Its place is free at once; what was kept is stored and told when its time comes."""
        listener, phone = self.rig.subscriber(), self.kept()
        self.away()
        phone.publish("a", b"2", packet_id=2)
        phone.hang_up()
        self.assertEqual(1, self.rig.broker.counters.connections)
        (sweeping,) = self.rig.timers.getDelayedCalls()
        self.assertGreater(sweeping.getTime(), 1_000)
        attempts = len(self.rig.journal.attempts)
        self.back()
        self.rig.timers.pump([1] * LONG)
        self.assertEqual([b"1"], listener.take())
        self.assertEqual(attempts, len(self.rig.journal.attempts))
        (sweeping,) = self.rig.timers.getDelayedCalls()
        self.assertGreater(sweeping.getTime(), 1_000)

    def test_a_batch_that_is_given_up_is_tried_again(self) -> None:
        """It was not stored after all, or the store has given up waiting for it."""
        phone = self.kept()
        self.away()
        self.rig.journal.fire(AWAY)
        self.rig.timers.pump([1] * 2)
        self.assertEqual([], phone.hear())
        self.back()
        self.rig.timers.pump([1] * 5)
        self.assertEqual([Puback(1)], phone.hear())

    def test_a_stop_waits_for_it_no_longer_than_it_may(self) -> None:
        """The phone was told nothing, so it has it still; systemd kills what does not end."""
        phone = self.kept()
        self.away()
        closing = Deferred.fromCoroutine(self.rig.broker.close(patience=2.5))
        self.rig.timers.pump([0.5] * 4)
        self.assertNoResult(closing)
        self.rig.timers.pump([0.5] * 2)
        self.successResultOf(closing)
        self.assertTrue(phone.closed or phone.aborted)
        self.assertEqual([], [heard for heard in phone.hear() if isinstance(heard, Puback)])
        self.back()

    def test_a_stop_while_something_is_tried_again_does_not_wait_for_the_next_try(self) -> None:
        """Nothing is being stored then."""
        phone = self.rig.phone()
        self.away()
        phone.send(Publish("a", b"1", 1, packet_id=1))
        closing = Deferred.fromCoroutine(self.rig.broker.close(patience=2.5))
        phone.hang_up()
        self.rig.turn(2)
        self.successResultOf(closing)
        self.assertEqual([], self.rig.timers.getDelayedCalls())
