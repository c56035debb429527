"""Lets clients in or refuses them: credentials, client ids, limits, and two with the same id."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Final, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks import errors
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect
from mytracks.mqtt.routing.ports import Peer, Who
from mytracks.mqtt.routing.terms import Terms

CONNACK_CODES: Final[Mapping[type[errors.Refused], ConnackCode]] = {
    errors.Unauthenticated: ConnackCode.BAD_CREDENTIALS,
    errors.NotFound: ConnackCode.BAD_CREDENTIALS,
    errors.Invalid: ConnackCode.IDENTIFIER_REJECTED,
    errors.Forbidden: ConnackCode.NOT_AUTHORISED,
    errors.Conflict: ConnackCode.NOT_AUTHORISED,
    errors.Busy: ConnackCode.SERVER_UNAVAILABLE,
    errors.Unavailable: ConnackCode.SERVER_UNAVAILABLE,
}
"""What a refusal is called at this door."""

_Who_contra = TypeVar("_Who_contra", contravariant=True)


class Guest(Protocol[_Who_contra]):
    """A client that wants in. It may be gone before the decision: then `waiting` is False."""

    peer: Peer

    @property
    def waiting(self) -> bool: ...

    def welcome(
        self, who: _Who_contra, namespace: str, client_id: str, connect: Connect
    ) -> None: ...

    def refuse(self, code: ConnackCode, reason: str) -> None: ...

    def give_way(self) -> None: ...

    def broken(self) -> None: ...


class Guests(Protocol[_Who_contra]):
    """Those that were let in."""

    def holder(self, namespace: str, client_id: str) -> Guest[_Who_contra] | None: ...

    def has_room(self, namespace: str) -> bool: ...


class Door(Generic[Who]):
    """One for all clients of a broker."""

    log = Logger()

    def __init__(self, terms: Terms[Who], guests: Guests[Who]) -> None:
        self._terms = terms
        self._guests = guests

    def knock(self, guest: Guest[Who], connect: Connect) -> None:
        """Decide about `guest`; it is welcomed or refused, now or later."""
        if connect.identifier_missing:  # [MQTT-3.1.3-8]
            guest.refuse(ConnackCode.IDENTIFIER_REJECTED, "the client id is empty")
            return
        decided = Deferred.fromCoroutine(self._terms.gatekeeper.admit(connect, guest.peer))
        decided.addCallback(self._admitted, guest, connect)
        decided.addErrback(self._turned_down, guest)

    def _admitted(self, who: Who, guest: Guest[Who], connect: Connect) -> None:
        if not guest.waiting:
            return
        namespace = self._terms.gatekeeper.namespace(who)
        client_id = connect.client_id or f"auto-{token_hex(8)}"  # [MQTT-3.1.3-6]
        holder = self._guests.holder(namespace, client_id)
        if holder is not None:
            self._take_over(holder, guest, namespace, client_id)
        elif not self._guests.has_room(namespace):
            guest.refuse(ConnackCode.SERVER_UNAVAILABLE, "the user has too many connections")
            return
        guest.welcome(who, namespace, client_id, connect)

    def _take_over(
        self, holder: Guest[Who], guest: Guest[Who], namespace: str, client_id: str
    ) -> None:
        """The older connection goes, its Will is due [MQTT-3.1.4-2]."""
        self._terms.counters.takeovers += 1
        self._terms.incidents.took_over(namespace, client_id, holder.peer, guest.peer)
        holder.give_way()

    def _turned_down(self, failure: Failure, guest: Guest[Who]) -> None:
        code = ConnackCode.SERVER_UNAVAILABLE
        reason = "it could not be decided"
        if isinstance(failure.value, errors.Refused):
            code = CONNACK_CODES.get(errors.kind(failure.value), code)
            reason = str(failure.value)
        else:
            self.log.failure("a CONNECT could not be decided", failure)
        if guest.waiting:
            guest.refuse(code, reason)
        else:
            guest.broken()
