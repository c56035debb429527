"""Bytes to packets and back: all fourteen packets of MQTT 3.1 (level 3) and 3.1.1 (level 4).

A packet is judged as early as its bytes allow: its first byte before its length, its length
before its body is kept, its body once it is there. What a packet means in the conversation is
`connection`'s.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from attrs import field, frozen

from mytracks.mqtt.protocol.fields import MAX_REMAINING_LENGTH, MalformedPacket
from mytracks.mqtt.protocol.packets.acknowledgements import (
    Puback,
    Pubcomp,
    Pubrec,
    Pubrel,
    decode_puback,
    decode_pubcomp,
    decode_pubrec,
    decode_pubrel,
)
from mytracks.mqtt.protocol.packets.connect import (
    Connack,
    Connect,
    ForeignConnect,
    decode_connack,
    decode_connect,
)
from mytracks.mqtt.protocol.packets.ping import (
    Disconnect,
    Pingreq,
    Pingresp,
    decode_disconnect,
    decode_pingreq,
    decode_pingresp,
)
from mytracks.mqtt.protocol.packets.publish import Publish, decode_publish
from mytracks.mqtt.protocol.packets.subscribe import (
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    decode_suback,
    decode_subscribe,
    decode_unsuback,
    decode_unsubscribe,
)

Packet: TypeAlias = (
    Connect
    | Connack
    | Publish
    | Puback
    | Pubrec
    | Pubrel
    | Pubcomp
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
)

_Decode: TypeAlias = Callable[[int, bytes], Packet | ForeignConnect]
_FirstBytes: TypeAlias = Mapping[int, tuple[_Decode, int]]
"""What each allowed first byte begins, and the longest body that such a packet can have."""

KEPT_OF_OVERSIZE: Final = 64 * 1024
"""Bytes of a too large payload that are kept; the rest is read and forgotten."""

_ANY: Final = MAX_REMAINING_LENGTH

CONNECT_ONLY: Final[_FirstBytes] = {0x10: (decode_connect, _ANY)}

# PUBLISH without QoS 3 [MQTT-3.3.1-4] and without DUP for QoS 0 [MQTT-3.3.1-2].
_BOTH_WAYS: Final[_FirstBytes] = {
    **{
        0x30 | dup << 3 | qos << 1 | retain: (decode_publish, _ANY)
        for qos in (0, 1, 2)
        for dup in (0, 1)
        for retain in (0, 1)
        if qos or not dup
    },
    0x40: (decode_puback, 2),
    0x50: (decode_pubrec, 2),
    0x62: (decode_pubrel, 2),
    0x70: (decode_pubcomp, 2),
}
FROM_SERVER: Final[_FirstBytes] = {
    **_BOTH_WAYS,
    0x20: (decode_connack, 2),
    0x90: (decode_suback, _ANY),
    0xB0: (decode_unsuback, 2),
    0xD0: (decode_pingresp, 0),
}


def _from_client(filters: int) -> Mapping[int, _FirstBytes]:
    """By level: what a client may begin a packet with once its CONNECT was accepted."""
    subscribe = (partial(decode_subscribe, most=filters), _ANY)
    unsubscribe = (partial(decode_unsubscribe, most=filters), _ANY)
    level_4: _FirstBytes = {
        **_BOTH_WAYS,
        0x82: subscribe,
        0xA2: unsubscribe,
        0xC0: (decode_pingreq, 0),
        0xE0: (decode_disconnect, 0),
    }
    # MQTT 3.1 sets DUP on whatever it sends again, not only on PUBLISH.
    level_3: _FirstBytes = {**level_4, 0x6A: (decode_pubrel, 2), 0x8A: subscribe, 0xAA: unsubscribe}
    return {3: level_3, 4: level_4}


@frozen
class Oversize:
    """A PUBLISH above the limit, read to its end but not kept.

    `publish.payload` is the first 64 KiB only; `size`: bytes of the whole packet.
    """

    publish: Publish
    size: int


@frozen
class PacketSizes:
    """The largest packets, in bytes with their fixed header; made once for many connections.

    `connect`: CONNECT. `packet`: any other. `read_through`: PUBLISH, which above `packet` is
    read to its end without being kept, so that a phone does not send it for ever. `filters`: not
    bytes, but topic filters in one packet: reading millions would hold up everybody else.
    """

    connect: int = 64 * 1024
    packet: int = 8 * 1024 * 1024
    read_through: int = 64 * 1024 * 1024
    filters: int = 10_000
    from_client: Mapping[int, _FirstBytes] = field(init=False, eq=False, repr=False)

    @from_client.default
    def _tables(self) -> Mapping[int, _FirstBytes]:
        return _from_client(self.filters)


def encode(packet: Packet) -> bytes:
    """The bytes of `packet`; OverflowError or ValueError when a field does not fit."""
    return packet.encode()


class Decoder:
    """Cuts a client's stream of bytes, however it arrives, into packets.

    Only CONNECT is let through until `accept` says which level is spoken from then on
    [MQTT-3.1.0-1]. After MalformedPacket was raised, the decoder is of no more use.
    """

    __slots__ = (
        "_at",
        "_data",
        "_first_bytes",
        "_limit",
        "_needed",
        "_partial",
        "_sizes",
        "_through",
    )

    def __init__(self, sizes: PacketSizes) -> None:
        self._sizes = sizes
        self._first_bytes: _FirstBytes = CONNECT_ONLY
        self._limit = sizes.connect
        self._data = b""
        self._at = 0
        self._partial: bytearray | None = None
        """The beginning of a packet that needs `_needed` bytes before it is worth a look."""
        self._needed = 0
        self._through: _ReadThrough | None = None

    def accept(self, level: int) -> None:
        """CONNECT was read: go on with the packets of this level."""
        self._expect(self._sizes.from_client[level])

    def expect_server(self) -> None:
        """Read what a server says instead: for the other end of a connection."""
        self._expect(FROM_SERVER)

    @property
    def untaken(self) -> int:
        """Bytes that were fed and wait for `take`."""
        return len(self._data) - self._at

    @property
    def kept(self) -> int:
        """Bytes that are kept of packets that were not taken yet."""
        if self._partial is not None:
            return len(self._partial)
        return self.untaken if self._through is None else self._through.kept

    def forget(self) -> None:
        """Nothing more will be taken: keep nothing for it."""
        self._data, self._at = b"", 0
        self._partial = self._through = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream; `take` gives the packets that they complete."""
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial = None
        elif self._at < len(self._data):
            data = self._data[self._at :] + data
        self._data = data
        self._at = 0

    def take(self) -> Packet | ForeignConnect | Oversize | None:
        """The next whole packet, None when more bytes are needed. Raises MalformedPacket."""
        if self._through is not None:
            return self._read_through(self._through)
        data, start = self._data, self._at
        available = len(data) - start
        if available == 0:
            self._data, self._at = b"", 0
            return None
        first = data[start]
        entry = self._first_bytes.get(first)
        if entry is None:
            raise self._refusal(first)
        if available == 1:
            return self._wait_for(2)
        decode, longest = entry
        length = data[start + 1]
        body = start + 2
        if length > 127:
            length, body = _long_length(data, start + 1)
            if length < 0:
                return self._wait_for(available + 1)
        if length > longest:
            raise MalformedPacket("MQTT-4.8.0-1", "a packet of fixed length is too long")
        end = body + length
        if end - start > self._limit:
            return self._too_large(first, body, end)
        if end > len(data):
            return self._wait_for(end - start)
        self._at = end
        return decode(first, data[body:end])

    def _expect(self, first_bytes: _FirstBytes) -> None:
        self._first_bytes = first_bytes
        self._limit = self._sizes.packet

    def _wait_for(self, needed: int) -> Oversize | None:
        """Keep the beginning of a packet until there are `needed` bytes of it. Gives None."""
        self._partial = bytearray(memoryview(self._data)[self._at :])
        self._needed = needed
        self._data, self._at = b"", 0
        return None

    def _too_large(self, first: int, body: int, end: int) -> Oversize | None:
        size = end - self._at
        if self._first_bytes is CONNECT_ONLY:
            raise MalformedPacket("max_connect_size", "CONNECT is too large")
        if first >> 4 != 3 or size > self._sizes.read_through:
            raise MalformedPacket("max_packet_size", "the packet is too large")
        self._at = body
        self._through = _ReadThrough(first, end - body, size)
        return self._read_through(self._through)

    def _read_through(self, through: "_ReadThrough") -> Oversize | None:
        self._at += through.take(memoryview(self._data)[self._at :])
        if through.missing:
            self._data, self._at = b"", 0
            return None
        self._through = None
        return through.oversize()

    def _refusal(self, first: int) -> MalformedPacket:
        awaiting_connect = self._first_bytes is CONNECT_ONLY
        if awaiting_connect and first >> 4 != 1:
            return MalformedPacket("MQTT-3.1.0-1", "the first packet is not CONNECT")
        return refusal(first)


