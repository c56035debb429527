"""`/api/admin/pki/server-cert`: the certificates that we show."""

from collections.abc import Callable, Sequence

from mytracks.errors import NotFound
from mytracks.pki.ports import KeyKind
from mytracks.pki.servers import Servers as Service
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import named, number
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki import files
from mytracks.web.api.pki.asked import BroughtServer, NewServer, as_invalid, wait_for_a_key
from mytracks.web.api.pki.shapes import USES, ServerCertificate, ServerPage, Shapes
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/admin/pki/server-cert"
_ONE = f"{_ALL}/<identifier>"
_FIELDS = {"chain": "certificate"}


class Servers:
    """Lists, makes and retires server certificates. `public_host`: how the world knows us."""

    def __init__(
        self, servers: Service, shapes: Shapes, public_host: Callable[[], str | None]
    ) -> None:
        self._servers = servers
        self._shapes = shapes
        self._public_host = public_host

    async def list(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/server-cert"""
        query = read(visit.request, PageQuery)
        found = self._servers.all()
        page = ServerPage(
            **place(visit, query, len(found)),
            results=[self._shapes.server(one) for one in part(found, query)],
        )
        return as_json(page)

    async def add(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/server-cert"""
        sent = json_body.read(visit.request, NewServer)
        kind = sent.kind(KeyKind.P256)
        wait_for_a_key(visit)
        hosts: Sequence[str] | None = sent.san_entries
        if hosts is None:
            hosts = await self._servers.suggested_names(self._public_host())
        with as_invalid():
            made = await self._servers.issue(
                sent.common_name,
                hosts,
                sent.validity_days,
                kind,
                USES[sent.use],
                by=visit.actor,
            )
        return as_json(self._shapes.server(made), 201)

    async def bring(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/server-cert/import"""
        sent = json_body.read(visit.request, BroughtServer)
        wait_for_a_key(visit)
        with named(_FIELDS):
            brought = await self._servers.bring(
                sent.certificate.encode(),
                sent.key.encode(),
                sent.password,
                use=USES[sent.use],
                by=visit.actor,
            )
        return as_json(self._shapes.server(brought), 201)

    async def active(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/server-cert/active"""
        found = self._servers.active()
        if found is None:
            raise NotFound("There is no active server certificate.")
        return as_json(self._shapes.server(found))

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/server-cert/{id}"""
        return as_json(self._shapes.server(self._servers.numbered(number(identifier))))

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/pki/server-cert/{id}"""
        with as_invalid():
            await self._servers.deactivate(number(identifier), by=visit.actor)
        return Answer(204)

    async def download(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/server-cert/{id}/download"""
        found = self._servers.numbered(number(identifier))
        return files.attachment(self._servers.pem(found.number), files.PEM, f"{found.name}.pem")

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/pki/server-cert/{id}/expunge"""
        with as_invalid():
            await self._servers.expunge(number(identifier), by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="All server certificates, the newest first.",
            query=PageQuery,
            result=ServerPage,
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        add = Operation(
            method="POST",
            handler=self.add,
            summary="Makes a server certificate, shown at once in place of the one before, which"
            " is revoked; 825 days are the most that phones take.",
            body=NewServer,
            result=ServerCertificate,
            status=201,
            refusals=(503,),
            scope=Scope.ADMIN,
        )
        return [Route(_ALL, [several, add]), *self._ones(), *self._files()]

    def _ones(self) -> Sequence[Route]:
        active = Operation(
            handler=self.active,
            summary="The server certificate that is shown.",
            result=ServerCertificate,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        show = Operation(
            handler=self.show,
            summary="One server certificate.",
            result=ServerCertificate,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        deactivate = Operation(
            method="DELETE",
            handler=self.deactivate,
            summary="Shows a server certificate no longer; one of our own is revoked.",
            status=204,
            refusals=(400, 404),
            scope=Scope.ADMIN,
        )
        expunge = Operation(
            method="DELETE",
            handler=self.expunge,
            summary="Deletes a server certificate that is not shown, with its key.",
            status=204,
            refusals=(400, 404),
            scope=Scope.ADMIN,
        )
        return [
            Route(f"{_ALL}/active", [active]),
            Route(_ONE, [show, deactivate]),
            Route(f"{_ONE}/expunge", [expunge]),
        ]

    def _files(self) -> Sequence[Route]:
        bring = Operation(
            method="POST",
            handler=self.bring,
            summary="Brings a server certificate that was made elsewhere; it is shown at once.",
            body=BroughtServer,
            result=ServerCertificate,
            status=201,
            refusals=(409, 503),
            scope=Scope.ADMIN,
        )
        download = Operation(
            handler=self.download,
            summary="A server certificate with its chain as a PEM file.",
            files=(files.PEM,),
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        return [Route(f"{_ALL}/import", [bring]), Route(f"{_ONE}/download", [download])]
