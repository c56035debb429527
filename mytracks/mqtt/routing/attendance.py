"""Who is here, who will be back, who was not let in and who fights: for administrators.

What is told is made when it is asked for, one by one: there may be ten thousand.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from mytracks.clock import Clock
from mytracks.mqtt.routing.entries import Connected, Contention, Offline, Refusal, offline
from mytracks.mqtt.routing.incidents import Incidents
from mytracks.mqtt.routing.ports import Peer
from mytracks.mqtt.routing.sessions import Sessions
from mytracks.mqtt.routing.subscriptions import Subscriptions

Entry = TypeVar("Entry")

Tell: TypeAlias = Callable[[], Entry]
"""Makes one entry; it may be asked a little later, and tells what is then."""


class Conversing(Protocol):
    """What is said with a client."""

    @property
    def namespace(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    def tell(self, peer: Peer, heard: float) -> Connected:
        """How it stands. `heard`: UTC epoch seconds of when the client last said anything."""


class Guest(Protocol):
    """A connection. `heard`: clock seconds."""

    peer: Peer
    heard: float

    @property
    def talk(self) -> Conversing | None:
        """None: it was not let in."""


class Attendance:
    """Of one broker."""

    def __init__(
        self,
        guests: Iterable[Guest],
        sessions: Sessions[Any],
        subscriptions: Subscriptions[Any],
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._guests = guests
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._incidents = incidents
        self._clock = clock

    def connected(self) -> Sequence[Tell[Connected]]:
        """By user and client id."""
        clock = self._clock
        offset = clock.now() - clock.seconds()
        here = [(talk, guest) for guest in self._guests if (talk := guest.talk) is not None]
        here.sort(key=lambda pair: (pair[0].namespace, pair[0].client_id))
        return [partial(talk.tell, guest.peer, guest.heard + offset) for talk, guest in here]

    def by_certificate(self) -> Mapping[bytes, int]:
        """How many clients are connected by each client certificate, by its SHA-256."""
        shown = (each.peer.certificate for each in self._guests if each.talk is not None)
        return Counter(mark for mark in shown if mark is not None)

    def offline(self) -> Sequence[Tell[Offline]]:
        """By user and client id."""
        away = [session for session in self._sessions if not session.online]
        away.sort(key=lambda session: (session.namespace, session.client_id))
        filters = self._subscriptions.of_durable
        return [partial(offline, session, filters(session)) for session in away]

    def contentions(self) -> Sequence[Contention]:
        """Client ids that change hands again and again, the latest first."""
        return self._incidents.contentions

    def refusals(self) -> Sequence[Refusal]:
        """CONNECTs that were refused, the latest first."""
        return self._incidents.refusals
