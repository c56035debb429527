"""Bytes to packets and back."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.codec import (
    KEPT_OF_OVERSIZE,
    Decoder,
    Oversize,
    Packet,
    PacketSizes,
    encode,
)
from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.packets.connect import Connect, ForeignConnect
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe, Unsubscribe
from tests.mqtt.protocol import strategies
from tests.mqtt.protocol.catalogue import BOTH, CONNECTS, FROM_CLIENTS, FROM_SERVERS, field, whole
from tests.mqtt.protocol.malformed import MALFORMED, MALFORMED_CONNECTS

quick = settings(derandomize=True, deadline=None, max_examples=150)

Found = Packet | ForeignConnect | Oversize | tuple[str, str]


def connected(level: int, sizes: PacketSizes | None = None) -> Decoder:
    """A decoder behind an accepted CONNECT of `level`."""
    decoder = Decoder(sizes or PacketSizes())
    decoder.accept(level)
    return decoder


def at_the_client() -> Decoder:
    """A decoder of what servers send."""
    decoder = Decoder(PacketSizes())
    decoder.expect_server()
    return decoder


def read(decoder: Decoder, pieces: Iterable[bytes]) -> list[Found]:
    """All that comes out of `pieces`; the rule and text of a violation come last."""
    found: list[Found] = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (packet := decoder.take()) is not None:
                found.append(packet)
    except MalformedPacket as broken:
        found.append((broken.rule, broken.text))
    return found


def single_bytes(data: bytes) -> list[bytes]:
    """`data`, one byte at a time."""
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """`data` in pieces that end at `cuts`."""
    ends = sorted(cuts)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


class CatalogueTests(SynchronousTestCase):
    """The packets of the catalogue are read and written as the specification has them."""

    def test_every_good_connect_is_read(self) -> None:
        """What phones and others send first is understood whole and byte by byte; a client id
        may begin with U+FEFF [MQTT-1.5.3-3] and be longer than 23 bytes [MQTT-3.1.3-5]."""
        for good in CONNECTS:
            for pieces in ([good.data], single_bytes(good.data)):
                self.assertEqual([good.packet], read(Decoder(PacketSizes()), pieces), msg=good.name)

    def test_every_good_packet_of_a_client_is_read(self) -> None:
        """Whole, byte by byte and with another one behind it, at each of its levels."""
        for good in FROM_CLIENTS:
            for level in good.levels:
                for pieces in ([good.data], single_bytes(good.data)):
                    found = read(connected(level), pieces)
                    self.assertEqual([good.packet], found, msg=f"{good.name}, level {level}")
                found = read(connected(level), [good.data + good.data])
                self.assertEqual([good.packet, good.packet], found, msg=good.name)

    def test_every_good_packet_of_a_server_is_read(self) -> None:
        """A client made of this codec understands our answers."""
        for good in FROM_SERVERS:
            self.assertEqual([good.packet], read(at_the_client(), [good.data]), msg=good.name)

    def test_every_packet_is_written_as_the_specification_has_it(self) -> None:
        """Reserved flags as tabled [MQTT-2.2.2-1], no packet id with QoS 0 [MQTT-2.3.1-5]."""
        for good in (*CONNECTS, *FROM_CLIENTS, *FROM_SERVERS):
            if good.canonical:
                self.assertEqual(good.data, encode(good.packet), msg=good.name)

    def test_every_malformed_connect_is_refused_for_its_rule(self) -> None:
        """[MQTT-3.1.4-1] and the rules that the entries name."""
        for bad in MALFORMED_CONNECTS:
            for pieces in ([bad.data], single_bytes(bad.data)):
                (verdict,) = read(Decoder(PacketSizes()), pieces)
                self.assertEqual(bad.rule, _rule(verdict), msg=bad.name)

    def test_every_malformed_packet_is_refused_for_its_rule(self) -> None:
        """[MQTT-4.8.0-1] and the rules that the entries name, at each of their levels."""
        for bad in MALFORMED:
            for level in bad.levels:
                for pieces in ([bad.data], single_bytes(bad.data)):
                    (verdict,) = read(connected(level), pieces)
                    self.assertEqual(bad.rule, _rule(verdict), msg=f"{bad.name}, level {level}")

    def test_every_truncation_of_a_good_packet_waits_for_more(self) -> None:
        """A slow phone's half packet is neither a packet nor a mistake."""
        for good in FROM_CLIENTS:
            for end in range(len(good.data)):
                found = read(connected(good.levels[0]), [good.data[:end]])
                self.assertEqual([], found, msg=f"{good.name}, {end} bytes")


