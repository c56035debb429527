"""What subscribers get: at which QoS, with which flags, in which order, and how much waits."""

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback, Pubrel
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe, Unsuback, Unsubscribe
from mytracks.mqtt.routing.changes import OVERHEAD
from mytracks.mqtt.routing.fanout import SLICE
from mytracks.mqtt.routing.limits import KIB, Limits
from mytracks.mqtt.routing.session import SLICE as SESSION_SLICE
from tests.mqtt.routing.rig import Phone, Rig


class QualityTests(SynchronousTestCase):
    """Which message goes to whom, and how."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.phone = self.rig.phone()

    def heard(self, listener: Phone, qos: int) -> Publish:
        self.phone.send(Publish("a", b"x", qos, packet_id=1 if qos else None))
        if qos == 2:
            self.phone.send(Pubrel(1))
        (message,) = listener.messages()
        return message

    def test_the_lower_qos_of_publisher_and_subscriber_counts(self) -> None:
        """[MQTT-3.8.4-6]; QoS 0 carries no packet id [MQTT-2.3.1-5]."""
        for granted, published, delivered in (
            (0, 0, 0),
            (0, 1, 0),
            (1, 0, 0),
            (1, 1, 1),
            (2, 1, 1),
            (1, 2, 1),
            (2, 2, 2),
        ):
            listener = self.rig.subscriber("a", granted, user=f"{granted}{published}")
            message = self.heard(listener, published)
            self.assertEqual(delivered, message.qos)
            self.assertEqual(bool(delivered), message.packet_id is not None)

    def test_qos_2_is_granted(self) -> None:
        """Android asks for 2 by default."""
        listener = self.rig.phone("listener")
        listener.send(Subscribe(9, (("a", 2),)))
        self.assertEqual([Suback(9, (2,))], listener.hear())
        self.assertEqual(1, self.heard(listener, 1).qos)

    def test_overlapping_filters_deliver_once_at_the_highest_qos(self) -> None:
        """Android subscribes to its own topic twice over; two copies would be two notices
        [MQTT-3.3.5-1]."""
        listener = self.rig.phone("listener")
        listener.send(Subscribe(1, (("#", 0), ("a", 1), ("+", 0))))
        listener.hear()
        self.assertEqual(1, self.heard(listener, 1).qos)

    def test_a_filter_subscribed_again_replaces_the_first(self) -> None:
        """[MQTT-3.8.4-3]: nothing twice, and the QoS asked for last."""
        listener = self.rig.subscriber("a", 1)
        listener.send(Subscribe(2, (("a", 0),)))
        listener.hear()
        self.assertEqual(0, self.heard(listener, 1).qos)

    def test_retain_is_not_set_for_who_was_subscribed_before(self) -> None:
        """It says whether the message is old [MQTT-3.3.1-9]."""
        listener = self.rig.subscriber()
        self.phone.send(Publish("a", b"x", 0, retain=True))
        self.assertFalse(listener.messages()[0].retain)

    def test_dup_is_not_passed_on(self) -> None:
        """It belongs to the publisher's own wire [MQTT-3.3.1-3, MQTT-4.3.2-1]."""
        listener = self.rig.subscriber()
        self.phone.send(Publish("a", b"x", 1, dup=True, packet_id=1))
        self.assertFalse(listener.messages()[0].dup)

    def test_who_may_not_see_it_does_not_get_it(self) -> None:
        """Rights are asked at every delivery, whatever the filter was granted."""
        self.rig.host.hidden_from = {"eve"}
        eve, bob = self.rig.subscriber(user="eve"), self.rig.subscriber(user="bob")
        self.phone.publish("a", b"1")
        self.assertEqual(([], [b"1"]), (eve.take(), bob.take()))

    def test_only_matching_filters_get_it(self) -> None:
        """[MQTT-3.3.2-3]"""
        listener = self.rig.subscriber("a/+")
        for topic in ("a", "b/c", "a/b/c", "a/b"):
            self.phone.publish(topic, topic.encode())
        self.assertEqual([b"a/b"], listener.take())

    def test_one_receivers_fault_does_not_reach_the_others(self) -> None:
        """A bug that one account's rights run into must not blind everybody [MQTT-4.8.0-2]."""
        self.rig.host.faulty = {"bad"}
        listeners = [self.rig.subscriber(user=user) for user in ("ann", "bad", "cyd")]
        self.phone.publish("a", b"1")
        self.assertEqual([[b"1"], [], [b"1"]], [listener.take() for listener in listeners])
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))


