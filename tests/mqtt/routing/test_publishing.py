"""What clients publish: stored first, then acknowledged, retained, delivered and announced."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Message
from tests.mqtt.routing.rig import FULL_DISK, Fact, Rig


class AcknowledgementTests(SynchronousTestCase):
    """A phone forgets what is acknowledged."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True

    def test_puback_waits_for_the_commit(self) -> None:
        """A fix that is acknowledged before it is durable is lost with the next power cut
        [MQTT-3.3.4-1, MQTT-4.3.2-2]."""
        phone = self.rig.phone()
        phone.publish("a", packet_id=7)
        self.assertEqual([], phone.hear())
        self.rig.journal.fire()
        self.assertEqual([Puback(7)], phone.hear())

    def test_pubacks_come_in_the_order_of_the_publishes(self) -> None:
        """Libraries count on it [MQTT-4.6.0-2]; here the second needs no storing at all."""
        self.rig.host.forbidden = {"not yours"}
        phone = self.rig.phone()
        phone.send(Publish("a", b"", 1, packet_id=1), Publish("not yours", b"", 1, packet_id=2))
        self.assertEqual([], phone.hear())
        self.rig.journal.fire()
        self.assertEqual([Puback(1), Puback(2)], phone.hear())

    def test_qos_0_is_stored_but_not_answered(self) -> None:
        """A fix that the phone does not insist on is a fix all the same [MQTT-3.3.4-1]."""
        phone = self.rig.phone()
        phone.publish("a", b"1", packet_id=None)
        self.rig.journal.fire()
        self.assertEqual([Fact("a", b"1")], self.rig.journal.stored)
        self.assertEqual([], phone.hear())

    def test_what_may_not_be_published_is_acknowledged_and_dropped(self) -> None:
        """Otherwise the phone sends it for ever [MQTT-3.3.5-2]."""
        self.rig.host.forbidden = {"not yours"}
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.publish("not yours", packet_id=3)
        self.assertEqual([Puback(3)], phone.hear())
        self.assertEqual([], listener.hear())
        self.assertEqual(0, self.rig.journal.waiting)
        self.assertEqual(1, self.rig.broker.counters.dropped)

    def test_a_message_sent_again_is_a_new_message(self) -> None:
        """DUP says nothing to a server [MQTT-4.3.2-2], so both are stored and acknowledged."""
        phone = self.rig.phone()
        phone.send(Publish("a", b"", 1, packet_id=1), Publish("a", b"", 1, dup=True, packet_id=1))
        self.rig.journal.fire_all()
        self.assertEqual([Puback(1), Puback(1)], phone.hear())
        self.assertEqual(2, len(self.rig.journal.stored))

    def test_a_too_large_message_is_set_aside_and_acknowledged(self) -> None:
        """Its sender must be rid of it, its owner can look at its head (contract 4)."""
        rig = Rig(Limits(max_packet_size=1000))
        listener, phone = rig.subscriber(), rig.phone()
        phone.publish("a", bytes(2000), packet_id=5)
        self.assertEqual([Puback(5)], phone.hear())
        self.assertEqual([Fact("a", bytes(2000), 2008)], rig.journal.stored)
        self.assertEqual(rig.journal.stored, rig.host.announced)
        self.assertEqual([], listener.hear())
        self.assertEqual(1, rig.broker.counters.oversize)

    def test_a_too_large_message_on_a_forbidden_topic_is_only_acknowledged(self) -> None:
        """What may not be published is not worth keeping either."""
        rig = Rig(Limits(max_packet_size=1000))
        rig.host.forbidden = {"not yours"}
        phone = rig.phone()
        phone.publish("not yours", bytes(2000), packet_id=5)
        self.assertEqual([Puback(5)], phone.hear())
        self.assertEqual([], rig.journal.attempts)


class AfterTheCommitTests(SynchronousTestCase):
    """What follows a commit follows it whatever happens to the client."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True

    def test_nothing_is_told_before_the_commit(self) -> None:
        """A place that is shown and then lost would be a lie."""
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.publish("a", b"1")
        self.assertEqual(([], []), (listener.hear(), self.rig.host.announced))
        self.rig.journal.fire()
        self.assertEqual([b"1"], listener.take())
        self.assertEqual([Fact("a", b"1")], self.rig.host.announced)

    def test_a_commit_goes_its_way_when_the_phone_hangs_up(self) -> None:
        """It is stored, so family must see it without waiting for the phone to come back."""
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.publish("a", b"1")
        phone.hang_up()
        self.rig.journal.fire()
        self.assertEqual([b"1"], listener.take())
        self.assertEqual([Fact("a", b"1")], self.rig.host.announced)

    def test_messages_are_delivered_in_the_order_they_came(self) -> None:
        """An older fix after a newer one moves the pin backwards [MQTT-4.6.0-5]; here the second
        needs no storing and could overtake."""
        self.rig.host.factless = {"b"}
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.send(Publish("a", b"1", 1, packet_id=1), Publish("b", b"2", 1, packet_id=2))
        self.assertEqual([], listener.hear())
        self.rig.journal.fire()
        self.assertEqual([b"1", b"2"], listener.take())

    def test_a_host_that_fails_costs_its_connection_and_no_other(self) -> None:
        """One phone that trips over a bug must not take the family's down [MQTT-4.8.0-2]."""
        self.rig.host.faulty = {"bad"}
        listener, phone, victim = self.rig.subscriber(), self.rig.phone(), self.rig.phone("other")
        victim.publish("bad")
        self.assertTrue(victim.closed)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        phone.publish("a", b"1")
        self.rig.journal.fire()
        self.assertEqual([b"1"], listener.take())


