"""`/api/admin/pki/ca`: the certificate authorities."""

from collections.abc import Sequence

from mytracks.errors import NotFound
from mytracks.pki.authority import Authorities as Service
from mytracks.pki.ports import KeyKind
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.paging import PageQuery, part, place
from mytracks.web.api.pki import files
from mytracks.web.api.pki.asked import BroughtAuthority, NewAuthority, as_invalid, wait_for_a_key
from mytracks.web.api.pki.shapes import AuthorityPage, CertificateAuthority, Shapes, called
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_ALL = "/api/admin/pki/ca"
_ONE = f"{_ALL}/<identifier>"


class Authorities:
    """Lists, makes and ends authorities."""

    def __init__(self, authorities: Service, shapes: Shapes) -> None:
        self._authorities = authorities
        self._shapes = shapes

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

    async def active(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/ca/active"""
        found = self._authorities.active()
        if found is None:
            raise NotFound("There is no active certificate authority.")
        return as_json(self._shapes.authority(found))

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/ca/{id}"""
        found = self._authorities.numbered(number(identifier))
        return as_json(self._shapes.authority(found))

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/pki/ca/{id}"""
        with as_invalid():
            await self._authorities.deactivate(number(identifier), by=visit.actor)
        return Answer(204)

    async def download(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/pki/ca/{id}/download"""
        found = self._authorities.numbered(number(identifier))
        name = f"{called(found)}.pem"
        return files.attachment(self._authorities.pem(found.number), files.PEM, name)

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/pki/ca/{id}/expunge"""
        with as_invalid():
            await self._authorities.expunge(number(identifier), by=visit.actor)
        return Answer(204)

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
        return [Route(_ALL, [several, add]), *self._ones(), *self._files()]

    def _ones(self) -> Sequence[Route]:
        active = Operation(
            handler=self.active,
            summary="The authority that signs.",
            result=CertificateAuthority,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        show = Operation(
            handler=self.show,
            summary="One authority.",
            result=CertificateAuthority,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        deactivate = Operation(
            method="DELETE",
            handler=self.deactivate,
            summary="Ends an authority: it signs nothing more, and who came in by it is cut.",
            status=204,
            refusals=(400, 404),
            scope=Scope.ADMIN,
        )
        expunge = Operation(
            method="DELETE",
            handler=self.expunge,
            summary="Deletes an authority that has ended, with all that it signed.",
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
            summary="Brings an authority that was made elsewhere; it signs from now on.",
            body=BroughtAuthority,
            result=CertificateAuthority,
            status=201,
            refusals=(409, 503),
            scope=Scope.ADMIN,
        )
        download = Operation(
            handler=self.download,
            summary="The certificate of an authority as a PEM file.",
            files=(files.PEM,),
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        return [Route(f"{_ALL}/import", [bring]), Route(f"{_ONE}/download", [download])]
