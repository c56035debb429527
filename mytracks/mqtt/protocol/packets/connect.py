"""CONNECT and CONNACK (MQTT 3.1.1, 3.1 and 3.2)."""

from enum import IntEnum, IntFlag
from typing import Final

from attrs import frozen

from mytracks.mqtt.protocol.fields import Fields, MalformedPacket, packet, with_length
from mytracks.mqtt.protocol.topics import check_name

PROTOCOL_NAMES: Final = {3: "MQIsdp", 4: "MQTT"}
"""The levels that we speak, and what each has to call itself."""


class ConnackCode(IntEnum):
    """What a CONNACK says (table 3.1). There are no others [MQTT-3.2.2-6]."""

    ACCEPTED = 0
    UNACCEPTABLE_LEVEL = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORISED = 5


class ConnectFlag(IntFlag):
    """The byte behind the level (figure 3.4); the QoS of the Will stands in bits 3 and 4."""

    RESERVED = 0x01
    CLEAN_SESSION = 0x02
    WILL = 0x04
    WILL_QOS = 0x18
    WILL_RETAIN = 0x20
    PASSWORD = 0x40
    USERNAME = 0x80


@frozen
class Will:
    """What the broker publishes for a client whose connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@frozen
class Connect:
    """A client's wish to connect, as it was on the wire: empty strings stay empty here.

    `level`: 3 (MQTT 3.1) or 4 (3.1.1). `keepalive`: seconds, 0 means none.
    """

    level: int
    client_id: str
    clean_session: bool
    keepalive: int
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None

    @property
    def identifier_missing(self) -> bool:
        """The client id is empty where it may not be: refuse it with IDENTIFIER_REJECTED.

        Level 4 allows an empty one for a clean session only [MQTT-3.1.3-8], level 3 never.
        """
        return not self.client_id and not (self.level == 4 and self.clean_session)

    def encode(self) -> bytes:
        """The packet's bytes."""
        flags = ConnectFlag.CLEAN_SESSION if self.clean_session else ConnectFlag(0)
        payload = with_length(self.client_id.encode())
        if self.will is not None:
            flags |= ConnectFlag.WILL | ConnectFlag(self.will.qos << 3)
            if self.will.retain:
                flags |= ConnectFlag.WILL_RETAIN
            payload += with_length(self.will.topic.encode()) + with_length(self.will.payload)
        if self.username is not None:
            flags |= ConnectFlag.USERNAME
            payload += with_length(self.username.encode())
        if self.password is not None:
            flags |= ConnectFlag.PASSWORD
            payload += with_length(self.password)
        name = with_length(PROTOCOL_NAMES[self.level].encode())
        head = bytes((self.level, flags)) + self.keepalive.to_bytes(2)
        return packet(0x10, name + head + payload)


@frozen
class ForeignConnect:
    """A CONNECT of a level that we do not speak. What follows the level was not looked at."""

    level: int


@frozen
class Connack:
    """The answer to CONNECT. `session_present` is always False at level 3 and with a refusal."""

    session_present: bool
    code: ConnackCode

    def encode(self) -> bytes:
        """The packet's bytes."""
        return bytes((0x20, 2, self.session_present, self.code))


def decode_connect(_first: int, body: bytes) -> Connect | ForeignConnect:
    """Read CONNECT. Its payload has a fixed order and nothing left over [MQTT-3.1.3-1]."""
    fields = Fields(body)
    name = fields.string("MQTT-3.1.4-1", "the protocol name")
    level = fields.byte("MQTT-3.1.4-1", "the protocol level")
    if name not in PROTOCOL_NAMES.values():
        raise MalformedPacket("MQTT-3.1.2-1", "the protocol name is unknown")
    if level not in PROTOCOL_NAMES:
        return ForeignConnect(level)
    if name != PROTOCOL_NAMES[level]:
        raise MalformedPacket("MQTT-3.1.2-1", "the protocol name is that of another level")
    flags = fields.byte("MQTT-3.1.4-1", "the connect flags")
    _check_flags(flags)
    keepalive = fields.integer("MQTT-3.1.4-1", "the keep alive")
    client_id = fields.string("MQTT-3.1.3-3", "the client id")
    will = _will(fields, flags) if flags & ConnectFlag.WILL else None
    username = password = None
    # MQTT 3.1 lets the remaining length win over the flags: strings that they promise may be
    # missing at the end (its section on the user name and password flags).
    lenient = level == 3
    if flags & ConnectFlag.USERNAME and not (lenient and fields.exhausted):
        username = fields.string("MQTT-3.1.2-19", "the user name")
    if flags & ConnectFlag.PASSWORD and not (lenient and fields.exhausted):
        password = fields.binary("MQTT-3.1.2-21", "the password")
    fields.finish("MQTT-3.1.3-1")
    clean_session = bool(flags & ConnectFlag.CLEAN_SESSION)
    return Connect(level, client_id, clean_session, keepalive, will, username, password)


def decode_connack(_first: int, body: bytes) -> Connack:
    """Read CONNACK."""
    if len(body) != 2:
        raise MalformedPacket("MQTT-3.2.1", "CONNACK is not two bytes long")
    if body[0] > 1:
        raise MalformedPacket("MQTT-3.2.2.1", "reserved acknowledge flags are set")
    try:
        code = ConnackCode(body[1])
    except ValueError:
        raise MalformedPacket("MQTT-3.2.2-6", "the return code is reserved") from None
    if body[0] and code is not ConnackCode.ACCEPTED:
        raise MalformedPacket("MQTT-3.2.2-4", "a refusal has a session")
    return Connack(body[0] == 1, code)


def _check_flags(flags: int) -> None:
    if flags & ConnectFlag.RESERVED:
        raise MalformedPacket("MQTT-3.1.2-3", "the reserved connect flag is set")
    if not flags & ConnectFlag.WILL:
        if flags & ConnectFlag.WILL_QOS:
            raise MalformedPacket("MQTT-3.1.2-13", "there is a QoS for no Will")
        if flags & ConnectFlag.WILL_RETAIN:
            raise MalformedPacket("MQTT-3.1.2-15", "no Will is to be retained")
    if flags & ConnectFlag.WILL_QOS == ConnectFlag.WILL_QOS:
        raise MalformedPacket("MQTT-3.1.2-14", "the QoS of the Will is 3")
    if flags & ConnectFlag.PASSWORD and not flags & ConnectFlag.USERNAME:
        raise MalformedPacket("MQTT-3.1.2-22", "there is a password without a user name")


def _will(fields: Fields, flags: int) -> Will:
    topic = fields.string("MQTT-3.1.2-9", "the topic of the Will")
    check_name(topic)
    payload = fields.binary("MQTT-3.1.2-9", "the message of the Will")
    qos = (flags & ConnectFlag.WILL_QOS) >> 3
    return Will(topic, payload, qos, bool(flags & ConnectFlag.WILL_RETAIN))
