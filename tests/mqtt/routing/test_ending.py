"""How connections end: the Will, silence, violations, revocation, and the broker's own end."""

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Will
from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.client import LINGER
from mytracks.mqtt.routing.hearing import SLOWEST
from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import FULL_DISK, Fact, Phone, Rig

WILL = Will("w", b"gone", 1, False)


class WillTests(SynchronousTestCase):
    """`{"_type":"lwt"}`: whoever watches learns that a phone was cut off."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.listener = self.rig.subscriber()

    def phone(self, will: Will = WILL, keepalive: int = 0) -> Phone:
        phone = self.rig.connect(will=will, keepalive=keepalive)
        phone.hear()
        return phone

    def test_a_lost_connection_publishes_it(self) -> None:
        """[MQTT-3.1.2-8], at its QoS and stored like any other message."""
        self.phone().hang_up()
        self.assertEqual([Publish("w", b"gone", 1, packet_id=1)], self.listener.messages())
        self.assertEqual([Fact("w", b"gone")], self.rig.host.announced)

    def test_a_violation_publishes_it(self) -> None:
        """[MQTT-3.1.2-8, MQTT-3.14.1-1]: a DISCONNECT with wrong flags is none."""
        phone = self.phone()
        phone.send_bytes(b"\xe1\x00")
        self.assertTrue(phone.closed)
        self.assertEqual([b"gone"], self.listener.take())

    def test_silence_publishes_it(self) -> None:
        """[MQTT-3.1.2-24]"""
        self.phone(keepalive=10)
        self.rig.timers.advance(15)
        self.assertEqual([b"gone"], self.listener.take())

    def test_a_takeover_publishes_it(self) -> None:
        """[MQTT-3.1.4-2]: it is the older connection's, and due."""
        self.phone()
        self.rig.phone()
        self.assertEqual([b"gone"], self.listener.take())

    def test_a_revocation_publishes_it(self) -> None:
        """It ends the connection without DISCONNECT, like any other trouble."""
        self.phone()
        self.rig.broker.disconnect(lambda who: who == "ana", "revoked")
        self.assertEqual([b"gone"], self.listener.take())

    def test_disconnect_forgets_it(self) -> None:
        """[MQTT-3.1.2-10, MQTT-3.14.4-3]: iOS leaves like that all the time."""
        phone = self.phone()
        phone.leave()
        self.assertTrue(phone.closed)
        phone.hang_up()
        self.assertEqual([], self.listener.take())

    def test_the_end_of_the_broker_does_not_publish_it(self) -> None:
        """An update of the server is not the phones' fault."""
        self.phone()
        Deferred.fromCoroutine(self.rig.broker.close())
        self.assertEqual([], self.rig.journal.attempts)

    def test_it_is_published_once(self) -> None:
        """[MQTT-3.1.2-10]: closing and then losing a connection is one end."""
        phone = self.phone()
        phone.send_bytes(b"\xe1\x00")
        phone.hang_up()
        self.assertEqual([b"gone"], self.listener.take())

    def test_it_is_retained_if_it_says_so_and_only_then(self) -> None:
        """[MQTT-3.1.2-16, -17]"""
        for retain, retained in ((False, 0), (True, 1)):
            self.phone(Will("w", b"gone", 0, retain)).hang_up()
            self.assertEqual(retained, self.rig.broker.counters.retained)

    def test_its_qos_counts_as_that_of_any_message(self) -> None:
        """[MQTT-3.8.4-6] The listener asked for 1."""
        self.phone(Will("w", b"gone", 2, False)).hang_up()
        self.assertEqual([1], [message.qos for message in self.listener.messages()])

    def test_it_comes_after_what_its_phone_published(self) -> None:
        """Else the phone would look alive again."""
        phone = self.phone()
        self.rig.journal.by_hand = True
        phone.publish("w", b"alive")
        phone.hang_up()
        self.rig.journal.fire_all()
        self.assertEqual([b"alive", b"gone"], self.listener.take())

    def test_it_needs_the_right_to_publish_at_connect(self) -> None:
        """Whoever may not publish there may not have it published; the phone still gets in."""
        self.rig.host.forbidden = {"w"}
        phone = self.phone()
        self.rig.host.forbidden = set()
        phone.hang_up()
        self.assertEqual([], self.listener.take())
        self.assertEqual(1, self.rig.broker.counters.dropped)

    def test_it_needs_the_right_to_publish_when_it_is_due(self) -> None:
        """Rights can be lost in between."""
        phone = self.phone()
        self.rig.host.forbidden = {"w"}
        phone.hang_up()
        self.assertEqual([], self.listener.take())

    def test_a_host_that_fails_over_it_does_not_keep_the_connection(self) -> None:
        """The client id must be free again, whatever the host does."""
        phone = self.phone()
        self.rig.host.faulty = {"w"}
        phone.send_bytes(b"\xe1\x00")
        phone.hang_up()
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(1, self.rig.broker.counters.connections)

    def test_one_that_cannot_be_stored_is_not_told(self) -> None:
        """Nothing is delivered before it is durable, and nobody tries for a dead connection."""
        phone = self.phone()
        self.rig.journal.trouble = FULL_DISK
        phone.hang_up()
        self.rig.timers.advance(30)
        self.assertEqual([], self.listener.take())
        self.assertEqual(1, len(self.rig.journal.attempts))