class FirstByteTests(SynchronousTestCase):
    """Nothing of a packet is kept whose first byte is wrong already."""

    def test_before_connect_every_other_first_byte_is_refused(self) -> None:
        """Strangers cannot make us read anything else [MQTT-3.1.0-1], nor CONNECT with flags
        [MQTT-2.2.2-2]."""
        for first in range(256):
            found = read(Decoder(PacketSizes()), [bytes((first,))])
            self.assertEqual(_before_connect(first), [_rule(verdict) for verdict in found])

    def test_every_first_byte_of_a_connected_client_has_its_verdict(self) -> None:
        """All 256, at both levels: types, flags [MQTT-2.2.2-2], QoS 3 [MQTT-3.3.1-4]."""
        for level in BOTH:
            for first in range(256):
                found = read(connected(level), [bytes((first,))])
                rules = [_rule(verdict) for verdict in found]
                self.assertEqual(_of_a_client(first, level), rules, msg=f"{first:#x}, {level}")


class LevelTests(SynchronousTestCase):
    """Which protocol levels are spoken."""

    def test_every_other_level_under_a_known_name_is_foreign(self) -> None:
        """They get CONNACK 1 [MQTT-3.1.2-2], bridges (0x83, 0x84) and MQTT 5 among them."""
        for name in ("MQTT", "MQIsdp"):
            for level in set(range(256)) - {3, 4}:
                data = whole(0x10, field(name), bytes((level,)), b"whatever that level says")
                self.assertEqual([ForeignConnect(level)], read(Decoder(PacketSizes()), [data]))

    def test_an_empty_client_id_is_allowed_for_clean_sessions_of_level_4_only(self) -> None:
        """[MQTT-3.1.3-6], [MQTT-3.1.3-8]; MQTT 3.1 has no empty ids at all."""
        missing = {
            (level, clean): Connect(level, "", clean, 0).identifier_missing
            for level in BOTH
            for clean in (False, True)
        }
        self.assertEqual(
            {(3, False): True, (3, True): True, (4, False): True, (4, True): False}, missing
        )
        self.assertFalse(Connect(3, "x", False, 0).identifier_missing)


