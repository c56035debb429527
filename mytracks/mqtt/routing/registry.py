"""Who is connected: how many from where, and under which client id. Decides who is too many.

Client ids of different namespaces never meet. `C` is a connection.
"""

from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred

from mytracks.mqtt.routing.limits import Limits

C = TypeVar("C", bound=Hashable)


MARGIN: Final = 32
"""Connections beyond a limit that are still told so, with a CONNACK, when they say CONNECT."""


class Arrival(Enum):
    """How many there are once a connection has come, in all or from its address."""

    WITHIN_LIMITS = "within the limits"
    TOO_MANY = "above a limit"
    FAR_TOO_MANY = "above a limit by more than we bother to answer"


class Connected(Protocol):
    """What a conversation tells and asks of those that were let in."""

    def leave(self, namespace: str, client_id: str) -> None: ...

    def free(self, namespace: str, client_id: str) -> bool: ...


class Registry(Generic[C]):
    """All connections of one broker, those that have not yet said who they are included.

    `clients`: how many were let in; `most_clients`: how many that have been at the same time.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._here: set[C] = set()
        self._from: dict[str, int] = {}
        self._namespaces: dict[str, dict[str, C]] = {}
        self._when_empty: list[Deferred[None]] = []
        self.clients = 0
        self.most_clients = 0

    def __len__(self) -> int:
        return len(self._here)

    def __iter__(self) -> Iterator[C]:
        """A snapshot: connections may come and go meanwhile."""
        return iter(list(self._here))

    def arrive(self, connection: C, address: str) -> Arrival:
        """Count a new connection."""
        self._here.add(connection)
        self._from[address] = self._from.get(address, 0) + 1
        excess = max(
            len(self._here) - self.limits.max_connections,
            self._from[address] - self.limits.max_connections_per_address,
        )
        if excess <= 0:
            return Arrival.WITHIN_LIMITS
        return Arrival.TOO_MANY if excess <= MARGIN else Arrival.FAR_TOO_MANY

    def depart(self, connection: C, address: str) -> None:
        """It is gone."""
        if connection in self._here:
            self._here.discard(connection)
            self._from[address] -= 1
            if not self._from[address]:
                del self._from[address]
            if self._when_empty and not self._here:
                waiting, self._when_empty = self._when_empty, []
                for each in waiting:
                    each.callback(None)

    def empty(self) -> Deferred[None]:
        """Fires when nobody is here."""
        awaited: Deferred[None] = Deferred()
        if self._here:
            self._when_empty.append(awaited)
        else:
            awaited.callback(None)
        return awaited

    def holder(self, namespace: str, client_id: str) -> C | None:
        """The connection that uses this client id now."""
        return self._namespaces.get(namespace, {}).get(client_id)

    def free(self, namespace: str, client_id: str) -> bool:
        """Whether no connection uses this client id now."""
        return client_id not in self._namespaces.get(namespace, ())

    def has_room(self, namespace: str) -> bool:
        """Whether one more client id may connect."""
        there = len(self._namespaces.get(namespace, ()))
        return there < self.limits.max_connections_per_user

    def enter(self, namespace: str, client_id: str, connection: C) -> None:
        """The client id is free, and from now on in use."""
        self._namespaces.setdefault(namespace, {})[client_id] = connection
        self.clients += 1
        self.most_clients = max(self.clients, self.most_clients)

    def leave(self, namespace: str, client_id: str) -> None:
        """The client id is free again."""
        theirs = self._namespaces[namespace]
        del theirs[client_id]
        self.clients -= 1
        if not theirs:
            del self._namespaces[namespace]
