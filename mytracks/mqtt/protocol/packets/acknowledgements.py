"""PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 3.1.1, 3.4 to 3.7): a packet id and nothing else."""

from attrs import frozen

from mytracks.mqtt.protocol.fields import MalformedPacket


@frozen
class Puback:
    """QoS 1: the message was taken."""

    packet_id: int

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\x40\x02" + self.packet_id.to_bytes(2)


@frozen
class Pubrec:
    """QoS 2, first answer: the message was received."""

    packet_id: int

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\x50\x02" + self.packet_id.to_bytes(2)


@frozen
class Pubrel:
    """QoS 2, second half: the sender forgets the message."""

    packet_id: int

    def encode(self) -> bytes:
        """The packet's bytes, flags 0010 [MQTT-3.6.1-1]."""
        return b"\x62\x02" + self.packet_id.to_bytes(2)


@frozen
class Pubcomp:
    """QoS 2, last answer: the packet id is free again."""

    packet_id: int

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\x70\x02" + self.packet_id.to_bytes(2)


def decode_puback(_first: int, body: bytes) -> Puback:
    """Read PUBACK."""
    return Puback(only_packet_id(body))


def decode_pubrec(_first: int, body: bytes) -> Pubrec:
    """Read PUBREC."""
    return Pubrec(only_packet_id(body))


def decode_pubrel(_first: int, body: bytes) -> Pubrel:
    """Read PUBREL."""
    return Pubrel(only_packet_id(body))


def decode_pubcomp(_first: int, body: bytes) -> Pubcomp:
    """Read PUBCOMP."""
    return Pubcomp(only_packet_id(body))


def only_packet_id(body: bytes) -> int:
    """The packet id that is all of `body`; 0 belongs to no packet [MQTT-2.3.1-1]."""
    if len(body) != 2:
        raise MalformedPacket("MQTT-4.8.0-1", "an acknowledgement is not two bytes long")
    packet_id = body[0] << 8 | body[1]
    if packet_id == 0:
        raise MalformedPacket("MQTT-2.3.1-1", "the packet id is 0")
    return packet_id
