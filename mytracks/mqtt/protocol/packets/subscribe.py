"""SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (MQTT 3.1.1, 3.8 to 3.11)."""

from typing import Final

from attrs import frozen

FAILURE: Final = 0x80
"""SUBACK's code for a filter that was not granted. MQTT 3.1 (level 3) does not know it."""


@frozen
class Subscribe:
    """`requests`: (topic filter, highest QoS wished), in the order of the packet."""

    packet_id: int
    requests: tuple[tuple[str, int], ...]


@frozen
class Suback:
    """`codes`: for each filter in its order [MQTT-3.9.3-1] the QoS granted, or FAILURE."""

    packet_id: int
    codes: tuple[int, ...]


@frozen
class Unsubscribe:
    """`filters`: compared character by character with those subscribed [MQTT-3.10.4-1]."""

    packet_id: int
    filters: tuple[str, ...]


@frozen
class Unsuback:
    """The filters are gone, whether or not they were there [MQTT-3.10.4-5]."""

    packet_id: int