class SizeTests(SynchronousTestCase):
    """Size limits are judged from the fixed header; a too large PUBLISH is read through."""

    sizes = PacketSizes(connect=100, packet=200_000, read_through=400_000)

    def test_connect_may_be_as_large_as_the_limit_and_no_larger(self) -> None:
        """Strangers take no more memory than this: `max_connect_size`."""
        fits = encode(Connect(4, "x" * 86, True, 0))
        self.assertEqual(100, len(fits))
        self.assertEqual(1, len(read(Decoder(self.sizes), [fits])))
        larger = encode(Connect(4, "x" * 87, True, 0))
        for pieces in ([larger], [larger[:2]]):
            (verdict,) = read(Decoder(self.sizes), pieces)
            self.assertEqual("max_connect_size", _rule(verdict))

    def test_a_publish_of_the_limit_is_whole_and_a_larger_one_is_oversize(self) -> None:
        """The phone that sends it can be answered and does not send it for ever."""
        for qos, packet_id in ((0, None), (1, 7)):
            fits = _publish_of(200_000, qos, packet_id)
            larger = _publish_of(200_001, qos, packet_id)
            head = Publish("a/b", b"x" * KEPT_OF_OVERSIZE, qos, packet_id=packet_id)
            after = encode(Publish("next", b""))
            for size in (1_000_000, 64 * 1024, 1000):
                self.assertEqual(
                    [fits, Oversize(head, 200_001), fits],
                    read(
                        connected(4, self.sizes),
                        _sliced(encode(fits) + encode(larger) + encode(fits), size),
                    ),
                )
            found = read(connected(4, self.sizes), single_bytes(encode(larger) + after))
            self.assertEqual([Oversize(head, 200_001), Publish("next", b"")], found)

    def test_an_oversize_publish_keeps_its_topic_however_long(self) -> None:
        """The 64 KiB are of the payload; names come on top of them."""
        publish = Publish("t" * 65_535, b"x" * 200_000, 1, packet_id=9)
        head = Publish("t" * 65_535, b"x" * KEPT_OF_OVERSIZE, 1, packet_id=9)
        data = encode(publish)
        for size in (1_000_000, 4096):
            found = read(connected(4, self.sizes), _sliced(data, size))
            self.assertEqual([Oversize(head, len(data))], found)

    def test_a_small_limit_keeps_what_there_is(self) -> None:
        """A packet above a limit below 64 KiB is set aside whole."""
        publish = Publish("a", b"x" * 20)
        found = read(connected(4, PacketSizes(packet=10)), single_bytes(encode(publish)))
        self.assertEqual([Oversize(publish, 25)], found)

    def test_a_malformed_oversize_publish_is_a_violation(self) -> None:
        """Being too large excuses nothing [MQTT-3.3.2-2]."""
        data = encode(Publish("a/#", b"x" * 200_000))
        for size in (1_000_000, 4096):
            (verdict,) = read(connected(4, self.sizes), _sliced(data, size))
            self.assertEqual("MQTT-3.3.2-2", _rule(verdict))

    def test_a_publish_above_what_is_read_through_is_refused_from_its_header(self) -> None:
        """Nobody can make us read without end."""
        allowed = encode(_publish_of(400_000, 0, None))[:5]
        self.assertEqual([], read(connected(4, self.sizes), [allowed]))
        (verdict,) = read(connected(4, self.sizes), [encode(_publish_of(400_001, 0, None))[:4]])
        self.assertEqual("max_packet_size", _rule(verdict))

    def test_another_packet_above_the_limit_is_refused_from_its_header(self) -> None:
        """No phone sends such a thing."""
        for first in (0x82, 0xA2):
            header = bytes((first,)) + bytes.fromhex("80 80 40")
            (verdict,) = read(connected(4, self.sizes), [header])
            self.assertEqual("max_packet_size", _rule(verdict))

    def test_a_packet_of_more_filters_than_anybody_needs_is_refused(self) -> None:
        """Reading millions of filters would hold up everybody else."""
        sizes = PacketSizes(filters=2)
        for level in (3, 4):
            most = Subscribe(1, (("a", 0), ("b", 0)))
            self.assertEqual([most], read(connected(level, sizes), [encode(most)]))
            for packet in (Subscribe(1, (*most.requests, ("c", 0))), Unsubscribe(1, ("a",) * 3)):
                (verdict,) = read(connected(level, sizes), [encode(packet)])
                self.assertEqual("max_filters", _rule(verdict))

    def test_a_length_of_five_bytes_is_refused_at_its_fourth(self) -> None:
        """(2.2.3) A fifth byte is not waited for."""
        self.assertEqual([], read(connected(4), [bytes.fromhex("30ffffff")]))
        (verdict,) = read(connected(4), [bytes.fromhex("30ffffffff")])
        self.assertEqual("MQTT-2.2.3", _rule(verdict))