class SilenceTests(SynchronousTestCase):
    """Keep Alive [MQTT-3.1.2-24]."""

    def setUp(self) -> None:
        self.rig = Rig()

    def test_one_and_a_half_keepalives_without_a_packet_end_it(self) -> None:
        """Not earlier: Android's alarms are late when it dozes."""
        phone = self.rig.connect(keepalive=10)
        self.rig.timers.advance(14.9)
        self.assertFalse(phone.closed)
        self.rig.timers.advance(0.2)
        self.assertTrue(phone.closed)
        self.assertEqual(1, self.rig.broker.counters.expired)

    def test_every_packet_counts(self) -> None:
        """From the last one received, whatever it was."""
        phone = self.rig.connect(keepalive=10)
        for _ in range(5):
            self.rig.timers.advance(14)
            phone.publish("a")
        phone.hear()
        self.rig.timers.advance(14)
        phone.send(Pingreq())
        self.assertEqual([Pingresp()], phone.hear())
        self.rig.timers.advance(14.9)
        self.assertFalse(phone.closed)
        self.rig.timers.advance(0.2)
        self.assertTrue(phone.closed)

    def test_a_packet_that_means_nothing_counts(self) -> None:
        """What is acknowledged without need is a packet all the same."""
        phone = self.rig.connect(keepalive=10)
        for _ in range(5):
            self.rig.timers.advance(14)
            phone.send(Puback(9))
        self.rig.timers.advance(14)
        self.assertFalse(phone.closed)

    def test_a_packet_that_is_spun_out_does_not_count(self) -> None:
        """[MQTT-3.1.2-24] asks for packets: byte by byte, a place could be kept for ever. A packet
        too large to be kept is no other."""
        for head in (b"\x30\x80\x80\x01", b"\x30\x80\x80\x80\x06\x00\x01a"):
            phone = self.rig.connect(keepalive=10)
            phone.send_bytes(head)
            for _ in range(14):
                self.rig.timers.advance(1)
                phone.send_bytes(b"a" * (SLOWEST - 1))
            self.assertFalse(phone.closed)
            self.rig.timers.advance(1.1)
            self.assertTrue(phone.closed)

    def test_a_large_message_over_a_slow_network_arrives(self) -> None:
        """A picture takes longer than the keepalive, and its parts do not come evenly."""
        phone = self.rig.connect(keepalive=10)
        phone.hear()
        message = Publish("a", b"x" * 100 * SLOWEST, 1, False, False, 1).encode()
        while message:
            piece, message = message[: 12 * SLOWEST], message[12 * SLOWEST :]
            phone.send_bytes(piece)
            self.rig.timers.advance(11.9)
        self.assertFalse(phone.closed)
        self.assertEqual([Puback(1)], phone.hear())

    def test_what_is_sent_to_it_does_not_count(self) -> None:
        """A dead phone would live as long as its friends move."""
        listener = self.rig.connect(keepalive=10)
        listener.send(Subscribe(1, (("#", 0),)))
        other = self.rig.phone("other")
        for _ in range(15):
            self.rig.timers.advance(1)
            other.publish("a")
        self.assertTrue(listener.closed)

    def test_keepalive_0_never_ends_it(self) -> None:
        """The client asked not to be timed."""
        phone = self.rig.connect(keepalive=0)
        self.rig.timers.advance(1_000_000)
        self.assertFalse(phone.closed)

    def test_while_we_do_not_listen_it_is_not_silent(self) -> None:
        """An outage of the store must not throw out the phones that wait for it."""
        rig = Rig(Limits(max_unstored=1))
        rig.journal.trouble = FULL_DISK
        phone = rig.connect(keepalive=10)
        phone.publish("a")
        self.assertTrue(phone.held_back)
        rig.timers.pump([1] * 100)
        self.assertFalse(phone.closed)
        rig.journal.trouble = None
        rig.timers.pump([1] * 6)
        self.assertFalse(phone.held_back)
        rig.timers.pump([1] * 31)
        self.assertTrue(phone.closed)

    def test_a_closed_connection_that_does_not_go_is_torn_down(self) -> None:
        """A peer that takes nothing would keep the socket for ever."""
        phone = self.rig.phone()
        phone.leave()
        self.assertEqual((True, False), (phone.closed, phone.aborted))
        self.rig.timers.advance(LINGER)
        self.assertTrue(phone.aborted)


