"""PINGREQ, PINGRESP and DISCONNECT (MQTT 3.1.1, 3.12 to 3.14): packets of two bytes."""

from attrs import frozen


@frozen
class Pingreq:
    """Are you there? Keeps the connection alive."""


@frozen
class Pingresp:
    """The answer to PINGREQ."""


@frozen
class Disconnect:
    """The client leaves in good order: its Will is forgotten [MQTT-3.14.4-3]."""
