"""`/api/admin/connections`: MQTT clients as administrators see them, whatever their state, and who
was not let in by HTTP.

One list; `state` says what an entry is and which members it has. Nothing of it tells where anybody
is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias, cast
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from mytracks.clock import Clock, iso
from mytracks.mqtt.routing import entries
from mytracks.mqtt.routing.attendance import Attendance
from mytracks.pki.handshakes import Diagnoses, Diagnosis
from mytracks.sharing.identity import Scope
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.paging import Page
from mytracks.web.api.slices import encoded
from mytracks.web.query import Query, read
from mytracks.web.routes import Operation, Route, Visit
from mytracks.web.turned_away import TurnedAway

State: TypeAlias = Literal["connected", "offline", "contended", "refused", "handshake"]

STATES: Final[Sequence[State]] = ("connected", "offline", "contended", "refused", "handshake")
"""In the order in which they are listed."""


class ConnectionsQuery(Query, frozen=True, kw_only=True):
    """Which part of the list."""

    state: Annotated[list[State], Meta(description="Repeatable; all if not given.")] = (
        msgspec.field(default_factory=list)
    )
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, Meta(ge=0, lt=2**31)] = 0


class ConnectedClient(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="connected"
):
    """A client that is connected. `in_flight`: messages that it has not acknowledged; `queued`:
    those that wait behind them. `refused_publishes`: those that it had no right to."""

    client_id: str
    user: str
    address: str
    port: int
    listener: str
    protocol_level: int
    clean_session: bool
    connected_at: str
    last_heard: str
    keepalive: int
    subscriptions: int
    in_flight: int
    queued: int
    has_will: bool
    refused_publishes: int
    last_refused_topic: str | None


class OfflineSession(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="offline"):
    """A durable session whose client is away. `dropped`: messages lost to a full queue, ever;
    `displaced`: by newer ones of their topic, since the server started. `queued_bytes`: as the
    limit counts them, a message's costs included."""

    client_id: str
    user: str
    protocol_level: int
    offline_since: str
    subscriptions: int
    queued: int
    queued_bytes: int
    dropped: int
    displaced: int


class ContendedClientId(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="contended"
):
    """A client id that two connections take from each other. `addresses`: of the one that lost it
    last and of the one that took it. `takeovers`: in the last ten minutes."""

    client_id: str
    user: str
    addresses: tuple[str, str]
    listeners: tuple[str, str]
    takeovers: int
    first_at: str
    last_at: str


class RefusedConnect(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="refused"):
    """One of the last hundred CONNECTs that were refused, or one whom HTTP did not let in. `user`,
    `client_id`: as it claimed; null: it did not say, or by HTTP, named nobody. `port`: null by
    HTTP. `code`: the CONNACK's, or what it would be."""

    at: str
    client_id: str | None
    user: str | None
    address: str
    port: int | None
    listener: str
    code: str
    reason: str


class FailedHandshake(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="handshake"
):
    """A kind of TLS handshake that came to nothing, and when it came last; `times`: how often, from
    that address. `sni`: the server name that was asked for, beside `names`, which our certificate
    is for. `advice`: what to do about it; empty: not known."""

    at: str
    address: str
    port: int
    listener: str
    sni: str | None
    names: list[str]
    reason: str
    advice: str
    times: int


Entry: TypeAlias = (
    ConnectedClient | OfflineSession | ContendedClientId | RefusedConnect | FailedHandshake
)


class ConnectionPage(Page, frozen=True, kw_only=True):
    """One page: who is connected and who is offline, by user and client id; then contended client
    ids, refusals and failed handshakes, the latest first."""

    results: list[Entry]