class ViolationTests(SynchronousTestCase):
    """A peer that breaks the protocol."""

    def test_it_is_closed_and_its_rule_told_to_who_debugs(self) -> None:
        """[MQTT-4.8.0-1]; others do not notice [MQTT-4.8.0-2]."""
        rig = Rig()
        other, phone = rig.phone("other"), rig.phone()
        with capturedLogs() as told:
            phone.send_bytes(b"\xf0\x00")
        self.assertEqual([LogLevel.debug, LogLevel.info], [event["log_level"] for event in told])
        self.assertIn("MQTT-", told[0]["rule"])
        self.assertTrue(phone.closed)
        other.publish("a")
        self.assertEqual([Puback(1)], other.hear())
        self.assertEqual(1, rig.broker.counters.violations)

    def test_what_came_before_it_counts(self) -> None:
        """The fix was sent in good faith."""
        rig = Rig()
        phone = rig.phone()
        phone.send_bytes(Publish("a", b"1").encode() + b"\xf0\x00")
        self.assertEqual([Fact("a", b"1")], rig.journal.stored)

    def test_before_connect_it_is_closed_without_a_word(self) -> None:
        """[MQTT-3.1.0-1, MQTT-3.1.4-1]"""
        phone = Rig().arrive()
        phone.send(Pingreq())
        self.assertEqual(([], True), (phone.hear(), phone.closed))


class RevocationTests(SynchronousTestCase):
    """`Broker.disconnect`: a withdrawn credential is out at once."""

    def test_whoever_meets_the_condition_is_cut_off_and_nobody_else(self) -> None:
        """Within the second that the contract gives; here within the call."""
        rig = Rig()
        anas = [rig.phone("one", user="ana"), rig.phone("two", user="ana")]
        bob, unknown = rig.phone(user="bob"), rig.arrive()
        self.assertEqual(2, rig.broker.disconnect(lambda who: who == "ana", "revoked"))
        self.assertEqual([True, True], [phone.aborted for phone in anas])
        self.assertEqual([False, False], [bob.closed, unknown.closed])
        self.assertEqual(0, rig.broker.disconnect(lambda who: who == "ana", "revoked"))

    def test_nothing_more_is_heard_from_or_said_to_them(self) -> None:
        """What is on its way must not slip through."""
        rig = Rig()
        listener = rig.subscriber(user="eve")
        rig.broker.disconnect(lambda who: who == "eve", "revoked")
        listener.publish("a")
        rig.phone().publish("b")
        self.assertEqual(([], ["b"]), (listener.hear(), [f.topic for f in rig.journal.attempts]))


class ClosingTests(SynchronousTestCase):
    """`Broker.close`: SIGTERM."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.rig.journal.by_hand = True

    def close(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.rig.broker.close(patience=3))

    def test_commits_under_way_are_still_acknowledged(self) -> None:
        """A phone that knows it is stored need not send it again."""
        phone = self.rig.phone()
        phone.publish("a", packet_id=4)
        closing = self.close()
        self.assertEqual((False, True), (phone.closed, phone.held_back))
        phone.publish("late", packet_id=5)
        self.rig.journal.fire_all()
        self.assertEqual(([Puback(4)], True), (phone.hear(), phone.closed))
        self.assertNoResult(closing)
        phone.hang_up()
        self.successResultOf(closing)
        self.assertEqual(["a"], [fact.topic for fact in self.rig.journal.attempts])

    def test_patience_has_an_end(self) -> None:
        """A dead disk and a dead peer together do not keep the process."""
        phone = self.rig.phone()
        phone.publish("a")
        closing = self.close()
        self.rig.timers.advance(3)
        self.rig.turn()
        self.assertTrue(phone.aborted)
        self.successResultOf(closing)
        self.rig.journal.fire()

    def test_who_comes_meanwhile_is_turned_away(self) -> None:
        """Also whoever is still being decided on."""
        self.rig.host.deciding = decision = Deferred[None]()
        early = self.rig.connect("early")
        self.close()
        late = self.rig.arrive()
        decision.callback(None)
        self.assertEqual((True, True, []), (early.closed, late.aborted, early.hear()))

    def test_nothing_is_left_running(self) -> None:
        """Fifty starts and stops must leak nothing."""
        phones = [self.rig.connect(str(n), keepalive=n) for n in range(3)]
        phones.append(self.rig.arrive())
        closing = self.close()
        for phone in phones:
            phone.hang_up()
        self.successResultOf(closing)
        self.assertEqual([], self.rig.waited_for)
        self.assertEqual(0, self.rig.broker.counters.connections)

    def test_closing_twice_is_closing_once(self) -> None:
        """Shutdown paths overlap."""
        self.close()
        self.successResultOf(self.close())

    def test_connack_was_said(self) -> None:
        """The rig's own promise: who is let in hears it."""
        self.assertEqual([Connack(False, ConnackCode.ACCEPTED)], self.rig.connect("anybody").hear())
