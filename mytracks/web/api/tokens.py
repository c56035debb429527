"""`/api/account/tokens`: what the caller's scripts and programs sign in by."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mytracks.clock import iso
from mytracks.errors import Invalid, NotFound
from mytracks.people.build import People
from mytracks.people.ports import Token as Stored
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.paging import Page, PageQuery, part, place
from mytracks.web.api.times import seconds
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

ScopeName = Literal["ingest", "read", "command", "admin", "read:metrics"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token, without what opens the door. `expires_at`: null: never."""

    id: int
    name: str
    scopes: list[ScopeName]
    created_at: str
    last_used_at: str | None
    expires_at: str | None


class NewToken(json_body.Body, frozen=True, kw_only=True):
    """A token to be made. `expires_at`: ISO 8601, in the future; null: never."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[ScopeName], Meta(min_length=1, max_length=5)]
    expires_at: Annotated[str, Meta(max_length=40)] | None = None


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token. `token`: what is shown to us; it is told this once."""

    id: int
    name: str
    scopes: list[ScopeName]
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    token: str


class TokenPage(Page, frozen=True, kw_only=True):
    """One page of tokens."""

    results: list[Token]


class Tokens:
    """Lists, makes and revokes the caller's tokens."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def list(self, visit: Visit) -> Answer:
        """GET /api/account/tokens"""
        query = read(visit.request, PageQuery)
        found = self._people.tokens.of(visit.who.user)
        page = TokenPage(
            **place(visit, query, len(found)),
            results=[_shown(one) for one in part(found, query)],
        )
        return as_json(page)

    async def make(self, visit: Visit) -> Answer:
        """POST /api/account/tokens"""
        sent = json_body.read(visit.request, NewToken)
        account = self._people.accounts.numbered(visit.who.user)
        if account is None:
            raise NotFound("The account is gone.")
        expires = None if sent.expires_at is None else _time(sent.expires_at)
        scopes = frozenset(Scope(scope) for scope in sent.scopes)
        issued = await self._people.tokens.issue(
            account, sent.name, scopes, expires, by=visit.actor
        )
        shown = msgspec.structs.asdict(_shown(issued.token))
        return as_json(IssuedToken(**shown, token=issued.text), 201)

    async def revoke(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/account/tokens/{id}"""
        await self._people.tokens.revoke(visit.who.user, number(identifier), by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="The caller's API tokens.",
            query=PageQuery,
            result=TokenPage,
            refusals=(400,),
            scope=None,
        )
        make = Operation(
            method="POST",
            handler=self.make,
            summary="Makes an API token. It is told once; only administrators hold `admin` and "
            "`read:metrics`.",
            body=NewToken,
            result=IssuedToken,
            status=201,
            refusals=(409,),
        )
        revoke = Operation(
            method="DELETE",
            handler=self.revoke,
            summary="Revokes an API token, at once.",
            status=204,
            refusals=(404,),
        )
        return [
            Route("/api/account/tokens", [several, make]),
            Route("/api/account/tokens/<identifier>", [revoke]),
        ]


def _time(text: str) -> int:
    try:
        return seconds(text, end_of_day=True)
    except (ValueError, OverflowError):
        text = "Not an ISO 8601 date or time."
        raise Invalid("The body cannot be used.", {"expires_at": [text]}) from None


def _shown(token: Stored) -> Token:
    return Token(
        id=token.number,
        name=token.name,
        scopes=[scope.value for scope in Scope if scope in token.scopes],
        created_at=iso(token.created),
        last_used_at=None if token.last_used is None else iso(token.last_used),
        expires_at=None if token.expires is None else iso(token.expires),
    )
