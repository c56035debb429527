"""One connection: what comes out of bytes, and what may be said when."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.codec import Packet, PacketSizes, encode
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import (
    Acknowledged,
    Connecting,
    Disconnected,
    Event,
    Pinged,
    Published,
    Subscribing,
    TooLarge,
    Unsubscribing,
    UnsupportedLevel,
    Violated,
)
from mytracks.mqtt.protocol.flow import Misused
from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect, Will
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import FAILURE, Subscribe, Unsubscribe
from mytracks.mqtt.protocol.states import State
from tests.mqtt.protocol import strategies
from tests.mqtt.protocol.catalogue import BOTH, CONNECTS, PHONES, field, whole
from tests.mqtt.protocol.machines import (
    HELLO,
    LIMITS,
    broken_rules,
    connected,
    pubacks,
    publish,
)
from tests.mqtt.protocol.malformed import MALFORMED, MALFORMED_CONNECTS

quick = settings(derandomize=True, deadline=None, max_examples=150)


class ConnectTests(SynchronousTestCase):
    """How a connection begins."""

    def test_every_good_connect_asks_to_be_decided_on(self) -> None:
        """Both phones get as far as their password, at whatever level they speak."""
        for good in CONNECTS:
            machine = Connection(LIMITS)
            assert isinstance(good.packet, Connect)
            self.assertEqual([Connecting(good.packet)], machine.receive(good.data))
            self.assertIs(State.DECIDING, machine.state)

    def test_every_malformed_connect_closes_without_connack(self) -> None:
        """[MQTT-3.1.4-1], [MQTT-3.1.0-1]; what follows is not looked at any more."""
        for bad in MALFORMED_CONNECTS:
            machine = Connection(LIMITS)
            self.assertEqual([bad.rule], broken_rules(machine.receive(bad.data)), msg=bad.name)
            self.assertIs(State.CLOSED, machine.state)
            self.assertEqual([], machine.receive(PHONES[0].data))
            self.assertEqual(b"", machine.refuse(ConnackCode.UNACCEPTABLE_LEVEL))

    def test_an_unknown_level_is_told_and_refused_with_code_1(self) -> None:
        """[MQTT-3.1.2-2] A client of MQTT 5 learns why; nothing behind it is read."""
        machine = Connection(LIMITS)
        data = whole(0x10, field("MQTT"), b"\x05\x02\x00\x00\x00\x00\x00") + b"\xff\xff"
        self.assertEqual([UnsupportedLevel(5)], machine.receive(data))
        self.assertEqual([], machine.receive(data))
        self.assertRaises(Misused, machine.accept, session_present=False)
        answer = machine.refuse(ConnackCode.UNACCEPTABLE_LEVEL)
        self.assertEqual(bytes.fromhex("20020001"), answer)
        self.assertIs(State.CLOSED, machine.state)

    def test_connack_tells_of_a_session_at_level_4_without_clean_session_only(self) -> None:
        """[MQTT-3.2.2-1] to [MQTT-3.2.2-3]; level 3 has no such flag."""
        for level in BOTH:
            for clean in (False, True):
                for there in (False, True):
                    machine = Connection(LIMITS)
                    machine.receive(encode(Connect(level, "me", clean, 0)))
                    answer, events = machine.accept(session_present=there)
                    told = there and level == 4 and not clean
                    self.assertEqual(bytes((0x20, 2, told, 0)), answer)
                    self.assertEqual([], events)

    def test_a_refusal_carries_its_code_and_no_session_and_ends_the_connection(self) -> None:
        """[MQTT-3.2.2-4], [MQTT-3.2.2-5]"""
        for code in set(ConnackCode) - {ConnackCode.ACCEPTED}:
            machine = Connection(LIMITS)
            machine.receive(encode(HELLO))
            self.assertEqual(bytes((0x20, 2, 0, code)), machine.refuse(code))
            self.assertIs(State.CLOSED, machine.state)
            self.assertEqual([], machine.receive(encode(Pingreq())))

    def test_packets_behind_connect_wait_for_connack(self) -> None:
        """[MQTT-3.1.4-5] Hasty clients do not wait; [MQTT-3.2.0-1] CONNACK is still first."""
        machine = Connection(LIMITS)
        hasty = encode(HELLO) + publish(7) + b"\xc0"
        self.assertEqual([Connecting(HELLO)], machine.receive(hasty))
        self.assertEqual([], machine.receive(b"\x00"))
        answer, events = machine.accept(session_present=False)
        self.assertEqual(bytes.fromhex("20020000"), answer)
        self.assertEqual([Published(Publish("a", b"", 1, packet_id=7)), Pinged()], events)

    def test_nothing_behind_a_refused_connect_is_handled(self) -> None:
        """[MQTT-3.1.4-5] Who is not let in publishes nothing."""
        machine = Connection(LIMITS)
        machine.receive(encode(HELLO) + publish(7))
        machine.refuse(ConnackCode.BAD_CREDENTIALS)
        self.assertEqual([], machine.receive(publish(8)))

    def test_a_mistake_behind_connect_comes_out_when_it_is_accepted(self) -> None:
        """[MQTT-3.1.0-2] Also a second CONNECT, which would not be allowed later either."""
        machine = Connection(LIMITS)
        machine.receive(encode(HELLO) + publish(7) + encode(HELLO))
        answer, events = machine.accept(session_present=False)
        self.assertEqual(bytes.fromhex("20020000"), answer)
        self.assertEqual(["MQTT-3.1.0-2"], broken_rules(events))
        self.assertEqual(2, len(events))

    def test_what_waits_behind_connect_is_bounded(self) -> None:
        """Limit `max_early`: nobody who is not let in fills our memory."""
        limits = ConnectionLimits(max_early=10)
        for pieces in ((10,), (4, 6), (1,) * 10):
            machine = Connection(limits)
            machine.receive(encode(HELLO))
            for size in pieces:
                self.assertEqual([], machine.receive(b"\xc0" * size))
            self.assertEqual(["max_early"], broken_rules(machine.receive(b"\xc0")))
            self.assertEqual((b"", []), machine.accept(session_present=False))
        self.assertEqual(
            [Connecting(HELLO)], Connection(limits).receive(encode(HELLO) + b"\xc0" * 10)
        )
        events = Connection(limits).receive(encode(HELLO) + b"\xc0" * 11)
        self.assertEqual(["max_early"], broken_rules(events))

    def test_a_will_of_too_many_levels_is_refused(self) -> None:
        """Limit `max_topic_levels` holds for what is published later, too."""
        for slashes, rules in ((199, []), (200, ["max_topic_levels"])):
            will = Will("/" * slashes, b"", 0, False)
            machine = Connection(LIMITS)
            events = machine.receive(encode(Connect(4, "me", True, 0, will)))
            self.assertEqual(rules, broken_rules(events))


class ReceivingTests(SynchronousTestCase):
    """What a connected client's packets become."""

    def test_each_packet_becomes_its_event(self) -> None:
        """At both levels; nothing of a packet is lost on its way to the broker."""
        packets: dict[Packet, Event] = {
            Publish("a", b"x"): Published(Publish("a", b"x")),
            Subscribe(7, (("a", 2),)): Subscribing(Subscribe(7, (("a", 2),))),
            Unsubscribe(7, ("a",)): Unsubscribing(Unsubscribe(7, ("a",))),
            Pingreq(): Pinged(),
            Disconnect(): Disconnected(),
        }
        for level in BOTH:
            for packet, event in packets.items():
                self.assertEqual([event], connected(level).receive(encode(packet)))

    def test_every_malformed_packet_ends_the_connection_after_what_came_before(self) -> None:
        """[MQTT-4.8.0-1] The fix in front of the mistake counts, the one behind it does not."""
        for bad in MALFORMED:
            for level in bad.levels:
                machine = connected(level)
                events = machine.receive(encode(Pingreq()) + bad.data)
                self.assertEqual([Pinged()], events[:1])
                self.assertEqual([bad.rule], broken_rules(events[1:]), msg=bad.name)
                self.assertIs(State.CLOSED, machine.state)
                self.assertEqual([], machine.receive(encode(Pingreq())))

    def test_disconnect_is_the_last_that_is_read(self) -> None:
        """[MQTT-3.14.4-3] What follows cannot bring the Will back."""
        machine = connected()
        events = machine.receive(encode(Pingreq()) + encode(Disconnect()) + b"\xff")
        self.assertEqual([Pinged(), Disconnected()], events)
        self.assertEqual([], machine.receive(b"\xff"))

    def test_nothing_is_kept_of_what_comes_behind_the_end(self) -> None:
        """A connection may linger for seconds after it; 64 KiB of each would be much."""
        for end in (encode(Disconnect()), b"\xff"):
            machine = connected()
            machine.receive(end + b"x" * 1000)
            self.assertEqual(0, machine.kept)
        for refused in (encode(HELLO), whole(0x10, field("MQTT"), b"\x05")):
            machine = Connection(LIMITS)
            machine.receive(refused + b"x" * 1000)
            machine.refuse(ConnackCode.SERVER_UNAVAILABLE)
            self.assertEqual(0, machine.kept)

    def test_a_too_large_publish_is_told_with_what_acknowledges_it(self) -> None:
        """A phone would send it for ever; so it is set aside and acknowledged."""
        machine = connected(limits=ConnectionLimits(sizes=PacketSizes(packet=10)))
        large = Publish("a", b"x" * 20, 1, packet_id=7)
        self.assertEqual([TooLarge(large, 27)], machine.receive(encode(large)))
        self.assertEqual(pubacks(7), machine.stored(7))

    def test_topics_of_too_many_levels_are_refused(self) -> None:
        """Limit `max_topic_levels`, for names and filters alike."""
        makers: tuple[Callable[[str], Packet], ...] = (
            lambda topic: Publish(topic, b""),
            lambda topic: Subscribe(7, (("a", 0), (topic, 0))),
            lambda topic: Unsubscribe(7, ("a", topic)),
        )
        for make in makers:
            self.assertEqual([], broken_rules(connected().receive(encode(make("/" * 199)))))
            events = connected().receive(encode(make("/" * 200)))
            self.assertEqual(["max_topic_levels"], broken_rules(events))


