"""PUBLISH (MQTT 3.1.1, 3.3)."""

from attrs import frozen


@frozen
class Publish:
    """An application message on its way. `packet_id`: 1..65535, None exactly with QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int | None = None
