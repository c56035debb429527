"""PUBLISH (MQTT 3.1.1, 3.3). Its decoder is the hottest code of the room."""

from attrs import frozen

from mytracks.mqtt.protocol.fields import MalformedPacket, packet, text
from mytracks.mqtt.protocol.topics import check_name


@frozen
class Publish:
    """An application message on its way. `packet_id`: 1..65535, None exactly with QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int | None = None

    def encode(self) -> bytes:
        """The packet's bytes."""
        return encode_publish(
            self.topic, self.payload, self.qos, self.retain, self.dup, self.packet_id
        )


def encode_publish(
    topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int | None
) -> bytes:
    """The bytes of a PUBLISH, for whoever has no need of the value."""
    name = topic.encode()
    head = len(name).to_bytes(2) + name
    if packet_id is not None:
        head += packet_id.to_bytes(2)
    return packet(0x30 | dup << 3 | qos << 1 | retain, head + payload)


def decode_publish(first: int, body: bytes) -> Publish:
    """Read PUBLISH: topic [MQTT-3.3.2-1], packet id with QoS 1 and 2 only, and the rest.

    `first` is one of those that `codec` lets through: no QoS 3, no DUP without QoS.
    """
    size = len(body)
    if size < 2 or (end := 2 + (body[0] << 8 | body[1])) > size:
        raise MalformedPacket("MQTT-3.3.2-1", "the topic name is missing or cut off")
    topic = text(body[2:end])
    check_name(topic)
    qos = first >> 1 & 3
    packet_id = None
    if qos:
        if size < end + 2:
            raise MalformedPacket("MQTT-2.3.1-1", "the packet id is missing or cut off")
        packet_id = body[end] << 8 | body[end + 1]
        if packet_id == 0:
            raise MalformedPacket("MQTT-2.3.1-1", "the packet id is 0")
        end += 2
    return Publish(topic, body[end:], qos, first & 1 != 0, first & 8 != 0, packet_id)