class _ReadThrough:
    """Reads the body of a too large PUBLISH and keeps no more than what is set aside of it."""

    __slots__ = ("_first", "_kept", "_size", "missing")

    def __init__(self, first: int, length: int, size: int) -> None:
        self._first = first
        self._size = size
        self._kept = bytearray()
        self.missing = length

    @property
    def kept(self) -> int:
        """Bytes of it that are kept."""
        return len(self._kept)

    def take(self, data: memoryview) -> int:
        """Read of `data` what belongs to the body; how many bytes that was."""
        used = min(len(data), self.missing)
        room = self._wanted(bytes(data[:2])) - len(self._kept)
        self._kept += data[: min(used, room)]
        self.missing -= used
        return used

    def oversize(self) -> Oversize:
        """The whole body went by. Raises MalformedPacket."""
        publish = decode_publish(self._first, bytes(self._kept))
        return Oversize(publish, self._size)

    def _wanted(self, more: bytes) -> int:
        """How many bytes to keep: those in front of the payload, and of the payload its head."""
        topic_length = int.from_bytes((bytes(self._kept[:2]) + more)[:2])
        packet_id = 2 if self._first & 6 else 0
        return 2 + topic_length + packet_id + KEPT_OF_OVERSIZE


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """A remaining length of more than one byte and where it ends; -1 while its end is missing."""
    if len(data) > at + 1 and (second := data[at + 1]) < 128:  # Nearly every one.
        return data[at] & 127 | second << 7, at + 2
    length = 0
    for index, byte in enumerate(data[at : at + 4]):
        length |= (byte & 127) << 7 * index
        if byte < 128:
            return length, at + index + 1
    if len(data) >= at + 4:
        raise MalformedPacket("MQTT-2.2.3", "the remaining length has more than four bytes")
    return -1, at


_BAD_FLAGS: Final = {
    6: "MQTT-3.6.1-1",
    8: "MQTT-3.8.1-1",
    10: "MQTT-3.10.1-1",
    14: "MQTT-3.14.1-1",
}
_SERVER_ONLY: Final = {0x20, 0x90, 0xB0, 0xD0}


def refusal(first: int) -> MalformedPacket:
    """Why a client that is connected may not begin a packet with this byte."""
    kind = first >> 4
    if kind in (0, 15):
        return MalformedPacket("MQTT-2.2.1", "a packet of a reserved type")
    if first == 0x10:
        return MalformedPacket("MQTT-3.1.0-2", "a second CONNECT")
    if kind == 3 and first & 6 == 6:
        return MalformedPacket("MQTT-3.3.1-4", "PUBLISH with QoS 3")
    if kind == 3:
        return MalformedPacket("MQTT-3.3.1-2", "PUBLISH with DUP and QoS 0")
    if first in _SERVER_ONLY:
        return MalformedPacket("MQTT-4.8.0-1", "a packet that only servers send")
    return MalformedPacket(_BAD_FLAGS.get(kind, "MQTT-2.2.2-2"), "reserved flags are wrong")
