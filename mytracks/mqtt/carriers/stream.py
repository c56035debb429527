"""Carries one MQTT connection over any stream that Twisted knows: TCP, and what is laid over it.

It decides nothing: bytes go in, bytes come out, and both sides learn when the other is full.
"""

from typing import Any, Protocol, cast

from twisted.internet import protocol
from twisted.internet.interfaces import IAddress, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.client import Client
from mytracks.mqtt.routing.ports import Peer


class Wire(Protocol):
    """What is needed of a transport: `ITransport`, `IConsumer` and `IPushProducer` of Twisted."""

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...  # noqa: N802
    def abortConnection(self) -> None: ...  # noqa: N802
    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None: ...  # noqa: N802
    def unregisterProducer(self) -> None: ...  # noqa: N802
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def getPeer(self) -> IAddress: ...


@implementer(IPushProducer)
class Stream(protocol.Protocol):
    """One connection: implements `routing.link.Link`."""

    _client: Client[Any, Any, Any]
    _wire: Wire

    def __init__(self, broker: Broker[Any, Any, Any], listener: str) -> None:
        self._broker = broker
        self._listener = listener

    # What Twisted tells.

    def connectionMade(self) -> None:
        self._wire = cast(Wire, self.transport)
        self._begin(peer_of(self._wire, self._listener))

    def _begin(self, peer: Peer, waited: float = 0.0) -> None:
        """MQTT may be spoken now. `waited`: seconds that it took until here."""
        if ITCPTransport.providedBy(self._wire):
            # Answers are small and awaited; joining them is done before they are written.
            self._wire.setTcpNoDelay(True)
        # Twisted calls our pauseProducing when its buffer is full: the only bound it has.
        self._wire.registerProducer(self, True)
        self._client = self._broker.attach(self, peer, waited)

    def dataReceived(self, data: bytes) -> None:
        self._client.received(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.connected = 0
        self._client.lost()

    def pauseProducing(self) -> None:
        self._client.full()

    def resumeProducing(self) -> None:
        self._client.drained()

    def stopProducing(self) -> None:
        """Twisted says so right before `connectionLost`, which does what is to be done."""

    # What routing asks (routing.link.Link).

    def write(self, data: bytes) -> None:
        self._wire.write(data)

    def lose(self, broken: str = "") -> None:
        if self.connected:
            # With a producer registered, Twisted would wait for it before it closes.
            self._wire.unregisterProducer()
            self._wire.loseConnection()

    def abort(self) -> None:
        if self.connected:
            self._wire.abortConnection()

    def pause(self) -> None:
        if self.connected:
            self._wire.pauseProducing()

    def resume(self) -> None:
        if self.connected:
            self._wire.resumeProducing()

    def probe(self) -> None:
        if ITCPTransport.providedBy(self._wire):
            self._wire.setTcpKeepAlive(True)


class StreamFactory(protocol.ServerFactory):
    """Makes a `Stream` for each connection to one listener. `listener`: its name, for `Peer`."""

    noisy = False

    def __init__(self, broker: Broker[Any, Any, Any], listener: str) -> None:
        self._broker = broker
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> Stream:
        return Stream(self._broker, self._listener)


def peer_of(wire: Wire, listener: str) -> Peer:
    """Who is at the far end of `wire`."""
    shown = wire.getPeer()
    # A dual-stack listener shows IPv4 addresses as mapped ones.
    address = str(getattr(shown, "host", "")).removeprefix("::ffff:")
    return Peer(address, int(getattr(shown, "port", 0)), listener)
