"""TLS as Twisted lays it over a connection, with somebody who notes why a handshake failed."""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    ISSLTransport,
)
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from mytracks.pki.handshakes import TIMED_OUT, Diagnoses, explain, left_silent
from mytracks.pki.tls import Examined, Switch

_UNTOUCHED = b"before SSL initialization"
"""OpenSSL's state of a connection over which nothing of TLS has come."""


@implementer(ISSLTransport)
class Watched(BufferingTLSTransport):
    """One connection."""

    factory: "WatchedFactory"

    def _checkHandshakeStatus(self) -> None:  # noqa: N802
        """Twisted: more of the handshake has come. One that only asks for a proof ends with it:
        what might follow reaches nobody."""
        twisteds: Any = super()
        twisteds._checkHandshakeStatus()
        if not self._handshakeDone or self._aborted:
            return
        if cast(Examined, self._tlsConnection).deaf:
            self._aborted = True
            twisteds._shutdownTLS()
            cast(Any, self.transport).loseConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        connection = cast(Examined, self._tlsConnection)
        why = self._explain(connection, self._reason or reason)
        if why is not None:
            peer: Any = cast(Any, self).getPeer()
            self.factory.note(peer, connection, why)
        super().connectionLost(reason)

    def _explain(self, connection: Examined, reason: Failure) -> tuple[str, str] | None:
        """Why it failed, and what to do about it; None: it did not, or nothing of TLS came."""
        if connection.get_state_string() == _UNTOUCHED:
            return None  # Somebody looked whether the port is open.
        if self._handshakeDone:
            spoke = self.disconnecting or self.factory.spoke(self.wrappedProtocol)
            return None if spoke else left_silent(connection.asked, self.factory.names)
        if self.disconnecting and not connection.fault:
            return TIMED_OUT, ""
        return explain(reason.value, connection.fault)


class WatchedFactory(TLSMemoryBIOFactory):
    """Lays TLS over the connections of one listener. `listener`: its name, for people. `spoke`:
    whether the client of this protocol has said anything."""

    protocol = Watched

    def __init__(
        self,
        switch: Switch,
        factory: IProtocolFactory,
        diagnoses: Diagnoses,
        listener: str,
        spoke: Callable[[IProtocol], bool],
        reactor: IReactorTime,
    ) -> None:
        super().__init__(switch, False, factory, reactor)
        self.spoke = spoke
        self._switch = switch
        self._diagnoses = diagnoses
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> Watched | None:  # type: ignore[override]
        """None: whoever is behind TLS has no room."""
        # Twisted would lay TLS over nothing.
        inner = self.wrappedFactory.buildProtocol(cast(IAddress, addr))
        return None if inner is None else self.protocol(self, inner)

    @property
    def names(self) -> tuple[str, ...]:
        """What our certificate is for."""
        return self._switch.names

    def note(self, peer: Any, connection: Examined, why: tuple[str, str]) -> None:
        """A handshake with `peer` came to nothing. `why`: the reason, and what to do about it."""
        self._diagnoses.note(
            address=str(getattr(peer, "host", "")).removeprefix("::ffff:"),
            port=int(getattr(peer, "port", 0)),
            listener=self._listener,
            asked=connection.asked,
            ours=self.names,
            reason=why[0],
            advice=why[1],
        )
