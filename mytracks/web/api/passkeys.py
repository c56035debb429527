"""`/api/account/passkeys`: what the caller signs in with instead of a password."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mytracks.clock import iso
from mytracks.errors import Forbidden
from mytracks.people.build import People
from mytracks.people.factor_ports import Passkey as Stored
from mytracks.people.passkeys import LONGEST_LABEL
from mytracks.people.sessions import digest
from mytracks.web import json_body, passkey_site
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.paging import Page, PageQuery, part, place
from mytracks.web.confirmation import check_fresh
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey. `backed_up`: copies of it are on other devices of its owner."""

    id: int
    name: str
    created_at: str
    last_used_at: str | None
    transports: list[str]
    backed_up: bool


class PasskeyPage(Page, frozen=True, kw_only=True):
    """One page of passkeys, oldest first."""

    results: list[Passkey]


class Begin(json_body.Body, frozen=True, kw_only=True):
    """Nothing is to be told."""


class NewPasskey(json_body.Body, frozen=True, kw_only=True):
    """What the browser made (`PublicKeyCredential` as JSON), and what its owner calls it."""

    credential: dict[str, Any]
    name: Annotated[str, Meta(max_length=LONGEST_LABEL)] = ""


class Passkeys:
    """Lists, adds and removes the caller's passkeys."""

    def __init__(self, people: People, public_url: Callable[[], str | None]) -> None:
        self._people = people
        self._passkeys = people.passkeys
        self._public_url = public_url

    async def list(self, visit: Visit) -> Answer:
        """GET /api/account/passkeys"""
        query = read(visit.request, PageQuery)
        found = self._passkeys.of(visit.who.user)
        page = PasskeyPage(
            **place(visit, query, len(found)),
            results=[_shown(one) for one in part(found, query)],
        )
        return as_json(page)

    async def options(self, visit: Visit) -> Answer:
        """POST /api/account/passkeys/options"""
        json_body.read(visit.request, Begin)
        check_fresh(self._people, visit)
        site = passkey_site.site(visit.request, self._public_url())
        return as_json(self._passkeys.begin_adding(visit.who.user, site, _holder(visit)))

    async def add(self, visit: Visit) -> Answer:
        """POST /api/account/passkeys"""
        sent = json_body.read(visit.request, NewPasskey)
        made = await self._passkeys.add(
            visit.who.user,
            sent.credential,
            sent.name,
            site=passkey_site.site(visit.request, self._public_url()),
            holder=_holder(visit),
            by=visit.actor,
        )
        return as_json(_shown(made), 201)

    async def remove(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/account/passkeys/{id}"""
        await self._passkeys.remove(visit.who.user, number(identifier), by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="The caller's passkeys.",
            query=PageQuery,
            result=PasskeyPage,
            refusals=(400,),
            scope=None,
        )
        options = Operation(
            method="POST",
            handler=self.options,
            summary="What a browser needs to make a passkey.",
            body=Begin,
            result=dict[str, Any],
            refusals=(409,),
        )
        add = Operation(
            method="POST",
            handler=self.add,
            summary="Keeps a passkey that the browser of this session made.",
            body=NewPasskey,
            result=Passkey,
            status=201,
            refusals=(409,),
        )
        remove = Operation(
            method="DELETE",
            handler=self.remove,
            summary="Removes a passkey.",
            status=204,
            refusals=(404,),
        )
        return [
            Route("/api/account/passkeys", [several, add]),
            Route("/api/account/passkeys/options", [options]),
            Route("/api/account/passkeys/<identifier>", [remove]),
        ]


def _holder(visit: Visit) -> str:
    """The browser. Raises Forbidden where it is none."""
    if visit.session is None:
        raise Forbidden("Passkeys are made in a browser that is signed in.")
    return digest(visit.session).hex()


def _shown(passkey: Stored) -> Passkey:
    return Passkey(
        id=passkey.number,
        name=passkey.label,
        created_at=iso(passkey.created),
        last_used_at=None if passkey.last_used is None else iso(passkey.last_used),
        transports=list(passkey.transports),
        backed_up=passkey.backed_up,
    )
