"""`/api/admin/pki/server-cert`: the certificates that we show."""

from collections.abc import Callable, Sequence
from typing import Final

from mytracks.pki.ports import KeyKind
from mytracks.pki.servers import Servers as Service
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import named
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki.asked import BroughtServer, NewServer, as_invalid, wait_for_a_key
from mytracks.web.api.pki.shapes import USES, ServerCertificate, ServerPage, Shapes
from mytracks.web.api.pki.shelf import Shelf, Told
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/admin/pki/server-cert"
_FIELDS = {"chain": "certificate"}
_TOLD: Final = Told(
    active="The server certificate that is shown.",
    none="There is no active server certificate.",
    show="One server certificate.",
    download="A server certificate with its chain as a PEM file.",
    deactivate="Shows a server certificate no longer; one of our own is revoked.",
    expunge="Deletes a server certificate that is not shown, with its key.",
)


class Servers:
    """Lists and makes server certificates; the rest is done on the shelf. `public_host`: how the
    world knows us."""

    def __init__(
        self, servers: Service, shapes: Shapes, public_host: Callable[[], str | None]
    ) -> None:
        self._servers = servers
        self._shapes = shapes
        self._shelf = Shelf(
            _ALL,
            servers,
            _TOLD,
            shown=shapes.server,
            result=ServerCertificate,
            called=lambda one: one.name,
        )
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
        return [
            Route(_ALL, [several, add]),
            Route(f"{_ALL}/import", [bring]),
            *self._shelf.routes(),
        ]
