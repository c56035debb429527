"""Named raw packets that are malformed, each with the rule it breaks: for the tests of the codec,
the machine and the broker.
"""

from typing import Final

from attrs import frozen

from tests.mqtt.protocol.catalogue import BOTH, MQTT_3, MQTT_4, field, whole


@frozen
class Malformed:
    """Bytes that break `rule` at these levels; nothing needs to follow for that to be clear."""

    name: str
    data: bytes
    rule: str
    levels: tuple[int, ...] = BOTH


MALFORMED_CONNECTS: Final = (
    Malformed("flags of CONNECT", bytes.fromhex("11"), "MQTT-2.2.2-2"),
    Malformed("PUBLISH first", bytes.fromhex("30"), "MQTT-3.1.0-1"),
    Malformed("PINGREQ first", bytes.fromhex("c000"), "MQTT-3.1.0-1"),
    Malformed("HTTP first", b"GET / HTTP/1.1\r\n", "MQTT-3.1.0-1"),
    Malformed("an empty CONNECT", whole(0x10), "MQTT-3.1.4-1"),
    Malformed("a name cut off", whole(0x10, b"\x00\x04MQT"), "MQTT-3.1.4-1"),
    Malformed("no level", whole(0x10, field("MQTT")), "MQTT-3.1.4-1"),
    Malformed("no flags", whole(0x10, MQTT_4), "MQTT-3.1.4-1"),
    Malformed("half a keep alive", whole(0x10, MQTT_4, b"\x02\x00"), "MQTT-3.1.4-1"),
    Malformed("an unknown name", whole(0x10, field("MQTX"), b"\x04"), "MQTT-3.1.2-1"),
    Malformed("the name in lower case", whole(0x10, field("mqtt"), b"\x04"), "MQTT-3.1.2-1"),
    Malformed("level 4 under the name of 3", whole(0x10, field("MQIsdp"), b"\x04"), "MQTT-3.1.2-1"),
    Malformed("level 3 under the name of 4", whole(0x10, field("MQTT"), b"\x03"), "MQTT-3.1.2-1"),
    Malformed(
        "the reserved connect flag",
        whole(0x10, MQTT_4, b"\x03\x00\x00", field("me")),
        "MQTT-3.1.2-3",
    ),
    Malformed(
        "a QoS for no Will", whole(0x10, MQTT_4, b"\x0a\x00\x00", field("me")), "MQTT-3.1.2-13"
    ),
    Malformed(
        "no Will to be retained", whole(0x10, MQTT_3, b"\x22\x00\x00", field("me")), "MQTT-3.1.2-15"
    ),
    Malformed(
        "a Will with QoS 3",
        whole(0x10, MQTT_4, b"\x1e\x00\x00", field("me"), field("w"), field("")),
        "MQTT-3.1.2-14",
    ),
    Malformed(
        "a password without a user name",
        whole(0x10, MQTT_3, b"\x42\x00\x00", field("me"), field("pw")),
        "MQTT-3.1.2-22",
    ),
    Malformed("no client id", whole(0x10, MQTT_4, b"\x02\x00\x00"), "MQTT-3.1.3-3"),
    Malformed("half a client id", whole(0x10, MQTT_4, b"\x02\x00\x00\x00\x02m"), "MQTT-3.1.3-3"),
    Malformed(
        "a Will is missing", whole(0x10, MQTT_3, b"\x06\x00\x00", field("me")), "MQTT-3.1.2-9"
    ),
    Malformed(
        "the message of a Will is missing",
        whole(0x10, MQTT_4, b"\x06\x00\x00", field("me"), field("w")),
        "MQTT-3.1.2-9",
    ),
    Malformed(
        "a Will to no topic",
        whole(0x10, MQTT_4, b"\x06\x00\x00", field("me"), field(""), field("")),
        "MQTT-4.7.3-1",
    ),
    Malformed(
        "a Will to a wildcard",
        whole(0x10, MQTT_4, b"\x06\x00\x00", field("me"), field("a/#"), field("")),
        "MQTT-3.3.2-2",
    ),
    Malformed(
        "a promised user name is missing",
        whole(0x10, MQTT_4, b"\x82\x00\x00", field("me")),
        "MQTT-3.1.2-19",
    ),
    Malformed(
        "a promised password is missing",
        whole(0x10, MQTT_4, b"\xc2\x00\x00", field("me"), field("jane")),
        "MQTT-3.1.2-21",
    ),
    Malformed(
        "level 3: a user name cut off",
        whole(0x10, MQTT_3, b"\x82\x00\x00", field("me"), b"\x00"),
        "MQTT-3.1.2-19",
    ),
    Malformed(
        "bytes behind the last field",
        whole(0x10, MQTT_3, b"\x02\x00\x00", field("me"), b"\x00\x00"),
        "MQTT-3.1.3-1",
    ),
    Malformed(
        "a client id that is not UTF-8",
        whole(0x10, MQTT_4, b"\x02\x00\x00", field(b"\xc3\x28")),
        "MQTT-1.5.3-1",
    ),
    Malformed(
        "a Will topic with a surrogate",
        whole(0x10, MQTT_4, b"\x06\x00\x00", field("me"), field(b"\xed\xa0\x80"), field("")),
        "MQTT-1.5.3-1",
    ),
    Malformed(
        "a user name with U+0000",
        whole(0x10, MQTT_4, b"\x82\x00\x00", field("me"), field("a\0b")),
        "MQTT-1.5.3-2",
    ),
    Malformed("a length of five bytes", bytes.fromhex("10 ff ff ff ff"), "MQTT-2.2.3"),
    Malformed("CONNECT of 65,537 bytes", bytes.fromhex("10 fd ff 03"), "max_connect_size"),
)
"""As the first bytes of a connection."""

