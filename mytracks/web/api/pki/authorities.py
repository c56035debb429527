"""`/api/admin/pki/ca`: the certificate authorities."""

from collections.abc import Sequence
from typing import Final

from mytracks.pki.authority import Authorities as Service
from mytracks.pki.ports import KeyKind
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki.asked import BroughtAuthority, NewAuthority, wait_for_a_key
from mytracks.web.api.pki.shapes import AuthorityPage, CertificateAuthority, Shapes, called
from mytracks.web.api.pki.shelf import Shelf, Told
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/admin/pki/ca"
_TOLD: Final = Told(
    active="The authority that signs.",
    none="There is no active certificate authority.",
    show="One authority.",
    download="The certificate of an authority as a PEM file.",
    deactivate="Ends an authority: it signs nothing more, and who came in by it is cut.",
    expunge="Deletes an authority that has ended, with all that it signed.",
)


class Authorities:
    """Lists and makes authorities; the rest is done on the shelf."""

    def __init__(self, authorities: Service, shapes: Shapes) -> None:
        self._authorities = authorities
        self._shapes = shapes
        self._shelf = Shelf(
            _ALL,
            authorities,
            _TOLD,
            shown=shapes.authority,
            result=CertificateAuthority,
            called=called,
        )

    async def list(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/ca"""
        query = read(visit.request, PageQuery)
        found = self._authorities.all()
        page = AuthorityPage(
            **place(visit, query, len(found)),
            results=[self._shapes.authority(one) for one in part(found, query)],
        )
        return as_json(page)

    async def add(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/ca"""
        sent = json_body.read(visit.request, NewAuthority)
        kind = sent.kind(KeyKind.RSA_4096)
        wait_for_a_key(visit)
        made = await self._authorities.create(
            sent.common_name, sent.validity_days, kind, by=visit.actor
        )
        return as_json(self._shapes.authority(made), 201)

    async def bring(self, visit: Visit) -> Answer:
        """POST /api/admin/pki/ca/import"""
        sent = json_body.read(visit.request, BroughtAuthority)
        wait_for_a_key(visit)
        brought = await self._authorities.bring(
            sent.certificate.encode(), sent.key.encode(), sent.password, by=visit.actor
        )
        return as_json(self._shapes.authority(brought), 201)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.list,
            summary="All certificate authorities, the newest first.",
            query=PageQuery,
            result=AuthorityPage,
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        add = Operation(
            method="POST",
            handler=self.add,
            summary="Makes an authority, which signs from now on; clients of the one before are"
            " let in until that is deactivated.",
            body=NewAuthority,
            result=CertificateAuthority,
            status=201,
            refusals=(503,),
            scope=Scope.ADMIN,
        )
        bring = Operation(
            method="POST",
            handler=self.bring,
            summary="Brings an authority that was made elsewhere; it signs from now on.",
            body=BroughtAuthority,
            result=CertificateAuthority,
            status=201,
            refusals=(409, 503),
            scope=Scope.ADMIN,
        )
        return [
            Route(_ALL, [several, add]),
            Route(f"{_ALL}/import", [bring]),
            *self._shelf.routes(),
        ]
