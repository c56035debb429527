"""What an administrator is shown of clients: those that are here, those that will be back, those
that were not let in, and those that fight. Values; times are UTC epoch seconds.
"""

from collections.abc import Collection
from typing import Any, Final, Protocol

from attrs import frozen

from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.ports import Peer

LONGEST: Final = 200
"""Characters that are shown of a client id, a user name or a topic: somebody else chose them."""


@frozen(kw_only=True)
class Connected:
    """A client that is here. `clean`: its session ends with the connection. `inflight`: messages
    that it has not acknowledged; `queued`: those that wait behind them. `refused`: PUBLISHes that
    it had no right to, the latest of them to `refused_topic`.
    """

    namespace: str
    client_id: str
    peer: Peer
    level: int
    clean: bool
    since: float
    heard: float
    keepalive: int
    subscriptions: int
    inflight: int
    queued: int
    will: bool
    refused: int
    refused_topic: str


@frozen(kw_only=True)
class Offline:
    """A session whose client is not here, since `seen`. `dropped`: messages lost to a full queue,
    ever; `displaced`: by newer ones of their topic, since we started.
    """

    namespace: str
    client_id: str
    level: int
    seen: float
    subscriptions: int
    queued: int
    queued_bytes: int
    dropped: int
    displaced: int


@frozen(kw_only=True)
class Refusal:
    """A CONNECT that was refused. `username`, `client_id`: as it claims; None: it says none, or
    what it says is not understood. `code`: the CONNACK's, by name.
    """

    at: float
    peer: Peer
    username: str | None
    client_id: str | None
    code: str
    reason: str


@frozen(kw_only=True)
class Contention:
    """Two connections that take one client id from each other, `takeovers` times in the last ten
    minutes, most recently at `at`: that at `newer` from that at `older`.
    """

    namespace: str
    client_id: str
    older: Peer
    newer: Peer
    takeovers: int
    since: float
    at: float


class Talk(Protocol):
    """A conversation, as far as it is told of."""

    since: float
    refused: int
    refused_topic: str
    durable: DurableSession[Any] | None

    @property
    def namespace(self) -> str: ...

    @property
    def client_id(self) -> str: ...


def connected(
    talk: Talk,
    machine: Connection,
    *,
    peer: Peer,
    heard: float,
    subscriptions: int,
    waiting: int,
    will: bool,
) -> Connected:
    """How `talk` over `machine` stands. `waiting`: messages in a clean session's queue."""
    connect = machine.connect
    inflight = machine.inflight
    if talk.durable is not None:
        waiting = max(0, talk.durable.queued - len(talk.durable.settling) - inflight)
    return Connected(
        namespace=talk.namespace,
        client_id=shortened(talk.client_id),
        peer=peer,
        level=0 if connect is None else connect.level,
        clean=talk.durable is None,
        since=talk.since,
        heard=heard,
        keepalive=0 if connect is None else connect.keepalive,
        subscriptions=subscriptions,
        inflight=inflight,
        queued=waiting,
        will=will,
        refused=talk.refused,
        refused_topic=shortened(talk.refused_topic),
    )


def offline(session: DurableSession[Any], filters: Collection[str]) -> Offline:
    """How the session of a client that is not here stands. `filters`: its subscriptions."""
    return Offline(
        namespace=session.namespace,
        client_id=shortened(session.client_id),
        level=session.level,
        seen=session.seen,
        subscriptions=len(filters),
        queued=session.queued - len(session.settling),
        queued_bytes=session.queued_size,
        dropped=session.trimmed,
        displaced=session.displaced,
    )


def shortened(text: str) -> str:
    """Not more of it than anybody reads."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