class PropertyTests(SynchronousTestCase):
    """Whatever is written is read again; nothing else than a violation comes of garbage."""

    @quick
    @given(strategies.connects())
    def test_a_connect_survives_being_written_and_read(self, connect: Connect) -> None:
        """Names, Wills and passwords arrive as they were meant, at both levels."""
        self.assertEqual([connect], read(Decoder(PacketSizes()), [encode(connect)]))

    @quick
    @given(strategies.from_clients, st.sampled_from(BOTH))
    def test_a_clients_packet_survives_being_written_and_read(
        self, packet: Packet, level: int
    ) -> None:
        """At both levels."""
        self.assertEqual([packet], read(connected(level), [encode(packet)]))

    @quick
    @given(strategies.from_servers)
    def test_a_servers_packet_survives_being_written_and_read(self, packet: Packet) -> None:
        """What we answer says what we meant."""
        self.assertEqual([packet], read(at_the_client(), [encode(packet)]))

    @quick
    @given(st.lists(strategies.from_clients, max_size=5), st.binary(max_size=5), st.data())
    def test_slicing_never_changes_what_is_read(
        self, packets: list[Packet], tail: bytes, data: st.DataObject
    ) -> None:
        """However TCP cuts the stream, the same packets and the same violation come out."""
        stream = b"".join(map(encode, packets)) + tail
        cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=8))
        sizes = PacketSizes(packet=40, read_through=200)
        whole_stream = read(connected(3, sizes), [stream])
        self.assertEqual(whole_stream, read(connected(3, sizes), cut(stream, cuts)))

    @quick
    @given(st.sampled_from([None, *BOTH]), st.lists(st.binary(max_size=30), max_size=6))
    def test_garbage_is_only_ever_malformed(self, level: int | None, pieces: list[bytes]) -> None:
        """No other error than MalformedPacket, whatever a stranger sends."""
        read(Decoder(PacketSizes()) if level is None else connected(level), pieces)

    @quick
    @given(strategies.from_clients, st.sampled_from(BOTH), st.data())
    def test_a_damaged_packet_is_only_ever_malformed(
        self, packet: Packet, level: int, data: st.DataObject
    ) -> None:
        """A flipped byte gives another packet, a wait for more, or MalformedPacket."""
        damaged = bytearray(encode(packet))
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
        read(connected(level), [bytes(damaged)])


def _rule(found: Found) -> str:
    assert isinstance(found, tuple), found
    return found[0]


def _before_connect(first: int) -> list[str]:
    if first == 0x10:
        return []
    return ["MQTT-2.2.2-2" if first >> 4 == 1 else "MQTT-3.1.0-1"]


def _of_a_client(first: int, level: int) -> list[str]:
    kind, flags = divmod(first, 16)
    again = [0b1010] if level == 3 else []
    publish = {flags for flags in range(16) if flags & 6 != 6 and (flags & 8 == 0 or flags & 6)}
    allowed = {3: publish, 4: {0}, 5: {0}, 6: {2, *again}, 7: {0}}
    allowed |= {8: {2, *again}, 10: {2, *again}, 12: {0}, 14: {0}}
    if flags in allowed.get(kind, ()):
        return []
    if first == 0x10:
        return ["MQTT-3.1.0-2"]
    if kind == 3:
        return ["MQTT-3.3.1-4" if flags & 6 == 6 else "MQTT-3.3.1-2"]
    if kind in (2, 9, 11, 13) and flags == 0:
        return ["MQTT-4.8.0-1"]
    reserved = {0: "MQTT-2.2.1", 15: "MQTT-2.2.1", 6: "MQTT-3.6.1-1", 8: "MQTT-3.8.1-1"}
    return [{**reserved, 10: "MQTT-3.10.1-1", 14: "MQTT-3.14.1-1"}.get(kind, "MQTT-2.2.2-2")]


def _publish_of(size: int, qos: int, packet_id: int | None) -> Publish:
    """A PUBLISH of exactly `size` bytes, fixed header (of four bytes) included."""
    front = 4 + 5 + (0 if packet_id is None else 2)
    return Publish("a/b", b"x" * (size - front), qos, packet_id=packet_id)


def _sliced(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