class AnsweringTests(SynchronousTestCase):
    """PUBACK, SUBACK, UNSUBACK, PINGRESP."""

    def test_acknowledgements_leave_in_the_order_of_the_publishes(self) -> None:
        """[MQTT-4.6.0-2] Whatever order the commits end in, and only once each is stored."""
        machine = connected()
        machine.receive(publish(3) + publish(1) + publish(2))
        self.assertEqual(b"", machine.stored(2))
        self.assertEqual(b"", machine.stored(1))
        self.assertEqual(pubacks(3, 1, 2), machine.stored(3))

    def test_the_same_packet_id_twice_is_two_messages(self) -> None:
        """[MQTT-4.3.2-2] A phone that sends again before our PUBACK gets one for each."""
        machine = connected()
        machine.receive(publish(3) + publish(7) + publish(7) + publish(8))
        self.assertEqual(b"", machine.stored(7))
        self.assertEqual(pubacks(3, 7), machine.stored(3))
        self.assertEqual(b"", machine.stored(8))
        self.assertEqual(pubacks(7, 8), machine.stored(7))
        machine.receive(publish(7))
        self.assertEqual(pubacks(7), machine.stored(7))

    def test_an_acknowledgement_that_is_not_owed_is_our_mistake(self) -> None:
        """A PUBACK for nothing would make a phone forget a fix that we never stored."""
        machine = connected()
        self.assertRaises(Misused, machine.stored, 7)
        machine.receive(publish(3) + publish(7) + encode(Publish("a", b"")))
        machine.stored(7)
        self.assertRaises(Misused, machine.stored, 7)

    def test_suback_has_a_code_for_each_filter_and_no_failure_at_level_3(self) -> None:
        """[MQTT-3.9.3-1, -2], [MQTT-3.8.4-2], [MQTT-2.3.1-7]; MQTT 3.1 has no code for a refusal;
        any other code is our mistake."""
        codes = (1, FAILURE, 2, 0)
        self.assertEqual(bytes.fromhex("9006000a01800200"), connected(4).suback(10, codes))
        self.assertEqual(bytes.fromhex("9006000a01000200"), connected(3).suback(10, codes))
        for code in (3, 0x81, 255):
            self.assertRaises(Misused, connected().suback, 10, [0, code])

    def test_the_other_answers_are_their_packets(self) -> None:
        """[MQTT-3.10.4-4], [MQTT-2.3.1-7], [MQTT-3.12.4-1]"""
        self.assertEqual(bytes.fromhex("b002000b"), connected().unsuback(11))
        self.assertEqual(bytes.fromhex("d000"), connected().pingresp())

    def test_nothing_is_said_after_the_end(self) -> None:
        """A commit may end after the connection did; its PUBACK then goes nowhere."""
        machine = connected()
        machine.receive(publish(7) + encode(Disconnect()))
        self.assertEqual(b"", machine.stored(7))
        self.assertEqual(b"", machine.suback(7, [0]))
        self.assertEqual(b"", machine.unsuback(7))
        self.assertEqual(b"", machine.pingresp())
        self.assertIsNone(machine.deliver("a", b"", 0, False))