class TroubleTests(SynchronousTestCase):
    """The store takes nothing: full, gone, overloaded."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.trouble = FULL_DISK

    def test_nothing_is_acknowledged_and_the_connection_stays(self) -> None:
        """The phone keeps what it has; a reconnect would only cost its battery."""
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.publish("a")
        self.assertEqual(([], [], []), (phone.hear(), listener.hear(), self.rig.host.announced))
        self.assertFalse(phone.closed)
        self.assertEqual(1, self.rig.broker.counters.unstored)

    def test_it_is_tried_again_after_1_2_3_4_5_and_5_seconds(self) -> None:
        """Soon at first, for most trouble is short; never so often that it becomes the trouble."""
        self.rig.phone().publish("a")
        attempts: list[int] = []
        for second in range(22):
            attempts += [second] * (len(self.rig.journal.attempts) - len(attempts))
            self.rig.timers.advance(1)
        self.assertEqual([0, 1, 3, 6, 10, 15, 20], attempts)

    def test_recovery_stores_and_acknowledges_everything_in_order(self) -> None:
        """After an outage the day's track is whole and in its order."""
        listener, phone = self.rig.subscriber(), self.rig.phone()
        for number in (1, 2, 3):
            phone.publish("a", b"%d" % number, packet_id=number)
        self.assertEqual([Fact("a", b"1")], self.rig.journal.attempts)
        self.rig.journal.trouble = None
        self.rig.timers.advance(1)
        self.assertEqual([Puback(1), Puback(2), Puback(3)], phone.hear())
        self.assertEqual([b"1", b"2", b"3"], listener.take())
        self.assertEqual([Fact("a", b"1"), *self.rig.journal.stored], self.rig.journal.attempts)
        phone.publish("a", b"4", packet_id=4)
        self.assertEqual([Puback(4)], phone.hear())

    def test_one_that_fails_among_others_holds_back_what_follows_it(self) -> None:
        """Stored is acknowledged in order, and delivered in order [MQTT-4.6.0-2, -5]."""
        self.rig.journal.trouble = None
        self.rig.journal.by_hand = True
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.send(Publish("a", b"1", 1, packet_id=1), Publish("a", b"2", 1, packet_id=2))
        self.rig.journal.fire(FULL_DISK)
        self.rig.journal.fire()
        self.assertEqual(([], []), (phone.hear(), listener.hear()))
        self.rig.timers.advance(1)
        self.rig.journal.fire()
        self.assertEqual([Puback(1), Puback(2)], phone.hear())
        self.assertEqual([b"1", b"2"], listener.take())

    def test_a_phone_that_leaves_takes_what_is_not_stored_with_it(self) -> None:
        """It was never acknowledged: the phone still has it. Nothing is tried for a dead wire."""
        self.rig.journal.by_hand = True
        self.rig.journal.trouble = None
        listener, phone = self.rig.subscriber(), self.rig.phone()
        phone.send(Publish("a", b"1", 1, packet_id=1), Publish("a", b"2", 1, packet_id=2))
        self.rig.journal.fire(FULL_DISK)
        phone.hang_up()
        self.rig.journal.fire()
        self.rig.timers.advance(10)
        self.assertEqual([b"2"], listener.take())
        self.assertEqual(2, len(self.rig.journal.attempts))

    def test_a_commit_that_fails_after_the_phone_left_is_forgotten(self) -> None:
        """Nobody waits for it, so nothing may go on trying."""
        self.rig.journal.by_hand = True
        phone = self.rig.phone()
        phone.publish("a")
        phone.hang_up()
        self.rig.journal.fire()
        self.assertEqual([], self.rig.waited_for)

    def test_a_fault_of_the_store_ends_the_connection_and_is_told(self) -> None:
        """A bug is not trouble that passes: it must be seen, and must not loop in silence."""
        self.rig.journal.trouble = RuntimeError("a bug")
        phone = self.rig.phone()
        phone.publish("a")
        self.assertEqual(([], True), (phone.hear(), phone.closed))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))


