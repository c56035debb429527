"""`/api/account/sessions`: the browsers in which the caller is signed in."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from mytracks.clock import iso
from mytracks.people.ports import Factor, WebSession
from mytracks.people.sessions import Sessions as Signed
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.paging import Page, PageQuery, part, place
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

FactorName = Literal["password", "totp", "passkey", "recovery"]

_FACTORS: Sequence[tuple[Factor, FactorName]] = (
    (Factor.PASSWORD, "password"),
    (Factor.TOTP, "totp"),
    (Factor.PASSKEY, "passkey"),
    (Factor.RECOVERY, "recovery"),
)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in. `agent`: what it calls itself. `current`: the one that asks.
    `factors`: by what its user signed in."""

    id: str
    created_at: str
    last_seen: str
    expires_at: str
    address: str
    agent: str
    current: bool
    factors: list[FactorName]


class SessionPage(Page, frozen=True, kw_only=True):
    """One page of sessions, the latest seen first."""

    results: list[Session]


class Sessions:
    """Lists and ends the caller's sessions."""

    def __init__(self, sessions: Signed) -> None:
        self._sessions = sessions

    async def list(self, visit: Visit) -> Answer:
        """GET /api/account/sessions"""
        query = read(visit.request, PageQuery)
        found = self._sessions.of(visit.who.user)
        page = SessionPage(
            **place(visit, query, len(found)),
            results=[_shown(one, visit.who.session) for one in part(found, query)],
        )
        return as_json(page)

    async def end(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/account/sessions/{id}"""
        await self._sessions.end_one(visit.who.user, identifier, by=visit.actor)
        return Answer(204)

    async def end_others(self, visit: Visit) -> Answer:
        """DELETE /api/account/sessions: all but the one that asks."""
        await self._sessions.end_others(visit.who.user, visit.who.session, by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="The browsers in which the caller is signed in.",
            query=PageQuery,
            result=SessionPage,
            refusals=(400,),
            scope=None,
        )
        others = Operation(
            method="DELETE",
            handler=self.end_others,
            summary="Signs all the caller's other browsers out.",
            status=204,
        )
        one = Operation(
            method="DELETE",
            handler=self.end,
            summary="Signs one browser out.",
            status=204,
            refusals=(404,),
        )
        return [
            Route("/api/account/sessions", [several, others]),
            Route("/api/account/sessions/<identifier>", [one]),
        ]


def _shown(session: WebSession, own: bytes | None) -> Session:
    return Session(
        id=session.id,
        created_at=iso(session.created),
        last_seen=iso(session.seen),
        expires_at=iso(session.expires),
        address=session.address,
        agent=session.agent,
        current=session.token_hash == own,
        factors=[name for factor, name in _FACTORS if factor & session.factors],
    )