class Connections:
    """Reads who is there. `attendance`: the broker's. `handshakes`: of all TLS listeners."""

    def __init__(
        self,
        attendance: Attendance,
        turned_away: TurnedAway,
        handshakes: Diagnoses,
        clock: Clock,
    ) -> None:
        self._attendance = attendance
        self._turned_away = turned_away
        self._handshakes = handshakes
        self._clock = clock

    async def several(self, visit: Visit) -> Answer:
        """GET /api/admin/connections"""
        query = read(visit.request, ConnectionsQuery)
        found = [tell for state in STATES if _wanted(state, query) for tell in self._of(state)]
        end = query.offset + query.limit
        page = ConnectionPage(
            count=len(found),
            next=_link(visit, query, end) if end < len(found) else None,
            previous=(
                _link(visit, query, max(0, query.offset - query.limit)) if query.offset else None
            ),
            results=cast(Any, await encoded(found[query.offset : end], _told, self._clock)),
        )
        return as_json(page)

    def routes(self) -> Sequence[Route]:
        """The path of this noun."""
        several = Operation(
            handler=self.several,
            summary="MQTT clients: connected, offline, contended and refused; and TLS handshakes"
            " that failed. For administrators.",
            query=ConnectionsQuery,
            result=ConnectionPage,
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        return [Route("/api/admin/connections", [several])]

    def _of(self, state: State) -> Sequence[Callable[[], Entry]]:
        """Entries are made when their turn comes: there may be ten thousand."""
        attendance = self._attendance
        if state == "connected":
            return [partial(_connected, tell) for tell in attendance.connected()]
        if state == "offline":
            return [partial(_offline, tell) for tell in attendance.offline()]
        if state == "contended":
            return [partial(_contended, one) for one in attendance.contentions()]
        if state == "handshake":
            return [partial(_failed, one) for one in self._handshakes.latest()]
        return [partial(_refused, one) for one in self._turned_away()]


def _wanted(state: State, query: ConnectionsQuery) -> bool:
    return not query.state or state in query.state


def _told(tell: Callable[[], Entry]) -> Entry:
    return tell()


def _connected(tell: Callable[[], entries.Connected]) -> ConnectedClient:
    one = tell()
    return ConnectedClient(
        client_id=one.client_id,
        user=one.namespace,
        address=one.peer.address,
        port=one.peer.port,
        listener=one.peer.listener,
        protocol_level=one.level,
        clean_session=one.clean,
        connected_at=iso(one.since),
        last_heard=iso(one.heard),
        keepalive=one.keepalive,
        subscriptions=one.subscriptions,
        in_flight=one.inflight,
        queued=one.queued,
        has_will=one.will,
        refused_publishes=one.refused,
        last_refused_topic=one.refused_topic or None,
    )


def _offline(tell: Callable[[], entries.Offline]) -> OfflineSession:
    one = tell()
    return OfflineSession(
        client_id=one.client_id,
        user=one.namespace,
        protocol_level=one.level,
        offline_since=iso(one.seen),
        subscriptions=one.subscriptions,
        queued=one.queued,
        queued_bytes=one.queued_bytes,
        dropped=one.dropped,
        displaced=one.displaced,
    )


def _contended(one: entries.Contention) -> ContendedClientId:
    return ContendedClientId(
        client_id=one.client_id,
        user=one.namespace,
        addresses=(one.older.address, one.newer.address),
        listeners=(one.older.listener, one.newer.listener),
        takeovers=one.takeovers,
        first_at=iso(one.since),
        last_at=iso(one.at),
    )


def _refused(one: entries.Refusal) -> RefusedConnect:
    return RefusedConnect(
        at=iso(one.at),
        client_id=one.client_id,
        user=one.username,
        address=one.peer.address,
        port=one.peer.port or None,
        listener=one.peer.listener,
        code=one.code,
        reason=one.reason,
    )


def _failed(one: Diagnosis) -> FailedHandshake:
    return FailedHandshake(
        at=iso(one.at),
        address=one.address,
        port=one.port,
        listener=one.listener,
        sni=one.asked,
        names=list(one.ours),
        reason=one.reason,
        advice=one.advice,
        times=one.times,
    )


def _link(visit: Visit, query: ConnectionsQuery, offset: int) -> str:
    asked: list[tuple[str, object]] = [("state", state) for state in query.state]
    asked += [("limit", query.limit), ("offset", offset)]
    return visit.request.absolute(f"/api/admin/connections?{urlencode(asked)}")