class PressureTests(SynchronousTestCase):
    """A phone that sends faster than we store waits; nothing of it is dropped."""

    def rig(self, limits: Limits) -> Rig:
        rig = Rig(limits)
        rig.journal.by_hand = True
        return rig

    def test_reading_stops_at_the_limit_and_not_before(self) -> None:
        """TCP holds the phone back, so that its queue and not our memory grows."""
        rig = self.rig(Limits(max_unstored=4))
        phone = rig.phone()
        for number in (1, 2, 3):
            phone.publish("a", packet_id=number)
        self.assertFalse(phone.held_back)
        phone.publish("a", packet_id=4)
        self.assertTrue(phone.held_back)

    def test_bytes_count_as_well(self) -> None:
        """A few faces fill memory as well as many fixes do."""
        rig = self.rig(Limits(max_unstored_bytes=1000))
        phone = rig.phone()
        phone.publish("a", bytes(999), packet_id=1)
        self.assertFalse(phone.held_back)
        phone.publish("a", bytes(1), packet_id=2)
        self.assertTrue(phone.held_back)

    def test_reading_goes_on_when_half_is_stored(self) -> None:
        """Nothing that came in one piece with the last one is lost meanwhile."""
        rig = self.rig(Limits(max_unstored=4))
        phone = rig.phone()
        phone.send(*(Publish("a", b"%d" % n, 1, packet_id=n) for n in range(1, 7)))
        self.assertEqual(4, rig.journal.waiting)
        rig.journal.fire()
        rig.journal.fire()
        rig.turn()
        self.assertEqual((2, True), (rig.journal.waiting, phone.held_back))
        rig.journal.fire()
        rig.turn()
        self.assertFalse(phone.held_back)
        rig.journal.fire_all()
        self.assertEqual([b"%d" % n for n in range(1, 7)], [f.payload for f in rig.journal.stored])

    def test_what_came_before_a_hang_up_is_still_heard(self) -> None:
        """`mosquitto_pub -l` sends its lines, says DISCONNECT and is gone: all of it counts, and
        the DISCONNECT forgets the Will [MQTT-3.14.4-3]."""
        rig = self.rig(Limits(max_unstored=2))
        phone = rig.phone()
        phone.send(*(Publish("a", b"%d" % n) for n in range(5)))
        phone.hang_up()
        while rig.journal.waiting:
            rig.journal.fire()
            rig.turn()
        self.assertEqual(5, len(rig.journal.stored))
        self.assertEqual(0, rig.broker.counters.connections)

    def test_one_phone_does_not_keep_the_reactor(self) -> None:
        """Others are served between slices, and the order stays."""
        rig = Rig()
        phone = rig.phone()
        phone.send(*(Publish("a", b"%d" % n) for n in range(250)))
        self.assertEqual((100, True), (len(rig.journal.stored), phone.held_back))
        rig.turn()
        self.assertEqual(200, len(rig.journal.stored))
        phone.publish("a", b"250", packet_id=None)
        rig.turn()
        self.assertEqual(
            [b"%d" % n for n in range(251)], [fact.payload for fact in rig.journal.stored]
        )
        self.assertFalse(phone.held_back)


class OtherDoorTests(SynchronousTestCase):
    """`Broker.publish`: what comes by HTTP goes the same way."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True
        self.message = Message("a", b"1", 1, retain=True)

    def test_it_fires_once_durable_and_told(self) -> None:
        """The phone's 200 means what a PUBACK means."""
        listener = self.rig.subscriber()
        answer = self.rig.broker.publish("ana", self.message)
        self.assertNoResult(answer)
        self.rig.journal.fire()
        self.assertIsNone(self.successResultOf(answer))
        self.assertEqual([b"1"], listener.take())
        self.assertEqual([Fact("a", b"1")], self.rig.host.announced)
        self.assertEqual(1, self.rig.broker.counters.retained)

    def test_what_cannot_be_stored_is_refused(self) -> None:
        """The phone tries again later; we do not on its behalf."""
        listener = self.rig.subscriber()
        answer = self.rig.broker.publish("ana", self.message)
        self.rig.journal.fire(FULL_DISK)
        self.failureResultOf(answer, Unavailable)
        self.assertEqual(([], 0), (listener.hear(), self.rig.broker.counters.retained))

    def test_cancelling_loses_the_answer_not_the_message(self) -> None:
        """Web servers cancel what they do for a client that hangs up."""
        listener = self.rig.subscriber()
        answer = self.rig.broker.publish("ana", self.message)
        answer.addErrback(lambda _: None)
        answer.cancel()
        self.rig.journal.fire()
        self.assertEqual([b"1"], listener.take())

    def test_what_needs_no_storing_fires_at_once(self) -> None:
        """A command to one's own phone is nothing to keep."""
        self.rig.host.factless = {"a"}
        listener = self.rig.subscriber()
        self.successResultOf(self.rig.broker.publish("ana", evolve(self.message, retain=False)))
        self.assertEqual([b"1"], listener.take())

    def test_what_may_not_be_published_is_dropped_and_counted(self) -> None:
        """The same answer as over MQTT: taken, and gone."""
        self.rig.host.forbidden = {"a"}
        self.successResultOf(self.rig.broker.publish("ana", self.message))
        self.assertEqual(0, self.rig.journal.waiting)
        self.assertEqual(1, self.rig.broker.counters.dropped)
