"""Who is connected: how many from where, and under which client id. Decides who is too many.

Client ids of different namespaces never meet. `C` is a connection.
"""

from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field
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


class Subscribers(Protocol):
    """What a conversation needs to know of the others: no more than counts."""

    def leave(self, namespace: str, client_id: str, subscriptions: int) -> None: ...

    def may_subscribe(self, namespace: str) -> bool: ...

    def subscribed(self, namespace: str, change: int) -> None: ...


@define(eq=False)
class _Namespace(Generic[C]):
    by_id: dict[str, C] = field(factory=dict)
    subscriptions: int = 0


class Registry(Generic[C]):
    """All connections of one broker, those that have not yet said who they are included."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._here: set[C] = set()
        self._from: dict[str, int] = {}
        self._namespaces: dict[str, _Namespace[C]] = {}
        self._when_empty: list[Deferred[None]] = []

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
        inhabitants = self._namespaces.get(namespace)
        return None if inhabitants is None else inhabitants.by_id.get(client_id)

    def has_room(self, namespace: str) -> bool:
        """Whether one more client id may connect."""
        inhabitants = self._namespaces.get(namespace)
        return inhabitants is None or (
            len(inhabitants.by_id) < self.limits.max_connections_per_user
        )

    def enter(self, namespace: str, client_id: str, connection: C) -> None:
        """The client id is free, and from now on in use."""
        self._namespaces.setdefault(namespace, _Namespace()).by_id[client_id] = connection

    def leave(self, namespace: str, client_id: str, subscriptions: int) -> None:
        """The client id is free again, and so are its `subscriptions`."""
        inhabitants = self._namespaces[namespace]
        del inhabitants.by_id[client_id]
        inhabitants.subscriptions -= subscriptions
        if not inhabitants.by_id:
            del self._namespaces[namespace]

    def may_subscribe(self, namespace: str) -> bool:
        """Whether one more subscription is within the limit."""
        return self._namespaces[namespace].subscriptions < self.limits.max_subscriptions

    def subscribed(self, namespace: str, change: int) -> None:
        """Count subscriptions made (1) or ended (-1)."""
        self._namespaces[namespace].subscriptions += change
