"""Named raw packets that are good, for the tests of the codec, the machine and the broker.

Written as bytes, without any code of ours, so that a mistake of the codec cannot hide here. The
malformed ones are in `malformed`.
"""

from typing import Final

from attrs import frozen

from mytracks.mqtt.protocol.codec import Packet
from mytracks.mqtt.protocol.packets.acknowledgements import Puback, Pubcomp, Pubrec, Pubrel
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect, Will
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import (
    FAILURE,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)

BOTH: Final = (3, 4)


@frozen
class Good:
    """Bytes that are exactly one packet at these levels.

    `canonical`: they are also how we write that packet.
    """

    name: str
    data: bytes
    packet: Packet
    levels: tuple[int, ...] = BOTH
    canonical: bool = True


def field(raw: str | bytes) -> bytes:
    """A string or binary field: two bytes of length, then the bytes."""
    data = raw if isinstance(raw, bytes) else raw.encode()
    return bytes((len(data) // 256, len(data) % 256)) + data


def whole(first: int, *body: bytes) -> bytes:
    """A packet with a body of up to 16,383 bytes."""
    data = b"".join(body)
    size = len(data)
    length = bytes((size,)) if size < 128 else bytes((size % 128 | 128, size // 128))
    return bytes((first,)) + length + data


MQTT_4: Final = field("MQTT") + b"\x04"
MQTT_3: Final = field("MQIsdp") + b"\x03"

PHONES: Final = (
    Good(
        "an Android phone with all settings made",
        bytes.fromhex(
            "104800064d514973647003c40e100009"
            "6a616e6570686f6e65"
            "00146f776e747261636b732f6a616e652f70686f6e65"
            "000f7b225f74797065223a226c7774227d"
            "00046a616e6500027077"
        ),
        Connect(
            level=3,
            client_id="janephone",
            clean_session=False,
            keepalive=3600,
            will=Will("owntracks/jane/phone", b'{"_type":"lwt"}', 0, False),
            username="jane",
            password=b"pw",
        ),
    ),
    Good(
        "an Android phone that knows nothing but the host",
        bytes.fromhex(
            "103e00064d514973647003c40e10"
            "000570686f6e65"
            "00146f776e747261636b732f757365722f70686f6e65"
            "000f7b225f74797065223a226c7774227d"
            "00000000"
        ),
        Connect(
            level=3,
            client_id="phone",
            clean_session=False,
            keepalive=3600,
            will=Will("owntracks/user/phone", b'{"_type":"lwt"}', 0, False),
            username="",
            password=b"",
        ),
    ),
    Good(
        "an iPhone",
        bytes.fromhex(
            "105700044d51545404cc003c"
            "00096a616e6570686f6e65"
            "00146f776e747261636b732f6a616e652f70686f6e65"
            "00207b225f74797065223a226c7774222c22747374223a313730303030303030307d"
            "00046a616e6500027077"
        ),
        Connect(
            level=4,
            client_id="janephone",
            clean_session=False,
            keepalive=60,
            will=Will("owntracks/jane/phone", b'{"_type":"lwt","tst":1700000000}', 1, False),
            username="jane",
            password=b"pw",
        ),
    ),
)

CONNECTS: Final = (
    *PHONES,
    Good(
        "the shortest CONNECT",
        bytes.fromhex("100c00044d5154540402000000 00"),
        Connect(4, "", True, 0),
    ),
    Good(
        "a Will with QoS 2, retained and empty",
        whole(0x10, MQTT_4, b"\x36\xff\xff", field("me"), field("w"), field("")),
        Connect(4, "me", True, 65535, Will("w", b"", 2, True)),
    ),
    Good(
        "a user name without a password",
        whole(0x10, MQTT_4, b"\x82\x00\x0a", field("me"), field("jane")),
        Connect(4, "me", True, 10, username="jane"),
    ),
    Good(
        "a password of any bytes",
        whole(0x10, MQTT_4, b"\xc2\x00\x0a", field("me"), field("jane"), field(b"\0\xff\xc3")),
        Connect(4, "me", True, 10, username="jane", password=b"\0\xff\xc3"),
    ),
    Good(
        "a client id that begins with U+FEFF and is longer than 23 bytes",
        whole(0x10, MQTT_3, b"\x02\x00\x0a", field("\ufeff" + "x" * 40)),
        Connect(3, "\ufeff" + "x" * 40, True, 10),
    ),
    Good(
        "level 3: a password is promised and missing",
        whole(0x10, MQTT_3, b"\xc2\x00\x0a", field("me"), field("jane")),
        Connect(3, "me", True, 10, username="jane"),
        canonical=False,
    ),
    Good(
        "level 3: a user name and a password are promised and missing",
        whole(0x10, MQTT_3, b"\xc2\x00\x0a", field("me")),
        Connect(3, "me", True, 10),
        canonical=False,
    ),
    Good(
        "a remaining length in more bytes than needed",
        bytes.fromhex("10 8c 80 80 00 00044d5154540402000000 00"),
        Connect(4, "", True, 0),
        canonical=False,
    ),
)

PUBLISHES: Final = (
    Good("PUBLISH QoS 0", bytes.fromhex("3004 0001 61 78"), Publish("a", b"x")),
    Good("PUBLISH with nothing in it", bytes.fromhex("3003 0001 61"), Publish("a", b"")),
    Good("PUBLISH retained", bytes.fromhex("3103 0001 61"), Publish("a", b"", retain=True)),
    Good(
        "PUBLISH QoS 1 with the highest packet id",
        bytes.fromhex("3206 0001 61 ffff 78"),
        Publish("a", b"x", 1, packet_id=65535),
    ),
    Good(
        "PUBLISH QoS 1 again",
        bytes.fromhex("3a05 0001 61 0001"),
        Publish("a", b"", 1, dup=True, packet_id=1),
    ),
    Good(
        "PUBLISH QoS 1 of 127 bytes",
        bytes.fromhex("327f 0001 61 0007") + b"x" * 122,
        Publish("a", b"x" * 122, 1, packet_id=7),
    ),
    Good(
        "PUBLISH QoS 1 of 128 bytes",
        bytes.fromhex("328001 0001 61 0007") + b"x" * 123,
        Publish("a", b"x" * 123, 1, packet_id=7),
    ),
    Good(
        "PUBLISH to a topic that begins with U+FEFF and has a character of four bytes",
        whole(0x30, field(b"\xef\xbb\xbf/\xf0\x9f\x93\x8d"), b"{}"),
        Publish("\ufeff/\U0001f4cd", b"{}"),
    ),
    Good("PUBLISH to a slash", bytes.fromhex("3003 0001 2f"), Publish("/", b"")),
)

QOS_2: Final = (
    Good("PUBLISH QoS 2", bytes.fromhex("3405 0001 61 0007"), Publish("a", b"", 2, packet_id=7)),
    Good(
        "PUBLISH QoS 2 again, retained",
        bytes.fromhex("3d05 0001 61 0007"),
        Publish("a", b"", 2, retain=True, dup=True, packet_id=7),
    ),
    Good("PUBREC", bytes.fromhex("5002 0007"), Pubrec(7)),
    Good("PUBREL", bytes.fromhex("6202 0007"), Pubrel(7)),
    Good("level 3: PUBREL again", bytes.fromhex("6a02 0007"), Pubrel(7), (3,), canonical=False),
    Good("PUBCOMP", bytes.fromhex("7002 0007"), Pubcomp(7)),
)

SUBSCRIPTIONS: Final = (
    Good(
        "SUBSCRIBE to one filter",
        bytes.fromhex("8206 000a 0001 61 01"),
        Subscribe(10, (("a", 1),)),
    ),
    Good(
        "SUBSCRIBE to filters of every kind",
        whole(
            0x82, b"\x00\x0a", field("#"), b"\x02", field("+/a/+"), b"\x00", field("a/#"), b"\x01"
        ),
        Subscribe(10, (("#", 2), ("+/a/+", 0), ("a/#", 1))),
    ),
    Good(
        "level 3: SUBSCRIBE again",
        bytes.fromhex("8a06 000a 0001 61 01"),
        Subscribe(10, (("a", 1),)),
        (3,),
        canonical=False,
    ),
    Good(
        "UNSUBSCRIBE from two filters",
        whole(0xA2, b"\x00\x0b", field("a/#"), field("+")),
        Unsubscribe(11, ("a/#", "+")),
    ),
    Good(
        "level 3: UNSUBSCRIBE again",
        bytes.fromhex("aa05 000b 0001 61"),
        Unsubscribe(11, ("a",)),
        (3,),
        canonical=False,
    ),
)

FROM_CLIENTS: Final = (
    *PUBLISHES,
    *QOS_2,
    *SUBSCRIPTIONS,
    Good("PUBACK", bytes.fromhex("4002 0007"), Puback(7)),
    Good("PINGREQ", bytes.fromhex("c000"), Pingreq()),
    Good("PINGREQ, its length in two bytes", bytes.fromhex("c08000"), Pingreq(), canonical=False),
    Good("DISCONNECT", bytes.fromhex("e000"), Disconnect()),
)
"""What a connected client may send."""

FROM_SERVERS: Final = (
    Good("CONNACK", bytes.fromhex("20020000"), Connack(False, ConnackCode.ACCEPTED)),
    Good("CONNACK with a session", bytes.fromhex("20020100"), Connack(True, ConnackCode.ACCEPTED)),
    Good("CONNACK, go", bytes.fromhex("20020005"), Connack(False, ConnackCode.NOT_AUTHORISED)),
    Good("SUBACK", bytes.fromhex("9006 000a 00 01 02 80"), Suback(10, (0, 1, 2, FAILURE))),
    Good("UNSUBACK", bytes.fromhex("b002 000b"), Unsuback(11)),
    Good("PINGRESP", bytes.fromhex("d000"), Pingresp()),
)
