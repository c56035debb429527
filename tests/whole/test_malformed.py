"""Malformed packets: each ends its own connection and nobody else's [MQTT-4.8.0-1], [-2]."""

from tests.whole import packets
from tests.whole.cases import ANA, PASSWORDS, SharedCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import packet, string
from tests.whole.patience import until

ID = b"\0\7"
TOPIC = string("owntracks/ana/p")

BEFORE_CONNECT = {
    "something else first [MQTT-3.1.0-1]": packets.PINGREQ,
    "a PUBLISH first": packets.publish("a", b"", 1),
    "packet type 0": packet(0x00),
    "packet type 15": packet(0xF0),
    "a server's packet": packet(0x20, b"\0\0"),
    "CONNECT with flags": packet(0x11, packets.connect("x")[2:]),
    "an empty CONNECT": packet(0x10),
    "a wrong protocol name": packets.connect("x", name="MQTS"),
    "level 3's name at level 4 [MQTT-3.1.2-1]": packets.connect("x", name="MQIsdp"),
    "the reserved connect flag [MQTT-3.1.2-3]": packet(
        0x10, string("MQTT") + b"\4\3\0\x3c" + string("x")
    ),
    "a will's quality 3 [MQTT-3.1.2-14]": packet(
        0x10, string("MQTT") + b"\4\x1e\0\x3c" + string("x") + string("t") + string("m")
    ),
    "a will's quality without a will [MQTT-3.1.2-13]": packet(
        0x10, string("MQTT") + b"\4\x0a\0\x3c" + string("x")
    ),
    "a will to be retained without a will [MQTT-3.1.2-15]": packet(
        0x10, string("MQTT") + b"\4\x22\0\x3c" + string("x")
    ),
    "a password without a user [MQTT-3.1.2-22]": packet(
        0x10, string("MQTT") + b"\4\x42\0\x3c" + string("x") + string("pw")
    ),
    "a user flag without a user [MQTT-3.1.2-19]": packet(
        0x10, string("MQTT") + b"\4\x82\0\x3c" + string("x")
    ),
    "left-overs [MQTT-3.1.3-1]": packet(0x10, packets.connect("x")[2:] + b"!"),
    "NUL in the client id [MQTT-1.5.3-2]": packets.connect("a\0b"),
    "ill-formed UTF-8 in the client id [MQTT-1.5.3-1]": packet(
        0x10, string("MQTT") + b"\4\2\0\x3c" + string(b"\xc3\x28")
    ),
    "a surrogate in the client id [MQTT-1.5.3-1]": packet(
        0x10, string("MQTT") + b"\4\2\0\x3c" + string(b"\xed\xa0\x80")
    ),
    "a fifth length byte (2.2.3)": b"\x10\xff\xff\xff\xff\x01",
    "a TLS greeting": bytes.fromhex("16030100c8010000c40303"),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}

AFTER_CONNECT = {
    "a second CONNECT [MQTT-3.1.0-2]": packets.connect("again", ANA, PASSWORDS[ANA]),
    "packet type 0": packet(0x00),
    "packet type 15": packet(0xF0),
    "CONNACK": packet(0x20, b"\0\0"),
    "SUBACK": packet(0x90, ID + b"\0"),
    "UNSUBACK": packet(0xB0, ID),
    "PINGRESP": packet(0xD0),
    "PUBLISH at quality 3 [MQTT-3.3.1-4]": packet(0x36, TOPIC + ID),
    "PUBLISH with id 0 [MQTT-2.3.1-1]": packet(0x32, TOPIC + b"\0\0"),
    "PUBLISH with DUP at quality 0 [MQTT-3.3.1-2]": packet(0x38, TOPIC),
    "PUBLISH to a wildcard [MQTT-3.3.2-2]": packets.publish("owntracks/ana/+", b"", 7),
    "PUBLISH to everything [MQTT-3.3.2-2]": packets.publish("#", b"", 7),
    "PUBLISH to nothing [MQTT-4.7.3-1]": packets.publish("", b"", 7),
    "PUBLISH with NUL in its topic [MQTT-4.7.3-2]": packets.publish("a\0", b"", 7),
    "PUBLISH with ill-formed UTF-8 [MQTT-1.5.3-1]": packet(0x32, string(b"\xff") + ID),
    "PUBLISH without an id": packet(0x32, TOPIC),
    "PUBLISH cut in its topic": packet(0x32, b"\0\x20owntracks"),
    "PUBACK with flags [MQTT-2.2.2-2]": packet(0x42, ID),
    "PUBACK too long": packet(0x40, ID + b"\0"),
    "PUBACK too short": packet(0x40, b"\0"),
    "PUBREL with wrong flags [MQTT-3.6.1-1]": packet(0x60, ID),
    "SUBSCRIBE with wrong flags [MQTT-3.8.1-1]": packet(0x80, ID + TOPIC + b"\0"),
    "SUBSCRIBE with DUP at level 4 [MQTT-3.8.1-1]": packet(0x8A, ID + TOPIC + b"\0"),
    "SUBSCRIBE with id 0 [MQTT-2.3.1-1]": packets.subscribe(0, "a"),
    "SUBSCRIBE to nothing [MQTT-3.8.3-3]": packet(0x82, ID),
    "SUBSCRIBE with reserved bits [MQTT-3-8.3-4]": packet(0x82, ID + TOPIC + b"\4"),
    "SUBSCRIBE at quality 3 [MQTT-3-8.3-4]": packet(0x82, ID + TOPIC + b"\3"),
    "SUBSCRIBE to a#": packets.subscribe(7, "a#"),
    "SUBSCRIBE to a/#/b [MQTT-4.7.1-2]": packets.subscribe(7, "a/#/b"),
    "SUBSCRIBE to a+ [MQTT-4.7.1-3]": packets.subscribe(7, "a+/b"),
    "SUBSCRIBE to an empty filter [MQTT-4.7.3-1]": packets.subscribe(7, ""),
    "UNSUBSCRIBE with wrong flags [MQTT-3.10.1-1]": packet(0xA0, ID + TOPIC),
    "UNSUBSCRIBE from nothing [MQTT-3.10.3-2]": packet(0xA2, ID),
    "UNSUBSCRIBE with id 0": packets.unsubscribe(0, "a"),
    "PINGREQ with a body": packet(0xC0, b"x"),
    "PINGREQ with flags": packet(0xC1),
    "DISCONNECT with flags [MQTT-3.14.1-1]": packet(0xE1),
    "DISCONNECT with a body": packet(0xE0, b"x"),
    "a fifth length byte (2.2.3)": b"\x30\xff\xff\xff\xff\x01",
}


