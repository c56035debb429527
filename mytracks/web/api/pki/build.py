"""Joins the paths of the certificates."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from mytracks.web.api.pki.authorities import Authorities
from mytracks.web.api.pki.clients import Clients
from mytracks.web.api.pki.open import OpenCertificates
from mytracks.web.api.pki.own import OwnCertificates
from mytracks.web.api.pki.servers import Servers
from mytracks.web.api.pki.shapes import Shapes
from mytracks.web.routes import Route
from mytracks.web.services import WebServices


def routes(services: WebServices) -> Sequence[Route]:
    """All paths of this folder."""
    pki, accounts, clock = services.pki, services.people.accounts, services.clock
    shapes = Shapes(pki, accounts.numbered, clock)

    def public_host() -> str | None:
        return urlsplit(services.public_url() or "").hostname

    return [
        *Authorities(pki.authorities, shapes).routes(),
        *Servers(pki.servers, shapes, public_host).routes(),
        *Clients(pki.clients, accounts, shapes, clock).routes(),
        *OwnCertificates(pki.clients, shapes).routes(),
        *OpenCertificates(pki).routes(),
    ]