MALFORMED: Final = (
    Malformed("a second CONNECT", bytes.fromhex("10"), "MQTT-3.1.0-2"),
    Malformed("reserved type 0", bytes.fromhex("00"), "MQTT-2.2.1"),
    Malformed("reserved type 15", bytes.fromhex("f0"), "MQTT-2.2.1"),
    *(
        Malformed(f"a server's packet: {name}", data, "MQTT-4.8.0-1")
        for name, data in (
            ("CONNACK", bytes.fromhex("20020000")),
            ("SUBACK", bytes.fromhex("9003000a00")),
            ("UNSUBACK", bytes.fromhex("b002000a")),
            ("PINGRESP", bytes.fromhex("d000")),
        )
    ),
    Malformed("a length of five bytes", bytes.fromhex("30 80 80 80 80"), "MQTT-2.2.3"),
    Malformed("PUBLISH with QoS 3", bytes.fromhex("36"), "MQTT-3.3.1-4"),
    Malformed("PUBLISH with DUP and QoS 0", bytes.fromhex("38"), "MQTT-3.3.1-2"),
    Malformed("PUBLISH without a body", bytes.fromhex("3000"), "MQTT-3.3.2-1"),
    Malformed("half a topic length", bytes.fromhex("3001 00"), "MQTT-3.3.2-1"),
    Malformed("a topic cut off", bytes.fromhex("3003 0002 61"), "MQTT-3.3.2-1"),
    Malformed("an empty topic", bytes.fromhex("3002 0000"), "MQTT-4.7.3-1"),
    Malformed("a topic with +", whole(0x30, field("a/+/b")), "MQTT-3.3.2-2"),
    Malformed("a topic with #", whole(0x30, field("a#b")), "MQTT-3.3.2-2"),
    Malformed("a topic with U+0000", whole(0x30, field("a\0")), "MQTT-1.5.3-2"),
    Malformed("a topic with a surrogate", whole(0x30, field(b"\xed\xbf\xbf")), "MQTT-1.5.3-1"),
    Malformed("an overlong encoding", whole(0x30, field(b"\xc0\xaf")), "MQTT-1.5.3-1"),
    Malformed("beyond U+10FFFF", whole(0x30, field(b"\xf4\x90\x80\x80")), "MQTT-1.5.3-1"),
    Malformed("QoS 1 without a packet id", bytes.fromhex("3203 0001 61"), "MQTT-2.3.1-1"),
    Malformed("QoS 2 with half a packet id", bytes.fromhex("3404 0001 61 00"), "MQTT-2.3.1-1"),
    Malformed("QoS 1 with packet id 0", bytes.fromhex("3205 0001 61 0000"), "MQTT-2.3.1-1"),
    *(
        Malformed(f"acknowledgement {first:#x} {name}", bytes((first,)) + rest, rule)
        for first in (0x40, 0x50, 0x62, 0x70)
        for name, rest, rule in (
            ("without a packet id", b"\x00", "MQTT-4.8.0-1"),
            ("with half a packet id", b"\x01\x00", "MQTT-4.8.0-1"),
            ("with a byte too many", b"\x03", "MQTT-4.8.0-1"),
            ("with packet id 0", b"\x02\x00\x00", "MQTT-2.3.1-1"),
        )
    ),
    Malformed("flags of PUBACK", bytes.fromhex("42"), "MQTT-2.2.2-2"),
    Malformed("flags of PUBREL", bytes.fromhex("60"), "MQTT-3.6.1-1"),
    Malformed("level 4: PUBREL with DUP", bytes.fromhex("6a"), "MQTT-3.6.1-1", (4,)),
    Malformed("flags of SUBSCRIBE", bytes.fromhex("80"), "MQTT-3.8.1-1"),
    Malformed("level 4: SUBSCRIBE with DUP", bytes.fromhex("8a"), "MQTT-3.8.1-1", (4,)),
    Malformed("flags of UNSUBSCRIBE", bytes.fromhex("a0"), "MQTT-3.10.1-1"),
    Malformed("level 4: UNSUBSCRIBE with DUP", bytes.fromhex("aa"), "MQTT-3.10.1-1", (4,)),
    Malformed("flags of PINGREQ", bytes.fromhex("c1"), "MQTT-2.2.2-2"),
    Malformed("PINGREQ with a body", bytes.fromhex("c001"), "MQTT-4.8.0-1"),
    Malformed("flags of DISCONNECT", bytes.fromhex("e8"), "MQTT-3.14.1-1"),
    Malformed("DISCONNECT with a body", bytes.fromhex("e001"), "MQTT-4.8.0-1"),
    Malformed("SUBSCRIBE without a body", whole(0x82), "MQTT-2.3.1-1"),
    Malformed("SUBSCRIBE with id 0", whole(0x82, b"\0\0", field("a"), b"\0"), "MQTT-2.3.1-1"),
    Malformed("SUBSCRIBE to nothing", whole(0x82, b"\0\x0a"), "MQTT-3.8.3-3"),
    Malformed("SUBSCRIBE without QoS", whole(0x82, b"\0\x0a", field("a")), "MQTT-3-8.3-4"),
    Malformed("SUBSCRIBE at QoS 3", whole(0x82, b"\0\x0a", field("a"), b"\3"), "MQTT-3-8.3-4"),
    Malformed("reserved bits of QoS", whole(0x82, b"\0\x0a", field("a"), b"\x81"), "MQTT-3-8.3-4"),
    Malformed("a filter cut off", whole(0x82, b"\0\x0a\0\2a"), "MQTT-3.8.3-1"),
    Malformed("an empty filter", whole(0x82, b"\0\x0a", field(""), b"\0"), "MQTT-4.7.3-1"),
    Malformed("a#", whole(0x82, b"\0\x0a", field("a#"), b"\0"), "MQTT-4.7.1-2"),
    Malformed("#/a", whole(0x82, b"\0\x0a", field("#/a"), b"\0"), "MQTT-4.7.1-2"),
    Malformed("a/#/#", whole(0x82, b"\0\x0a", field("a/#/#"), b"\0"), "MQTT-4.7.1-2"),
    Malformed("a+", whole(0x82, b"\0\x0a", field("a+"), b"\0"), "MQTT-4.7.1-3"),
    Malformed("++", whole(0x82, b"\0\x0a", field("a/++"), b"\0"), "MQTT-4.7.1-3"),
    Malformed("a filter with U+0000", whole(0x82, b"\0\x0a", field("\0"), b"\0"), "MQTT-1.5.3-2"),
    Malformed("a filter not UTF-8", whole(0x82, b"\0\x0a", field(b"\xff"), b"\0"), "MQTT-1.5.3-1"),
    Malformed("UNSUBSCRIBE with id 0", whole(0xA2, b"\0\0", field("a")), "MQTT-2.3.1-1"),
    Malformed("UNSUBSCRIBE from nothing", whole(0xA2, b"\0\x0a"), "MQTT-3.10.3-2"),
    Malformed("UNSUBSCRIBE: cut off", whole(0xA2, b"\0\x0a\0\2a"), "MQTT-3.10.3-1"),
    Malformed("UNSUBSCRIBE: a/#/b", whole(0xA2, b"\0\x0a", field("a/#/b")), "MQTT-4.7.1-2"),
    Malformed("SUBSCRIBE above 8 MiB", bytes.fromhex("82 80 80 80 04"), "max_packet_size"),
    Malformed("PUBLISH above 64 MiB", bytes.fromhex("32 80 80 80 20"), "max_packet_size"),
)
"""From a client that is connected."""
