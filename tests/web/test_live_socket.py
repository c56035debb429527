"""One socket of `/ws/locations/` over a transport of Twisted, without sockets and a door."""

from typing import Any, cast

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock as FakeTimers
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mytracks.web.live import Seat, Socket
from tests.mqtt.carriers.test_websocket import HANDSHAKE, said
from tests.whole.websocket import PING, PONG, frame


class Listener:
    """A listener that says nothing."""

    def begin(self, since: int | None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def end(self) -> None: ...


class PingTests(SynchronousTestCase):
    """WebSocket's own pings."""

    def setUp(self) -> None:
        self.timers = FakeTimers()
        factory = WebSocketServerFactory(server="", protocols=["mqtt"], reactor=self.timers)
        factory.setProtocolOptions(openHandshakeTimeout=0)
        self.socket = Socket()
        self.socket.factory = factory
        self.socket.seat = Seat(cast(Any, None), None, None, {})
        self.socket.listener = cast(Any, Listener())
        self.wire = StringTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 50_000))
        self.wire.registerProducer(self.socket, True)
        self.socket.makeConnection(self.wire)
        self.socket.dataReceived(HANDSHAKE)
        self.wire.clear()

    def test_who_reads_nothing_has_one_answer_kept_for_it(self) -> None:
        """A viewer could fill the memory with answers that it does not read."""
        self.socket.dataReceived(frame(PING, b"?"))
        self.socket.pauseProducing()
        for number in range(1_000):
            self.socket.dataReceived(frame(PING, b"%d" % number))
        self.assertEqual(said(PONG, b"?"), self.wire.value())
        self.socket.resumeProducing()
        self.assertEqual(said(PONG, b"?") + said(PONG, b"999"), self.wire.value())

    def test_nothing_is_answered_behind_a_goodbye(self) -> None:
        """Nor may it pile up while the transport is on its way out."""
        self.socket.end(1001, "the server is stopping", self.timers.callLater(5, lambda: None))
        self.wire.clear()
        self.socket.dataReceived(frame(PING, b"?"))
        self.assertEqual(b"", self.wire.value())
