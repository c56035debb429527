"""Carries one MQTT connection over a WebSocket [MQTT-6]: the frames of messages are a stream.

A packet may span frames and a frame may hold several packets [MQTT-6.0.0-2], so each piece is
handed on as it comes; the only bound that matters is the one of packets. Whoever speaks HTTP before
decides who may open a socket; here nothing is decided.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime, ITCPTransport
from zope.interface import implementer

from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.client import Client
from mytracks.mqtt.routing.ports import Peer

SUBPROTOCOL: Final = "mqtt"
"""What both sides have to agree on [MQTT-6.0.0-4]."""
LISTENER: Final = "websocket"
_BINARY: Final = 2
_CLOSE: Final = 8
_PONG: Final = 10
_NORMAL: Final = 1000
_BROKEN: Final = 1002
_UNSUPPORTED: Final = 1003
_POLICY: Final = 1008
_TOO_BIG: Final = 1009
_TOO_LARGE: Final = frozenset({"max_connect_size", "max_packet_size"})
"""Rules of MQTT packets that are broken by a size."""


@frozen
class Opening:
    """One WebSocket about to be opened: who `peer` is, and `headers` that its answer carries."""

    peer: Peer
    headers: Mapping[str, str]


@implementer(IPushProducer)
class Socket(WebSocketServerProtocol):
    """One connection: implements `routing.link.Link`."""

    broker: Broker[Any, Any, Any]
    opening: Opening
    transport: Any
    _client: Client[Any, Any, Any] | None = None
    _open = False
    """Frames may be sent."""
    _connected = False
    _fault: int | None = None
    """The code to close with: what came broke the rules of WebSocket, and nothing is heard."""
    _full = False
    _unanswered: bytes | None = None
    """Of the newest ping that came while the transport was full; older ones need no answer
    [RFC 6455 5.5.3]. One that never reads could have any number of answers kept for it."""

    # What Autobahn tells.

    def onConnect(self, request: Any) -> tuple[str, dict[str, str]]:
        return SUBPROTOCOL, dict(self.opening.headers)

    def onOpen(self) -> None:
        # The HTTP connection was the transport's producer; now we are told when it is full.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._open = self._connected = True
        self._client = self.broker.attach(self, self.opening.peer)

    def onMessageBegin(self, isBinary: bool) -> None:  # noqa: N803
        if not isBinary:
            self._fail_connection(_UNSUPPORTED, "a message is text")  # [MQTT-6.0.0-1]

    def onMessageFrameBegin(self, length: int) -> None:
        """Nothing is kept of frames: pieces are handed on as they come."""

    def onMessageFrameData(self, payload: bytes) -> None:
        if self._client is not None and self._fault is None:
            self._client.received(payload)

    def onMessageFrameEnd(self) -> None:
        """A frame's end means nothing to MQTT."""

    def onMessageEnd(self) -> None:
        """Nor does a message's."""

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool:  # noqa: N803
        """The client closes. What it says of why is not looked at: one library sends the four
        characters of 1000 where a number should be (owntracks.md 4)."""
        del code, reasonRaw
        self._end(_NORMAL)
        if self._full:
            self.abort()  # It does not read what it would have to wait for.
        return True

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803
        self._open = self._connected = False
        self._lost()

    def onPing(self, payload: bytes) -> None:
        if self._full:
            self._unanswered = payload
        elif self._open:
            self.sendFrame(opcode=_PONG, payload=payload)

    def _lost(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.lost()

    def _fail_connection(self, code: int = _BROKEN, reason: str = "") -> None:
        """Frames break RFC 6455. Autobahn would be gone without a word, and tell the log."""
        if self._open and self._fault is None and self._client is not None:
            self._fault = code
            self._client.garbled("RFC 6455", reason)

    # What Twisted tells of its transport.

    def dataReceived(self, data: bytes) -> None:
        if self._fault is None and self._open == self._connected:
            super().dataReceived(data)

    def pauseProducing(self) -> None:
        self._full = True
        if self._client is not None:
            self._client.full()

    def resumeProducing(self) -> None:
        self._full = False
        payload, self._unanswered = self._unanswered, None
        if payload is not None:
            self.onPing(payload)
        if self._client is not None:
            self._client.drained()

    def stopProducing(self) -> None:
        """The connection is lost; `onClose` tells."""

    # What routing asks (routing.link.Link).

    def write(self, data: bytes) -> None:
        if self._open:
            self.sendFrame(opcode=_BINARY, payload=data)

    def lose(self, broken: str = "") -> None:
        code = _POLICY if broken else _NORMAL
        self._end(self._fault or (_TOO_BIG if broken in _TOO_LARGE else code))

    def abort(self) -> None:
        if self._connected:
            self.transport.abortConnection()

    def pause(self) -> None:
        if self._open:
            self.transport.pauseProducing()

    def resume(self) -> None:
        if self._open:
            self.transport.resumeProducing()

    def probe(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpKeepAlive(True)

    def _end(self, code: int) -> None:
        """Send what is buffered and a close frame, then close, without waiting for consent."""
        if self._open:
            self._open = False
            self.sendFrame(opcode=_CLOSE, payload=struct.pack("!H", code))
            self.transport.unregisterProducer()
            self.transport.loseConnection()


class Sockets:
    """Opens WebSockets of one broker."""

    def __init__(self, broker: Broker[Any, Any, Any], timers: IReactorTime) -> None:
        self._broker = broker
        # Autobahn without timers and checks of its own: the broker's are enough.
        self._factory = WebSocketServerFactory(server="", protocols=[SUBPROTOCOL], reactor=timers)
        self._factory.protocol = Socket
        self._factory.setProtocolOptions(
            webStatus=False,
            maxFramePayloadSize=0,
            maxMessagePayloadSize=0,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            allowNullOrigin=True,
            utf8validateIncoming=False,
        )

    def resource(self, address: str, port: int, headers: Mapping[str, str]) -> WebSocketResource:
        """What takes an HTTP request's connection over. `address` and `port`: whose it is;
        `headers`: what its answer carries beside those of the handshake."""
        return WebSocketResource(_Opener(self, Opening(Peer(address, port, LISTENER), headers)))

    def open(self, address: IAddress, opening: Opening) -> Socket:
        """A socket that is about to take its connection over."""
        socket = self._factory.buildProtocol(address)
        assert isinstance(socket, Socket)
        socket.broker = self._broker
        socket.opening = opening
        return socket


class _Opener:
    """Makes the socket of one opening, where Autobahn's resource wants a factory."""

    def __init__(self, sockets: Sockets, opening: Opening) -> None:
        self._sockets = sockets
        self._opening = opening

    def buildProtocol(self, addr: IAddress) -> Socket:
        return self._sockets.open(addr, self._opening)
