"""PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 3.1.1, 3.4 to 3.7)."""

from attrs import frozen


@frozen
class Puback:
    """QoS 1: the message was taken."""

    packet_id: int


@frozen
class Pubrec:
    """QoS 2, first answer: the message was received."""

    packet_id: int


@frozen
class Pubrel:
    """QoS 2, second half: the sender forgets the message."""

    packet_id: int


@frozen
class Pubcomp:
    """QoS 2, last answer: the packet id is free again."""

    packet_id: int