class DeliveringTests(SynchronousTestCase):
    """PUBLISH to the peer."""

    def test_quality_of_service_0_is_sent_at_once_and_never_twice(self) -> None:
        """[MQTT-4.3.1-1], [MQTT-2.3.1-5], [MQTT-3.3.1-2]: no packet id, no DUP; no window holds it
        up."""
        machine = connected(limits=ConnectionLimits(max_inflight=1))
        machine.deliver("a", b"", 1, False)
        self.assertEqual(bytes.fromhex("3104000161 78"), machine.deliver("a", b"x", 0, True))
        again = machine.deliver("a", b"x", 0, False, dup=True)
        self.assertEqual(bytes.fromhex("3004000161 78"), again)

    def test_the_window_holds_back_what_the_peer_cannot_take(self) -> None:
        """Limit `max_inflight`; each PUBACK makes room for one more."""
        machine = connected(limits=ConnectionLimits(max_inflight=2))
        self.assertEqual(bytes.fromhex("3205000161 0001"), machine.deliver("a", b"", 1, False))
        self.assertEqual(bytes.fromhex("3305000161 0002"), machine.deliver("a", b"", 1, True))
        self.assertIsNone(machine.deliver("a", b"", 1, False))
        self.assertEqual(2, machine.inflight)
        self.assertEqual([Acknowledged(2)], machine.receive(encode(Puback(2))))
        self.assertEqual(bytes.fromhex("3205000161 0003"), machine.deliver("a", b"", 1, False))
        self.assertIsNone(machine.deliver("a", b"", 1, False))

    def test_a_stray_acknowledgement_is_overlooked(self) -> None:
        """Paho acknowledges what it got in a session that we do not know; that harms nobody."""
        machine = connected()
        self.assertEqual([Pinged()], machine.receive(encode(Puback(9)) + encode(Pingreq())))
        machine.deliver("a", b"", 1, False)
        twice = machine.receive(encode(Puback(1)) * 2)
        self.assertEqual([Acknowledged(1)], twice)

    def test_packet_ids_go_round_and_skip_those_in_use(self) -> None:
        """[MQTT-2.3.1-4] Never 0, never one that the peer has not acknowledged."""
        machine = connected()
        sent = [machine.deliver("a", b"", 1, False) for _ in range(2)]
        machine.receive(encode(Puback(1)))
        for _ in range(3, 65536):
            data = machine.deliver("a", b"", 1, False)
            assert data is not None
            machine.receive(b"\x40\x02" + data[-2:])
        sent += [machine.deliver("a", b"", 1, False) for _ in range(2)]
        self.assertEqual([1, 2, 1, 3], [int.from_bytes((data or b"")[-2:]) for data in sent])

    def test_a_message_sent_again_keeps_its_packet_id(self) -> None:
        """[MQTT-3.3.1.-1], [MQTT-2.3.1-4]; an id that is in use is our mistake."""
        machine = connected()
        again = machine.deliver("a", b"", 1, False, dup=True, packet_id=1)
        self.assertEqual(bytes.fromhex("3a05000161 0001"), again)
        self.assertEqual(bytes.fromhex("3205000161 0002"), machine.deliver("a", b"", 1, False))
        self.assertRaises(Misused, machine.deliver, "a", b"", 1, False, True, 2)
        self.assertEqual([Acknowledged(1)], machine.receive(encode(Puback(1))))


