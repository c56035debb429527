"""`/api/admin/pki/client-certs`: by what phones come in without a password."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from msgspec import Meta

from mytracks.clock import Clock
from mytracks.errors import NotFound
from mytracks.people.accounts import Accounts
from mytracks.people.ports import Account
from mytracks.pki.clients import Clients as Service
from mytracks.pki.ports import KeyKind
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki import files
from mytracks.web.api.pki.asked import (
    BroughtClient,
    NewClient,
    Revocation,
    as_invalid,
    wait_for_a_key,
)
from mytracks.web.api.pki.bundle import Bundle, bundled
from mytracks.web.api.pki.shapes import REASONS, ClientCertificate, ClientPage, Shapes, called
from mytracks.web.api.slices import encoded
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/admin/pki/client-certs"
_ONE = f"{_ALL}/<identifier>"


class ClientQuery(PageQuery, frozen=True, kw_only=True):
    """Which part of the list, and of whose."""

    user_id: Annotated[int, Meta(ge=0, lt=2**62, description="All if not given.")] | None = None


class Clients:
    """Lists, makes, revokes and hands out client certificates."""

    def __init__(self, clients: Service, accounts: Accounts, shapes: Shapes, clock: Clock) -> None:
        self._clients = clients
        self._accounts = accounts
        self._shapes = shapes
        self._clock = clock

    async def list(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/client-certs"""
        query, clients = read(visit.request, ClientQuery), self._clients
        found = clients.all() if query.user_id is None else clients.of(query.user_id)
        shown = await encoded(part(found, query), self._shapes.client, self._clock)
        page = ClientPage(
            **place(visit, query, len(found)),
            results=cast(Any, shown),
        )
        return as_json(page)

    async def add(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/client-certs"""
        sent = json_body.read(visit.request, NewClient)
        kind, account = sent.kind(KeyKind.RSA_2048), self._user(sent.user_id)
        wait_for_a_key(visit)
        with as_invalid():
            made = await self._clients.issue(
                account.number,
                account.name,
                sent.validity_days,
                kind,
                by=visit.actor,
                grace_days=sent.grace_days,
            )
        return as_json(self._shapes.client(made), 201)

    async def bring(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/client-certs/import"""
        sent = json_body.read(visit.request, BroughtClient)
        account = self._user(sent.user_id)
        wait_for_a_key(visit)
        brought = await self._clients.bring(
            account.number,
            sent.certificate.encode(),
            None if sent.key is None else sent.key.encode(),
            sent.password,
            by=visit.actor,
        )
        return as_json(self._shapes.client(brought), 201)

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/client-certs/{id}"""
        return as_json(self._shapes.client(self._clients.numbered(number(identifier))))

    async def revoke(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/admin/pki/client-certs/{id}/revoke"""
        sent = json_body.read(visit.request, Revocation)
        with as_invalid():
            revoked = await self._clients.revoke(
                number(identifier), REASONS[sent.reason], by=visit.actor
            )
        return as_json(self._shapes.client(revoked))

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/pki/client-certs/{id}/expunge"""
        with as_invalid():
            await self._clients.expunge(number(identifier), by=visit.actor)
        return Answer(204)

    async def certificate(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/client-certs/{id}/download"""
        found = self._clients.numbered(number(identifier))
        name = f"{called(found)}.pem"
        return files.attachment(self._clients.pem(found.number), files.PEM, name)

    async def bundle(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/admin/pki/client-certs/{id}/download"""
        return await bundled(visit, self._clients, self._clients.numbered(number(identifier)))

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="Client certificates, the newest first.",
            query=ClientQuery,
            result=ClientPage,
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        add = Operation(
            method="POST",
            handler=self.add,
            summary="Makes a client certificate in place of the user's one before, which is"
            " revoked at once or after `grace_days`.",
            body=NewClient,
            result=ClientCertificate,
            status=201,
            refusals=(404, 503),
            scope=Scope.ADMIN,
        )
        bring = Operation(
            method="POST",
            handler=self.bring,
            summary="Lets a client certificate in that one of our authorities signed elsewhere.",
            body=BroughtClient,
            result=ClientCertificate,
            status=201,
            refusals=(404, 409, 503),
            scope=Scope.ADMIN,
        )
        return [
            Route(_ALL, [several, add]),
            Route(f"{_ALL}/import", [bring]),
            *self._ones(),
            self._files(),
        ]

    def _ones(self) -> Sequence[Route]:
        show = Operation(
            handler=self.show,
            summary="One client certificate.",
            result=ClientCertificate,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        revoke = Operation(
            method="POST",
            handler=self.revoke,
            summary="Lets nobody in by it any more; who is connected by it is cut within a second.",
            body=Revocation,
            result=ClientCertificate,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        expunge = Operation(
            method="DELETE",
            handler=self.expunge,
            summary="Deletes one that lets nobody in; its serial stays on the revocation list"
            " until it expires.",
            status=204,
            refusals=(400, 404),
            scope=Scope.ADMIN,
        )
        return [
            Route(_ONE, [show]),
            Route(f"{_ONE}/revoke", [revoke]),
            Route(f"{_ONE}/expunge", [expunge]),
        ]

    def _files(self) -> Route:
        certificate = Operation(
            handler=self.certificate,
            summary="A client certificate without its key as a PEM file.",
            files=(files.PEM,),
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        bundle = Operation(
            method="POST",
            handler=self.bundle,
            summary="Certificate, key and authority in one file, locked with a password.",
            body=Bundle,
            files=(files.PKCS12, files.PEM),
            refusals=(404, 503),
            scope=Scope.ADMIN,
        )
        return Route(f"{_ONE}/download", [certificate, bundle])

    def _user(self, user: int) -> Account:
        account = self._accounts.numbered(user)
        if account is None:
            raise NotFound("There is no such user.")
        return account
