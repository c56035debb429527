"""MQTT 3.1 and 3.1.1 packets written by hand, as clients put them on the wire.

Written from the specification alone, so that a mistake in the product's codec cannot hide here.
Everything can be made wrong on purpose: `packet` takes any first byte and any body.
"""

from attrs import frozen

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP = 1, 2, 3, 4, 9, 11, 13
PUBREC, PUBREL, PUBCOMP = 5, 6, 7
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
NAMES = {3: "MQIsdp", 4: "MQTT"}


def string(text: str | bytes) -> bytes:
    """A length-prefixed string (1.5.3)."""
    raw = text.encode() if isinstance(text, str) else text
    return len(raw).to_bytes(2, "big") + raw


def length(size: int) -> bytes:
    """The remaining length (2.2.3)."""
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (0x80 if size else 0))
        if not size:
            return bytes(out)


def packet(first: int, body: bytes = b"") -> bytes:
    """A whole packet."""
    return bytes([first]) + length(len(body)) + body


@frozen
class Will:
    """What the broker says for a client that vanishes (3.1.2.5)."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def connect(
    client_id: str,
    user: str | None = None,
    password: str | bytes | None = None,
    *,
    level: int = 4,
    clean: bool = True,
    keepalive: int = 60,
    will: Will | None = None,
    name: str | None = None,
) -> bytes:
    """CONNECT (3.1). `None` leaves a field and its flag out; an empty string sends it empty."""
    flags = 2 if clean else 0
    payload = string(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += string(will.topic) + string(will.payload)
    if user is not None:
        flags |= 0x80
        payload += string(user)
    if password is not None:
        flags |= 0x40
        payload += string(password)
    head = string(NAMES.get(level, "MQTT") if name is None else name)
    return packet(0x10, head + bytes([level, flags]) + keepalive.to_bytes(2, "big") + payload)


def publish(
    topic: str,
    payload: bytes,
    packet_id: int | None = None,
    *,
    qos: int = 1,
    retain: bool = False,
    dup: bool = False,
) -> bytes:
    """PUBLISH (3.3)."""
    middle = (packet_id or 0).to_bytes(2, "big") if qos else b""
    first = 0x30 | (8 if dup else 0) | qos << 1 | int(retain)
    return packet(first, string(topic) + middle + payload)


def answer(kind: int, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP (3.4 to 3.7)."""
    return packet(kind << 4 | (2 if kind == PUBREL else 0), packet_id.to_bytes(2, "big"))


def subscribe(packet_id: int, *filters: str, qos: int = 1) -> bytes:
    """SUBSCRIBE (3.8), the same QoS for all filters."""
    requests = b"".join(string(each) + bytes([qos]) for each in filters)
    return packet(0x82, packet_id.to_bytes(2, "big") + requests)


def unsubscribe(packet_id: int, *filters: str) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    return packet(0xA2, packet_id.to_bytes(2, "big") + b"".join(map(string, filters)))


@frozen
class Received:
    """A packet from the server."""

    first: int
    body: bytes

    @property
    def kind(self) -> int:
        """Its type, 1 to 14."""
        return self.first >> 4

    @property
    def packet_id(self) -> int:
        """The id of an acknowledgement."""
        return int.from_bytes(self.body[:2], "big")


@frozen
class Delivery:
    """An application message from the server."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int | None


def delivery(received: Received) -> Delivery:
    """Read a PUBLISH."""
    size = int.from_bytes(received.body[:2], "big")
    topic, rest = received.body[2 : 2 + size].decode(), received.body[2 + size :]
    qos = received.first >> 1 & 3
    packet_id = None
    if qos:
        packet_id, rest = int.from_bytes(rest[:2], "big"), rest[2:]
    flags = received.first
    return Delivery(topic, rest, qos, bool(flags & 1), bool(flags & 8), packet_id)


def split(data: bytes) -> tuple[Received | None, bytes]:
    """The first packet of `data`, if it is whole, and what follows it."""
    size = shift = 0
    for at in range(1, min(len(data), 5)):
        size |= (data[at] & 0x7F) << shift
        shift += 7
        if not data[at] & 0x80:
            end = at + 1 + size
            if len(data) < end:
                return None, data
            return Received(data[0], data[at + 1 : end]), data[end:]
    return None, data