class PropertyTests(SynchronousTestCase):
    """Whatever comes, in whatever pieces."""

    @quick
    @given(st.lists(strategies.from_clients, max_size=6), st.binary(max_size=5), st.data())
    def test_slicing_never_changes_the_events(
        self, packets: list[Packet], tail: bytes, data: st.DataObject
    ) -> None:
        """However TCP cuts the stream, from CONNECT to its end, the same events come out."""
        stream = encode(HELLO) + b"".join(map(encode, packets)) + tail
        cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
        limits = ConnectionLimits(sizes=PacketSizes(packet=60, read_through=200))
        pieces = [
            stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        ]
        self.assertEqual(_converse(limits, [stream]), _converse(limits, pieces))

    @quick
    @given(st.booleans(), st.lists(st.binary(max_size=30), max_size=6))
    def test_garbage_only_ever_violates(self, greet: bool, pieces: list[bytes]) -> None:
        """Any bytes from anybody end in events or a violation, never in an error of ours; after a
        violation the machine is closed and silent."""
        machine = connected() if greet else Connection(LIMITS)
        for at, piece in enumerate(pieces):
            events = machine.receive(piece)
            if broken_rules(events):
                self.assertIsInstance(events[-1], Violated)
                self.assertIs(State.CLOSED, machine.state)
                self.assertEqual([], [e for rest in pieces[at:] for e in machine.receive(rest)])
                break

    @quick
    @given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.data())
    def test_acknowledgements_keep_the_order_of_arrival(
        self, arrived: list[int], data: st.DataObject
    ) -> None:
        """[MQTT-4.6.0-2] With few ids and any order of commits, each PUBLISH gets its PUBACK."""
        machine = connected()
        machine.receive(b"".join(map(publish, arrived)))
        stored = data.draw(st.permutations(arrived))
        said = [machine.stored(packet_id) for packet_id in stored]
        self.assertEqual(pubacks(*arrived), b"".join(said))
        for end in range(len(stored)):
            told = len(b"".join(said[: end + 1])) // 4
            self.assertLessEqual(told, end + 1)
            for packet_id in set(arrived[:told]):
                self.assertLessEqual(
                    arrived[:told].count(packet_id), stored[: end + 1].count(packet_id)
                )


def _converse(limits: ConnectionLimits, pieces: list[bytes]) -> list[Event]:
    """Feed `pieces`, accept as soon as asked, and give back all events."""
    machine = Connection(limits)
    events: list[Event] = []
    for piece in pieces:
        events += machine.receive(piece)
        if machine.state is State.DECIDING:
            events += machine.accept(session_present=False)[1]
    return events
