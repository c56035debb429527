"""Carries one MQTT connection over TLS: the broker learns of it when the handshake is done.

Which certificates are in force others say (`recognise`); whoever shows another one never reaches
the broker, and is cut off when it stops being in force. Who that is, the host decides at CONNECT.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, cast

from attrs import evolve
from cryptography.hazmat.primitives.hashes import SHA256
from twisted.internet.interfaces import IAddress, IDelayedCall, IHandshakeListener
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mytracks.clock import Clock
from mytracks.mqtt.carriers.stream import Stream, Wire, peer_of
from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.ports import Peer

LISTENER: Final = "mqtts"


class Stage(Enum):
    """How far a connection has come."""

    __hash__ = object.__hash__

    SHAKING_HANDS = "the handshake goes on, or has failed"
    ATTACHED = "MQTT is spoken"
    REFUSED = "what it showed is not in force"


@implementer(IHandshakeListener)
class SecureStream(Stream):
    """One connection. `spoke`: whether it has said anything of MQTT."""

    peer: Peer
    spoke = False

    def __init__(self, house: "SecureFactory") -> None:
        super().__init__(house.broker, LISTENER)
        self._house = house
        self._stage = Stage.SHAKING_HANDS
        self._since = house.clock.seconds()
        self._patience: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """The network is connected; nobody has shown anything yet."""
        self._wire = cast(Wire, self.transport)
        self.peer = peer_of(self._wire, LISTENER)
        timeout = self._house.broker.limits.connect_timeout
        self._patience = self._house.clock.later(timeout, self.give_up)

    def handshakeCompleted(self) -> None:  # noqa: N802
        """Twisted: both sides agree. What was good when they began is looked at once more."""
        self._stop_waiting()
        self._house.finished(self)
        shown = cast(Any, self._wire).getHandle().get_peer_certificate(as_cryptography=True)
        certificate = None if shown is None else shown.fingerprint(SHA256())
        self.peer = evolve(self.peer, certificate=certificate)
        if self._house.admit(self):
            self._stage = Stage.ATTACHED
            self._begin(self.peer, self._house.clock.seconds() - self._since)
        else:
            self._stage = Stage.REFUSED
            self._wire.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        self.spoke = True
        self._client.received(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._stop_waiting()
        self._house.left(self)
        if self._stage is Stage.ATTACHED:
            super().connectionLost(reason)

    def lose(self, broken: str = "") -> None:
        super().lose(broken)
        if self.connected:
            # TLS waits for the far end's goodbye, and hears it only while something is read: else
            # whoever is refused would stay until its time is up, gone or not.
            self._wire.resumeProducing()

    def give_up(self) -> None:
        """Its handshake has taken too long."""
        self._wire.abortConnection()

    def cut(self) -> None:
        """What it came in by is in force no more: close at once; its Will is published."""
        self._client.cut()

    def _stop_waiting(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None


class SecureFactory(ServerFactory):
    """Makes a `SecureStream` for each connection to the TLS listener. `recognise`: whether the
    client certificate with this SHA-256 is in force at this moment."""

    noisy = False
    log = Logger()

    def __init__(
        self, broker: Broker[Any, Any, Any], recognise: Callable[[bytes], bool], clock: Clock
    ) -> None:
        self.broker = broker
        self.clock = clock
        self._recognise = recognise
        self._shaking: dict[SecureStream, str] = {}
        self._shaking_from: Counter[str] = Counter()
        self._certified: dict[SecureStream, None] = {}

    def buildProtocol(self, addr: IAddress | None) -> SecureStream | None:
        """None: too many handshakes go on already, in all or with this address."""
        limits = self.broker.limits
        address = str(getattr(addr, "host", ""))
        if (
            len(self._shaking) >= limits.max_handshakes
            or self._shaking_from[address] >= limits.max_connections_per_address
        ):
            self.broker.turned_away()
            self.log.debug("too many handshakes: {address} is not heard", address=address)
            return None
        stream = SecureStream(self)
        self._shaking[stream] = address
        self._shaking_from[address] += 1
        return stream

    def finished(self, stream: SecureStream) -> None:
        """Its handshake is over."""
        address = self._shaking.pop(stream, None)
        if address is not None:
            self._shaking_from[address] -= 1
            if not self._shaking_from[address]:
                del self._shaking_from[address]

    def admit(self, stream: SecureStream) -> bool:
        """Whether it may go on with what it showed; nothing is enough here, if TLS let it pass."""
        certificate = stream.peer.certificate
        if certificate is None:
            return True
        if not self._recognise(certificate):
            return False
        self._certified[stream] = None
        return True

    def left(self, stream: SecureStream) -> None:
        """It is gone."""
        self.finished(stream)
        self._certified.pop(stream, None)

    def sweep(self) -> int:
        """Cut off whoever came in by a certificate that is in force no more; how many."""
        gone = [
            stream
            for stream in self._certified
            if not self._recognise(cast(bytes, stream.peer.certificate))
        ]
        for stream in gone:
            del self._certified[stream]
            stream.cut()
        if gone:
            self.log.info(
                "cut {count} connections off: their certificates are in force no more",
                count=len(gone),
            )
        return len(gone)

    def close(self) -> None:
        """Nobody is waited for any more: cut off whoever has not finished the handshake."""
        for stream in list(self._shaking):
            stream.give_up()
