"""`Socket` between a transport of Twisted and the broker, without sockets."""

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.carriers.websocket import LISTENER, Opening, Socket, Sockets
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing.client import LINGER
from mytracks.mqtt.routing.ports import Peer
from tests.mqtt.routing.rig import Rig
from tests.whole.websocket import BINARY, PING, PONG, frame

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

    def test_a_closed_socket_that_does_not_go_is_torn_down(self) -> None:
        """A peer that takes nothing would keep it for ever."""
        self.socket.dataReceived(frame(BINARY, b"\x00"))
        self.rig.timers.advance(LINGER - 0.1)
        self.assertEqual((True, False), (self.wire.disconnecting, self.wire.disconnected))
        self.rig.timers.advance(0.2)
        self.assertTrue(self.wire.disconnected)
