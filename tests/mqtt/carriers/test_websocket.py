"""`Socket` between a transport of Twisted and the broker, without sockets."""

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.carriers.websocket import LISTENER, Opening, Socket, Sockets
from mytracks.mqtt.protocol.packets.connect import Connect, Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.client import LINGER
from mytracks.mqtt.routing.ports import Peer
from tests.mqtt.routing.rig import Rig
from tests.whole.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

ADDRESS = IPv4Address("TCP", "192.0.2.1", 50_000)
HANDSHAKE = "\r\n".join(
    (
        "GET /mqtt HTTP/1.1",
        "Host: tracks.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "",
        "",
    )
).encode()
CONNECT = Connect(4, "phone", True, 0).encode()


def said(opcode: int, payload: bytes) -> bytes:
    """A short frame of a server."""
    return bytes([0x80 | opcode, len(payload)]) + payload


class SocketCase(SynchronousTestCase):
    """A socket that was just opened, and whose peer has said nothing yet."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.sockets = Sockets(self.rig.broker, self.rig.timers)
        self.wire = StringTransport(peerAddress=ADDRESS, lenient=True)
        self.socket = self.opened(self.wire)

    def opened(self, wire: StringTransport) -> Socket:
        """A socket over `wire`."""
        socket = self.sockets.open(ADDRESS, Opening(Peer("192.0.2.1", 50_000, LISTENER), {}))
        # As it is with an HTTP connection, which is the transport's producer before.
        wire.registerProducer(socket, True)
        socket.makeConnection(wire)
        socket.dataReceived(HANDSHAKE)
        self.assertIn(b"101", wire.value()[:20])
        wire.clear()
        return socket

    def hear(self) -> bytes:
        """What was said since it was last asked."""
        data = self.wire.value()
        self.wire.clear()
        return bytes(data)


class PingTests(SocketCase):
    """WebSocket's own pings."""

    def test_a_ping_is_answered_at_once(self) -> None:
        """Before CONNECT too: it is the library's, not MQTT's."""
        self.socket.dataReceived(frame(PING, b"1") + frame(PING, b"2"))
        self.assertEqual(said(PONG, b"1") + said(PONG, b"2"), self.hear())

    def test_who_reads_nothing_has_one_answer_kept_for_it(self) -> None:
        """Anybody could fill the memory with answers that nobody reads, signed in or not."""
        for before in (b"", frame(BINARY, CONNECT)):
            self.socket.dataReceived(before)
            self.hear()
            self.socket.pauseProducing()
            for number in range(1_000):
                self.socket.dataReceived(frame(PING, b"%d" % number))
            self.assertEqual(b"", self.hear())
            self.socket.resumeProducing()
            self.assertEqual(said(PONG, b"999"), self.hear())
            self.socket.dataReceived(frame(PING, b"then"))
            self.assertEqual(said(PONG, b"then"), self.hear())

    def test_nothing_is_answered_behind_a_goodbye(self) -> None:
        """[RFC 6455 5.5.1] Nor may it pile up while a transport is on its way out."""
        self.socket.lose()
        self.hear()
        self.socket.dataReceived(frame(PING, b"?"))
        self.assertEqual(b"", self.hear())


class EndTests(SocketCase):
    """How it ends."""

    def test_frames_that_break_the_rules_are_answered_with_1002(self) -> None:
        """[RFC 6455 7.1.7] A client's author sees what is wrong. Nothing behind it is heard."""
        whole = frame(BINARY, b"")
        for broken in (
            bytes([whole[0], 0]),  # Not masked.
            bytes([0xC0 | BINARY]) + whole[1:],  # Of an extension.
            frame(3, b""),
            frame(11, b""),
            frame(CONTINUATION, b"x"),
            frame(PING, b"x" * 126),
            frame(PING, b"", final=False),
            frame(BINARY, b"", final=False) + whole,
        ):
            self.wire = StringTransport(peerAddress=ADDRESS, lenient=True)
            socket = self.opened(self.wire)
            socket.dataReceived(broken + frame(BINARY, CONNECT) + frame(PING, b"?"))
            self.assertEqual(said(CLOSE, (1002).to_bytes(2)), self.hear(), broken[:9])
            self.assertTrue(self.wire.disconnecting)
            socket.dataReceived(broken + frame(BINARY, CONNECT) + frame(PING, b"?"))
            self.assertEqual(b"", self.hear())
        self.assertEqual([], self.rig.host.peers)

    def test_what_breaks_the_rules_of_mqtt_is_told_apart(self) -> None:
        """1008 for what is wrong [RFC 6455 7.4.1], 1009 for what is too large, 1003 for text."""
        huge = b"\x10\xff\xff\xff\x7f"
        for wrong, code in (
            (frame(BINARY, b"\x00"), 1008),
            (frame(BINARY, huge), 1009),
            (frame(BINARY, CONNECT + b"\x32\xff\xff\xff\x7f"), 1009),
            (frame(BINARY, CONNECT + b"\xe0\x00"), 1000),
            (frame(TEXT, CONNECT), 1003),
        ):
            self.wire = StringTransport(peerAddress=ADDRESS, lenient=True)
            self.opened(self.wire).dataReceived(wrong)
            self.assertTrue(self.hear().endswith(said(CLOSE, code.to_bytes(2))), code)
            self.assertTrue(self.wire.disconnecting)

    def test_what_came_before_a_broken_frame_is_heard_and_the_will_published(self) -> None:
        """As over TCP before a packet that is malformed."""
        watcher = self.rig.subscriber()
        connect = Connect(4, "phone", True, 0, Will("will", b"gone", 1, False), "bob").encode()
        sent = Publish("a", b"said", 1, False, False, 1).encode()
        self.socket.dataReceived(frame(BINARY, connect + sent * 150) + frame(3, b""))
        self.rig.turn(5)
        self.assertEqual([b"said"] * 20, watcher.take())
        heard = [payload for _ in range(8) for payload in watcher.take()]
        self.assertEqual([b"said"] * 130 + [b"gone"], heard)

    def test_one_that_says_goodbye_and_reads_nothing_is_torn_down(self) -> None:
        """It would be kept for as long as it likes."""
        self.socket.pauseProducing()
        self.socket.dataReceived(frame(CLOSE, b""))
        self.assertTrue(self.wire.disconnected)

    def test_a_closed_socket_that_does_not_go_is_torn_down(self) -> None:
        """A peer that takes nothing would keep it for ever."""
        self.socket.dataReceived(frame(BINARY, b"\x00"))
        self.rig.timers.advance(LINGER - 0.1)
        self.assertEqual((True, False), (self.wire.disconnecting, self.wire.disconnected))
        self.rig.timers.advance(0.2)
        self.assertTrue(self.wire.disconnected)
