"""`/api/account/certificates`: the caller's own client certificates."""

from collections.abc import Sequence

from mytracks.errors import NotFound
from mytracks.pki.clients import Clients
from mytracks.pki.ports import Leaf
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki import files
from mytracks.web.api.pki.bundle import Bundle, bundled
from mytracks.web.api.pki.shapes import ClientPage, Shapes
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/account/certificates"


class OwnCertificates:
    """Shows and hands out what is the caller's. An administrator makes and revokes them."""

    def __init__(self, clients: Clients, shapes: Shapes) -> None:
        self._clients = clients
        self._shapes = shapes

    async def list(self, visit: Visit) -> Answer:
        """GET /api/account/certificates"""
        query = read(visit.request, PageQuery)
        found = self._clients.of(visit.who.user)
        page = ClientPage(
            **place(visit, query, len(found)),
            results=[self._shapes.client(one) for one in part(found, query)],
        )
        return as_json(page)

    async def bundle(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/account/certificates/{id}/download"""
        return await bundled(visit, self._clients, self._own(visit, identifier))

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="The caller's own client certificates, the newest first.",
            query=PageQuery,
            result=ClientPage,
            refusals=(400,),
            scope=None,
        )
        bundle = Operation(
            method="POST",
            handler=self.bundle,
            summary="The caller's own certificate, key and authority in one file, locked with a"
            " password.",
            body=Bundle,
            files=(files.PKCS12, files.PEM),
            refusals=(404, 503),
            scope=None,
        )
        return [Route(_ALL, [several]), Route(f"{_ALL}/<identifier>/download", [bundle])]

    def _own(self, visit: Visit, identifier: str) -> Leaf:
        """Somebody else's is told like one that is not there."""
        found = self._clients.numbered(number(identifier))
        if found.user != visit.who.user:
            raise NotFound("There is no such client certificate.")
        return found
