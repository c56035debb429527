"""MQTT over WebSocket, at `/mqtt` on the web port (contract 4, owntracks.md 4)."""

from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.packets import Will
from tests.whole.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Refused,
    WebSocketPhone,
    frame,
)


class WebSocketTests(SharedCase):
    """Phones behind networks that let nothing but the web through."""

    def opened(self, **words: object) -> WebSocketPhone:
        """A WebSocket that has said nothing yet."""
        phone = WebSocketPhone(self.daemon.http, **words)  # type: ignore[arg-type]
        self.addCleanup(phone.close)
        return phone

    def let_in(self, user: str = ANA) -> WebSocketPhone:
        """One whose CONNECT was accepted."""
        phone = self.opened()
        self.assertEqual(0, phone.connect(unused("client"), user, PASSWORDS[user]))
        return phone

    def test_a_phone_publishes_and_hears_over_it(self) -> None:
        """[MQTT-6.0.0-4] The same broker as over TCP, and the subprotocol is answered."""
        phone = self.let_in()
        self.assertEqual("mqtt", phone.web.headers["sec-websocket-protocol"])
        self.assertIn("sec-websocket-accept", phone.web.headers)
        other = self.signed_in(self.daemon, ANA)
        other.subscribe(self.topic)
        phone.subscribe(self.topic)
        payload = wire(fix())
        phone.publish(self.topic, payload)
        self.assertEqual(payload, other.delivery().payload)
        self.assertEqual(payload, phone.delivery().payload)
        phone.ping()

    def test_both_levels_are_spoken_with_and_without_a_slash(self) -> None:
        """[MQTT-3.1.2-1] Stock Android speaks 3.1 here as well."""
        for level, path in ((3, "/mqtt"), (4, "/mqtt/")):
            phone = self.opened(path=path)
            code = phone.connect(unused(), ANA, PASSWORDS[ANA], level=level)
            self.assertEqual(0, code)

    def test_packets_may_span_and_share_frames(self) -> None:
        """[MQTT-6.0.0-2] Frames and packets have nothing to do with each other."""
        phone = self.opened()
        raw = packets.connect(unused("client"), ANA, PASSWORDS[ANA])
        for byte in raw[:-1]:
            phone.web.sendall(bytes([byte]))
        phone.web.wire.sendall(frame(BINARY, raw[-1:] + packets.PINGREQ * 3))
        self.assertEqual(0, phone.connack())
        for _ in range(3):
            phone.expect(packets.PINGRESP)

    def test_fragments_with_a_ping_between_are_one_stream(self) -> None:
        """RFC 6455 5.4: a control frame may come between the fragments of a message."""
        phone = self.let_in()
        raw = packets.publish(self.topic, wire(fix(note="x" * 70_000)), 7)
        phone.web.wire.sendall(frame(BINARY, raw[:5], final=False))
        phone.web.wire.sendall(frame(PING, b"?"))
        phone.web.wire.sendall(frame(CONTINUATION, raw[5:40_000], final=False))
        phone.web.wire.sendall(frame(CONTINUATION, raw[40_000:]))
        self.assertEqual(7, phone.expect(packets.PUBACK).packet_id)

    def test_text_is_refused(self) -> None:
        """[MQTT-6.0.0-1] Binary frames only."""
        phone = self.let_in()
        phone.web.wire.sendall(frame(TEXT, b"hello"))
        phone.closed_within(5)
        self.assertEqual((1003).to_bytes(2, "big"), phone.web.close_payload)

    def test_without_an_origin_it_is_let_in_and_a_foreign_page_is_not(self) -> None:
        """Android sends none; a browser would carry a page into a network it cannot reach."""
        offer = {"Sec-WebSocket-Protocol": "mqtt"}
        port = self.daemon.http
        for origin in (f"http://127.0.0.1:{port}",):
            self.opened(headers=offer | {"Origin": origin})
        for origin in ("https://elsewhere.example", "null"):
            with self.assertRaises(Refused) as caught:
                WebSocketPhone(port, headers=offer | {"Origin": origin})
            self.assertEqual(403, caught.exception.status)

    def test_another_subprotocol_is_refused_before_it_opens(self) -> None:
        """[MQTT-6.0.0-3] A page's own socket that strays here is told so in HTTP."""
        for headers in ({}, {"Sec-WebSocket-Protocol": "chat"}):
            with self.assertRaises(Refused) as caught:
                WebSocketPhone(self.daemon.http, headers=headers)
            self.assertEqual(400, caught.exception.status)
        self.opened(headers={"Sec-WebSocket-Protocol": "mqttv3.1, mqtt"})

    def test_an_odd_close_is_a_close(self) -> None:
        """Paho's Java client sends the characters of 1000 as the close frame's payload."""
        phone = self.let_in()
        phone.send(packets.DISCONNECT)
        phone.web.wire.sendall(frame(CLOSE, b"1000"))
        phone.closed_within(5)

    def test_who_vanishes_leaves_a_will_and_who_disconnects_does_not(self) -> None:
        """[MQTT-3.1.2-8], [MQTT-3.14.4-3] as over TCP."""
        watcher = self.signed_in(self.daemon, ANA)
        watcher.subscribe(f"{self.topic}/will")
        for farewell, wanted in ((frame(CLOSE, b""), b"1"), (b"", b"2")):
            phone = self.opened()
            phone.connect(unused(), ANA, PASSWORDS[ANA], will=Will(f"{self.topic}/will", wanted))
            if farewell:
                phone.web.wire.sendall(farewell)
            phone.close()
            self.assertEqual(wanted, watcher.delivery().payload)
        phone = self.opened()
        phone.connect(unused(), ANA, PASSWORDS[ANA], will=Will(f"{self.topic}/will", b"3"))
        phone.disconnect()
        watcher.ping()
        self.assertRaises(TimeoutError, watcher.delivery, 0.3)

    def test_wrong_credentials_get_their_code(self) -> None:
        """Who one is is said in CONNECT, not in HTTP."""
        self.assertEqual(4, self.opened().connect(unused(), BEN, "wrong"))
        self.assertEqual(5, self.opened().connect(unused()))

    def test_a_large_message_arrives_whole(self) -> None:
        """A card with a picture is larger than what a socket takes at once."""
        phone = self.let_in()
        phone.subscribe(f"{self.topic}/info")
        payload = wire({"_type": "card", "name": "Ana", "face": "A" * 300_000})
        phone.publish(f"{self.topic}/info", payload)
        self.assertEqual(payload, phone.delivery().payload)

    def test_plain_http_is_told_to_upgrade(self) -> None:
        """Somebody opens the address in a browser."""
        self.assertEqual(426, self.web(self.daemon).get("/mqtt").status)
