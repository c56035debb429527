"""What anybody may fetch: the authority's certificate and its revocation list.

Without signing in and without TLS: a phone needs the one before it can trust us.
"""

from collections.abc import Sequence
from typing import Literal

from mytracks.errors import NotFound
from mytracks.pki.build import PKI
from mytracks.web.answers import NO_STORE, Answer
from mytracks.web.api.pki import files
from mytracks.web.query import Query, read
from mytracks.web.routes import Entry, Operation, Route, Visit

LIST_NAME = "my-tracks.crl"
_NONE = "There is no active certificate authority."


class FormatQuery(Query, frozen=True, kw_only=True):
    """How it is written."""

    format: Literal["pem", "der"] = "pem"


class OpenCertificates:
    """Hands them out."""

    def __init__(self, pki: PKI) -> None:
        self._authorities = pki.authorities
        self._lists = pki.lists

    async def revoked(self, visit: Visit) -> Answer:
        """GET /api/admin/pki/crl"""
        as_der = read(visit.request, FormatQuery).format == "der"
        found = self._lists.der() if as_der else self._lists.pem()
        if found is None:
            raise NotFound(_NONE)
        return files.attachment(found, files.CRL if as_der else files.PEM, LIST_NAME)

    async def authority(self, visit: Visit) -> Answer:
        """GET /ca.crt"""
        return self._authority(read(visit.request, FormatQuery).format == "der")

    async def authority_for_phones(self, visit: Visit) -> Answer:
        """GET /ca.der"""
        return self._authority(True)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        revoked = Operation(
            handler=self.revoked,
            entry=Entry.NOBODY,
            summary="The revocation list of the authority that signs.",
            files=(files.PEM, files.CRL),
            query=FormatQuery,
            refusals=(400, 404),
        )
        authority = Operation(
            handler=self.authority,
            entry=Entry.NOBODY,
            summary="The certificate of the authority that signs.",
            files=(files.AUTHORITY,),
            query=FormatQuery,
            refusals=(400, 404),
        )
        for_phones = Operation(
            handler=self.authority_for_phones,
            entry=Entry.NOBODY,
            summary="The same in DER, as phones install it.",
            files=(files.AUTHORITY,),
            refusals=(404,),
        )
        return [
            Route("/api/admin/pki/crl", [revoked]),
            Route("/ca.crt", [authority]),
            Route("/ca.der", [for_phones]),
        ]

    def _authority(self, as_der: bool) -> Answer:
        """Not as an attachment: a phone shall ask whether to install it, not save it."""
        found = self._authorities.active()
        if found is None:
            raise NotFound(_NONE)
        write = self._authorities.der if as_der else self._authorities.pem
        return Answer(200, write(found.number), files.AUTHORITY.encode("ascii"), (NO_STORE,))
