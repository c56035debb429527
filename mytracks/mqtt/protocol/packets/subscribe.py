"""SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (MQTT 3.1.1, 3.8 to 3.11)."""

from collections.abc import Sized
from typing import Final

from attrs import frozen

from mytracks.mqtt.protocol.fields import Fields, MalformedPacket, packet, with_length
from mytracks.mqtt.protocol.packets.acknowledgements import only_packet_id
from mytracks.mqtt.protocol.topics import check_filter

FAILURE: Final = 0x80
"""SUBACK's code for a filter that was not granted. MQTT 3.1 (level 3) does not know it."""
CODES: Final = frozenset({0, 1, 2, FAILURE})
"""What a SUBACK may say of a filter [MQTT-3.9.3-2]."""


@frozen
class Subscribe:
    """`requests`: (topic filter, highest QoS wished), in the order of the packet."""

    packet_id: int
    requests: tuple[tuple[str, int], ...]

    def encode(self) -> bytes:
        """The packet's bytes, flags 0010 [MQTT-3.8.1-1]."""
        requests = (
            with_length(topic_filter.encode()) + bytes((qos,))
            for topic_filter, qos in self.requests
        )
        return packet(0x82, self.packet_id.to_bytes(2) + b"".join(requests))


@frozen
class Suback:
    """`codes`: for each filter in its order [MQTT-3.9.3-1] the QoS granted, or FAILURE."""

    packet_id: int
    codes: tuple[int, ...]

    def encode(self) -> bytes:
        """The packet's bytes."""
        return packet(0x90, self.packet_id.to_bytes(2) + bytes(self.codes))


@frozen
class Unsubscribe:
    """`filters`: compared character by character with those subscribed [MQTT-3.10.4-1]."""

    packet_id: int
    filters: tuple[str, ...]

    def encode(self) -> bytes:
        """The packet's bytes, flags 0010 [MQTT-3.10.1-1]."""
        filters = (with_length(topic_filter.encode()) for topic_filter in self.filters)
        return packet(0xA2, self.packet_id.to_bytes(2) + b"".join(filters))


@frozen
class Unsuback:
    """The filters are gone, whether or not they were there [MQTT-3.10.4-5]."""

    packet_id: int

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\xb0\x02" + self.packet_id.to_bytes(2)


def decode_subscribe(_first: int, body: bytes, most: int) -> Subscribe:
    """Read SUBSCRIBE: one filter [MQTT-3.8.3-3] to `most`, each with a QoS of 0 to 2."""
    fields = Fields(body)
    packet_id = fields.packet_id()
    requests: list[tuple[str, int]] = []
    while not fields.exhausted:
        topic_filter = fields.string("MQTT-3.8.3-1", "a topic filter")
        check_filter(topic_filter)
        qos = fields.byte("MQTT-3-8.3-4", "the QoS wished")
        if qos > 2:
            raise MalformedPacket("MQTT-3-8.3-4", "the QoS is 3 or its reserved bits are set")
        requests.append((topic_filter, qos))
        _check_count(requests, most)
    if not requests:
        raise MalformedPacket("MQTT-3.8.3-3", "SUBSCRIBE without a topic filter")
    return Subscribe(packet_id, tuple(requests))


def decode_suback(_first: int, body: bytes) -> Suback:
    """Read SUBACK: the codes are 0, 1, 2 and FAILURE [MQTT-3.9.3-2]."""
    fields = Fields(body)
    packet_id = fields.packet_id()
    codes = tuple(body[2:])
    if not codes or not CODES.issuperset(codes):
        raise MalformedPacket("MQTT-3.9.3-2", "a code is missing or reserved")
    return Suback(packet_id, codes)


def decode_unsubscribe(_first: int, body: bytes, most: int) -> Unsubscribe:
    """Read UNSUBSCRIBE: one filter [MQTT-3.10.3-2] to `most`."""
    fields = Fields(body)
    packet_id = fields.packet_id()
    filters: list[str] = []
    while not fields.exhausted:
        topic_filter = fields.string("MQTT-3.10.3-1", "a topic filter")
        check_filter(topic_filter)
        filters.append(topic_filter)
        _check_count(filters, most)
    if not filters:
        raise MalformedPacket("MQTT-3.10.3-2", "UNSUBSCRIBE without a topic filter")
    return Unsubscribe(packet_id, tuple(filters))


def decode_unsuback(_first: int, body: bytes) -> Unsuback:
    """Read UNSUBACK."""
    return Unsuback(only_packet_id(body))


def _check_count(filters: Sized, most: int) -> None:
    if len(filters) > most:
        raise MalformedPacket("max_filters", "too many topic filters in one packet")
