"""Joins the profile page: its sections, and what each needs."""

from collections.abc import Sequence

from mytracks.web.pages.certificates import CertificatePages
from mytracks.web.pages.frame import Frame
from mytracks.web.pages.profile.details import Details
from mytracks.web.pages.profile.password import Password
from mytracks.web.pages.profile.phones import Phones
from mytracks.web.pages.profile.sessions import Sessions
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.pages.profile.tokens import Tokens
from mytracks.web.pages.second_factor import SecondFactorPages
from mytracks.web.routes import Route
from mytracks.web.services import WebServices


def profile(
    services: WebServices, frame: Frame, second_factor: SecondFactorPages
) -> Sequence[Route]:
    """All its paths. `second_factor`: whose pages hang below it."""
    people, devices = services.people, services.devices
    certificates = CertificatePages(frame, services.pki, services.clock)
    sheet = Sheet(frame, people, devices, second_factor.facts, certificates.facts)
    return [
        *Details(sheet, people).routes(),
        *Password(sheet, people).routes(),
        *Sessions(sheet, people).routes(),
        *Tokens(sheet, people).routes(),
        *Phones(sheet, people, services.desk).routes(),
        *second_factor.routes(),
        *certificates.routes(),
    ]