class MalformedTests(SharedCase):
    """One catalogue, every entry against the real thing."""

    def setUp(self) -> None:
        super().setUp()
        self.witness = self.signed_in(self.daemon, ANA)

    def test_each_malformed_first_packet_ends_its_connection_without_an_answer(self) -> None:
        """[MQTT-3.1.4-1]: and whoever was connected stays."""
        for name, raw in BEFORE_CONNECT.items():
            phone = self.phone(self.daemon)
            phone.send(raw)
            try:
                self.assertEqual([], phone.closed_within(5), name)
            except TimeoutError:
                self.fail(f"still open after: {name}")
        self.witness.ping()

    def test_each_malformed_packet_ends_its_connection(self) -> None:
        """Nothing but the acknowledgement of what came before it is sent."""
        still_open = []
        for name, raw in AFTER_CONNECT.items():
            phone = self.signed_in(self.daemon, ANA, unused("rude"))
            phone.send(raw)
            try:
                self.assertEqual([], phone.closed_within(3), name)
            except TimeoutError:
                still_open.append(name)
            phone.close()
        self.assertEqual([], still_open)
        self.witness.ping()

    def test_what_came_before_a_malformed_packet_counts(self) -> None:
        """A location is not lost because of what a bug sent behind it."""
        phone = self.signed_in(self.daemon, ANA)
        phone.send(packets.publish(self.topic, wire(fix()), 7) + packet(0xF0))
        phone.closed_within(5)
        web, path = self.web(self.daemon, ANA), f"{ANA}/{self.device}"

        def arrived() -> bool:
            return bool(web.get("/api/locations", device=path).json().get("count") == 1)

        until(arrived, 5, "the location that came before the malformed packet")

    def test_level_3_may_resend_with_dup(self) -> None:
        """MQTT 3.1: SUBSCRIBE and UNSUBSCRIBE may carry DUP (mqtt.md 1.7)."""
        phone = self.phone(self.daemon)
        self.assertEqual(0, phone.connect(unused("c"), ANA, PASSWORDS[ANA], level=3))
        phone.send(packet(0x8A, ID + TOPIC + b"\1"))
        self.assertEqual(ID + b"\1", phone.expect(packets.SUBACK).body)
        phone.send(packet(0xAA, ID + TOPIC))
        self.assertEqual(ID, phone.expect(packets.UNSUBACK).body)

    def test_packets_may_arrive_byte_by_byte(self) -> None:
        """TCP cuts where it likes."""
        phone = self.phone(self.daemon)
        stream = packets.connect(unused("c"), ANA, PASSWORDS[ANA])
        stream += packets.subscribe(3, self.topic) + packets.publish(self.topic, b"{}", 9)
        for at in range(len(stream)):
            phone.send(stream[at : at + 1])
        self.assertEqual(0, phone.connack())
        self.assertEqual(3, phone.expect(packets.SUBACK).packet_id)
        self.assertEqual(9, phone.expect(packets.PUBACK).packet_id)