class UnsubscribeTests(SynchronousTestCase):
    """UNSUBSCRIBE ends what it names, and is always answered."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.phone = self.rig.phone()

    def test_nothing_more_is_delivered(self) -> None:
        """[MQTT-3.10.4-2]"""
        listener = self.rig.subscriber("a")
        listener.send(Unsubscribe(2, ("a",)))
        self.assertEqual([Unsuback(2)], listener.hear())
        self.phone.publish("a")
        self.assertEqual([], listener.hear())

    def test_filters_are_compared_character_by_character(self) -> None:
        """`#` covers `a` but is not the same filter [MQTT-3.10.4-1]."""
        listener = self.rig.subscriber("a")
        listener.send(Unsubscribe(2, ("#", "A", "a/")))
        self.assertEqual([Unsuback(2)], listener.hear())
        self.phone.publish("a", b"1")
        self.assertEqual([b"1"], listener.take())

    def test_it_is_answered_once_whether_or_not_there_was_anything(self) -> None:
        """Paho dies of an answer too many and waits for ever for one too few
        [MQTT-3.10.4-4, -5, -6]."""
        self.phone.send(Unsubscribe(3, ("never", "heard of")))
        self.assertEqual([Unsuback(3)], self.phone.hear())

    def test_what_was_sent_before_is_finished(self) -> None:
        """[MQTT-3.10.4-3]: its acknowledgement is still taken and makes room."""
        rig = Rig(Limits(max_inflight=1))
        phone, listener = rig.phone(), rig.subscriber("a")
        phone.publish("a", b"1")
        (message,) = listener.messages()
        phone.publish("a", b"2")
        listener.send(Unsubscribe(2, ("a",)))
        assert message.packet_id is not None
        listener.send(Puback(message.packet_id))
        self.assertEqual([b"2"], listener.take())


class WindowTests(SynchronousTestCase):
    """QoS 1 to a client that takes its time."""

    def flood(self, rig: Rig, messages: int, size: int = 1) -> None:
        phone = rig.phone("flooding")
        for number in range(messages):
            phone.publish("a", b"%d" % number + bytes(size - 1))

    def drain(self, listener: Phone) -> list[bytes]:
        taken: list[bytes] = []
        while payloads := listener.take():
            taken += payloads
        return taken

    def test_no_more_than_max_inflight_are_unacknowledged(self) -> None:
        """Small libraries keep few; the rest waits here, and comes in order [MQTT-4.6.0-5]."""
        rig = Rig()
        listener = rig.subscriber()
        self.flood(rig, 50)
        messages = listener.messages()
        self.assertEqual(20, len(messages))
        self.assertEqual(20, len({message.packet_id for message in messages}))
        for message in messages:
            assert message.packet_id is not None
            listener.send(Puback(message.packet_id))
        self.assertEqual([b"%d" % number for number in range(20, 50)], self.drain(listener))

    def test_a_full_queue_keeps_the_newest(self) -> None:
        """For places the newest count most; what went is counted, and told once."""
        rig = Rig(Limits(max_inflight=1, max_queued=3))
        listener = rig.subscriber()
        with capturedLogs() as told:
            self.flood(rig, 7)
        self.assertEqual([b"0", b"4", b"5", b"6"], self.drain(listener))
        self.assertEqual(3, rig.broker.counters.overflowed)
        self.assertEqual(1, sum("does not keep up" in event["log_format"] for event in told))

    def test_a_queue_at_its_limit_loses_nothing(self) -> None:
        """One fewer than above."""
        rig = Rig(Limits(max_inflight=1, max_queued=3))
        listener = rig.subscriber()
        self.flood(rig, 4)
        self.assertEqual([b"0", b"1", b"2", b"3"], self.drain(listener))
        self.assertEqual(0, rig.broker.counters.overflowed)

    def test_the_queue_is_bounded_in_bytes_too(self) -> None:
        """Faces are a thousand times as large as fixes."""
        weight = 1000 + len("a") + OVERHEAD
        rig = Rig(Limits(max_inflight=1, max_queued_bytes=2 * weight))
        listener = rig.subscriber()
        self.flood(rig, 4, size=1000)
        self.assertEqual([b"0", b"2", b"3"], [body.rstrip(b"\0") for body in self.drain(listener)])

    def test_qos_0_does_not_wait_for_the_window(self) -> None:
        """Nothing about it is unacknowledged."""
        rig = Rig(Limits(max_inflight=1))
        listener = rig.subscriber()
        self.flood(rig, 2)
        rig.phone().publish("a", b"zero", packet_id=None)
        self.assertEqual([b"0", b"zero"], [message.payload for message in listener.messages()])


class SlowReaderTests(SynchronousTestCase):
    """A client that does not read what is sent to it."""

    def setUp(self) -> None:
        self.rig = Rig(Limits(max_buffered_out=10 * KIB))
        self.phone = self.rig.phone()

    def test_qos_1_waits_and_comes_when_it_reads_again(self) -> None:
        """In the session, where it is bounded, not in the transport."""
        listener = self.rig.subscriber()
        listener.stop_reading()
        for number in range(5):
            self.phone.publish("a", b"%d" % number)
        self.assertEqual([], listener.hear())
        listener.read_again()
        self.assertEqual([b"0", b"1", b"2", b"3", b"4"], listener.take())

    def test_what_comes_while_the_queue_is_sent_comes_after_it(self) -> None:
        """The queue goes out in slices; nothing may slip in between [MQTT-4.6.0-5]."""
        rig = Rig(Limits(max_inflight=1000))
        listener, phone = rig.subscriber(), rig.phone()
        listener.stop_reading()
        for number in range(SESSION_SLICE + 50):
            phone.publish("a", b"%d" % number)
        listener.read_again()
        phone.publish("a", b"last")
        rig.turn()
        expected = [*(b"%d" % number for number in range(SESSION_SLICE + 50)), b"last"]
        self.assertEqual(expected, [message.payload for message in listener.messages()])

    def test_qos_0_is_dropped_beyond_the_limit(self) -> None:
        """The transport holds so much and not more, and what is dropped is counted."""
        listener = self.rig.subscriber()
        listener.stop_reading()
        for _ in range(20):
            self.phone.publish("a", bytes(KIB), packet_id=None)
        sent = len(listener.messages())
        self.assertIn(sent, (9, 10))
        self.assertEqual(20 - sent, self.rig.broker.counters.unsent)
        listener.read_again()
        self.phone.publish("a", b"again", packet_id=None)
        self.assertEqual([b"again"], listener.take())

    def test_answers_that_it_does_not_read_are_bounded_too(self) -> None:
        """A client that only ever asks is not listened to until it reads."""
        self.phone.stop_reading()
        for _ in range(12):
            self.phone.publish("a", bytes(KIB))
        self.assertFalse(self.phone.held_back)
        flood = b"\xc0\x00" * 100
        for _ in range(60):
            self.phone.send_bytes(flood)
        self.assertTrue(self.phone.held_back)
        self.phone.read_again()
        self.rig.turn(200)
        self.assertFalse(self.phone.held_back)


class FanOutTests(SynchronousTestCase):
    """Many receivers."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.listeners = [self.rig.subscriber(user=f"user{n}") for n in range(SLICE + 50)]
        self.phone = self.rig.phone()

    def took(self) -> int:
        return sum(bool(listener.take()) for listener in self.listeners)

    def test_it_yields_between_slices(self) -> None:
        """A message to the whole village must not hold up everybody's acknowledgements."""
        self.phone.publish("a", b"1")
        self.assertEqual([Puback(1)], self.phone.hear())
        self.assertEqual(SLICE, self.took())
        self.rig.turn()
        self.assertEqual(50, self.took())

    def test_everybody_gets_everything_in_order(self) -> None:
        """What is published while the first is still on its way comes after it."""
        for number in range(4):
            self.phone.publish("a", b"%d" % number)
        self.assertEqual(SLICE, sum(len(listener.take()) for listener in self.listeners))
        self.rig.turn(10)
        heard = [listener.take() for listener in self.listeners]
        self.assertEqual(50, heard.count([b"0", b"1", b"2", b"3"]))
        self.assertEqual(SLICE, heard.count([b"1", b"2", b"3"]))
        self.phone.publish("a", b"4")
        self.rig.turn(10)
        for listener in self.listeners:
            self.assertEqual([b"4"], listener.take())

    def test_a_receiver_that_goes_meanwhile_harms_nobody(self) -> None:
        """Phones come and go at any moment."""
        self.phone.publish("a", b"1")
        waiting = [listener for listener in self.listeners if not listener.take()]
        waiting[0].hang_up()
        self.rig.turn()
        self.assertEqual([False, *[True] * 49], [bool(listener.take()) for listener in waiting])

    def test_the_publisher_is_held_back_by_what_is_still_on_its_way(self) -> None:
        """Else one fast phone fills memory with messages that wait for slow delivery."""
        rig = Rig(Limits(max_unstored=2))
        for number in range(SLICE):
            rig.subscriber(user=f"user{number}")
        phone = rig.phone()
        for number in range(3):
            phone.publish("a", packet_id=number + 1)
        self.assertTrue(phone.held_back)
        rig.turn(10)
        self.assertFalse(phone.held_back)
