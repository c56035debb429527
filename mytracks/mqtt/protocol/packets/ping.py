"""PINGREQ, PINGRESP and DISCONNECT (MQTT 3.1.1, 3.12 to 3.14): packets of two bytes."""

from attrs import frozen

from mytracks.mqtt.protocol.fields import MalformedPacket


@frozen
class Pingreq:
    """Are you there? Keeps the connection alive."""

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\xc0\x00"


@frozen
class Pingresp:
    """The answer to PINGREQ."""

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\xd0\x00"


@frozen
class Disconnect:
    """The client leaves in good order: its Will is forgotten [MQTT-3.14.4-3]."""

    def encode(self) -> bytes:
        """The packet's bytes."""
        return b"\xe0\x00"


def decode_pingreq(_first: int, body: bytes) -> Pingreq:
    """Read PINGREQ."""
    _check_empty(body)
    return Pingreq()


def decode_pingresp(_first: int, body: bytes) -> Pingresp:
    """Read PINGRESP."""
    _check_empty(body)
    return Pingresp()


def decode_disconnect(_first: int, body: bytes) -> Disconnect:
    """Read DISCONNECT."""
    _check_empty(body)
    return Disconnect()


def _check_empty(body: bytes) -> None:
    if body:
        raise MalformedPacket("MQTT-4.8.0-1", "a packet that has no body has one")
