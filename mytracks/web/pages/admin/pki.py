"""The tab PKI."""

from collections.abc import Sequence
from typing import Final

from mytracks.web.answers import Answer
from mytracks.web.pages.admin.desk import Desk
from mytracks.web.routes import Route, Visit

TAB: Final = "pki"


class PKIPage:
    """Says where certificates are made until they are made here."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/"""
        return self._desk.page(visit, "pki.html", TAB)

    def routes(self) -> Sequence[Route]:
        """The path of this tab."""
        return [self._desk.route("pki/", self.show)]
