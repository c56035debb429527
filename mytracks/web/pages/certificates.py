"""`/profile/certificates/`, `/profile/download-cert/` and `/profile/download-ca/`: one's own.

The profile page can show the same with the fragment `templates/profile/certificates.html`, which
wants `certificates` = `CertificatePages.facts(visit)` and `csrf_token`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid, NotFound, Unavailable
from mytracks.pki import bundles, certificates
from mytracks.pki.build import PKI
from mytracks.pki.ports import Leaf
from mytracks.web.answers import Answer
from mytracks.web.api.pki.files import AUTHORITY, attachment
from mytracks.web.identity import form
from mytracks.web.pages.admin.pki.clients import FORMATS, hand_out
from mytracks.web.pages.admin.pki.facts import facts
from mytracks.web.pages.admin.pki.forms import chosen, told
from mytracks.web.pages.frame import Frame
from mytracks.web.routes import Audience, Operation, Route, Visit

HERE: Final = "/profile/certificates/"
_PASSWORD: Final = "p12_password"
_FIELDS: Final = (_PASSWORD, "format", "certificate")


class CertificatePages:
    """What the profile shows of one's own certificates, and their downloads."""

    def __init__(self, frame: Frame, room: PKI, clock: Clock) -> None:
        self._frame = frame
        self._room = room
        self._clock = clock

    def facts(self, visit: Visit) -> dict[str, Any]:
        """How things stand, for the fragment."""
        now, active = self._clock.now(), self._room.authorities.active()
        return {
            "authority": None if active is None else facts(active, now),
            "in_force": [facts(leaf, now) for leaf in self._in_force(visit)],
            "formats": FORMATS,
            "shortest": bundles.SHORTEST,
        }

    async def show(self, visit: Visit) -> Answer:
        """GET /profile/certificates/"""
        return self._page(visit, 200, {}, {})

    async def download(self, visit: Visit) -> Answer:
        """POST /profile/download-cert/"""
        sent = form(visit.request)
        # The original's form calls the password `p12_password`.
        password = sent.get(_PASSWORD) or sent.get("password", "")
        try:
            chosen(sent, "format", FORMATS, "p12")
            leaf = self._chosen(visit, sent.get("certificate", ""))
            word = sent.get("format") or "p12"
            return await hand_out(self._room, leaf, password, word, visit)
        except (Invalid, Conflict) as refused:
            renamed = {
                _PASSWORD if name == "password" else name: texts
                for name, texts in refused.errors.items()
            }
            wrong = told(type(refused)(str(refused), renamed), _FIELDS)
            return self._page(visit, 422, sent, wrong)
        except Unavailable as refused:
            return self._page(visit, 503, sent, {"": [str(refused)]})

    async def authority(self, visit: Visit) -> Answer:
        """GET /profile/download-ca/"""
        active = self._room.authorities.active()
        if active is None:
            raise NotFound("There is no certificate authority yet.")
        name = certificates.called(active.subject)
        return attachment(self._room.authorities.pem(active.number), AUTHORITY, f"{name}.crt")

    def routes(self) -> Sequence[Route]:
        """The paths of these pages."""
        return [
            Route(HERE, [Operation(handler=self.show, audience=Audience.BROWSER)]),
            Route(
                "/profile/download-cert/",
                [Operation(method="POST", handler=self.download, audience=Audience.BROWSER)],
            ),
            Route(
                "/profile/download-ca/",
                [Operation(handler=self.authority, audience=Audience.BROWSER)],
            ),
        ]

    def _in_force(self, visit: Visit) -> Sequence[Leaf]:
        clients = self._room.clients
        return [leaf for leaf in clients.of(visit.who.user) if clients.is_active(leaf)]

    def _chosen(self, visit: Visit, number: str) -> Leaf:
        """The certificate with that number, or the newest. Raises NotFound, Invalid."""
        theirs = self._in_force(visit)
        if not theirs:
            raise Invalid("You have no certificate: ask an administrator for one.")
        if not number:
            return theirs[0]
        found = next((leaf for leaf in theirs if str(leaf.number) == number), None)
        if found is None:
            raise NotFound("You have no such certificate.")
        return found

    def _page(
        self,
        visit: Visit,
        status: int,
        sent: Mapping[str, str],
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        return self._frame.page(
            visit,
            "profile/certificates_page.html",
            status=status,
            certificates=self.facts(visit)
            | {"errors": errors, "sent": {"format": sent.get("format", "p12")}},
        )
