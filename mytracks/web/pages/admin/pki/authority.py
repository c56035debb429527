"""The card Authority: make one, bring one, end it, delete it, and fetch its certificate."""

from collections.abc import Mapping, Sequence

from mytracks.errors import Conflict
from mytracks.pki import certificates
from mytracks.pki.authority import DEFAULT_NAME
from mytracks.pki.build import PKI
from mytracks.pki.limits import AUTHORITY_DAYS
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.api.pki import files
from mytracks.web.api.pki.asked import wait_for_a_key
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import Desk, asked
from mytracks.web.pages.admin.pki.forms import (
    KEY_TITLES,
    PATH,
    TAB,
    Errors,
    check_sure,
    key_in,
    number_in,
    tried,
)
from mytracks.web.pages.admin.pki.overview import Overview
from mytracks.web.routes import Route, Visit

_NEW = ("common_name", "validity_days", "key", "sure")
_BROUGHT = ("certificate", "key", "password", "sure")
_HERE = f"{PATH}#authority"


class AuthorityForms:
    """Changes the authorities."""

    def __init__(self, desk: Desk, overview: Overview, room: PKI) -> None:
        self._desk = desk
        self._overview = overview
        self._authorities = room.authorities
        self._usual_days = room.book.limits.authority_days

    async def form(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/authority/new/"""
        return self._form(visit, {}, 200, {})

    async def make(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/authority/new/"""
        sent = form(visit.request)

        async def made() -> Answer:
            check_sure(sent, self._replaced())
            wait_for_a_key(visit)
            new = await self._authorities.create(
                sent.get("common_name", "").strip() or DEFAULT_NAME,
                number_in(sent, "validity_days"),
                key_in(sent, "rsa-4096"),
                by=visit.actor,
            )
            name = certificates.called(new.subject)
            return self._desk.done(visit, _HERE, f"{name} signs from now on.")

        return await tried(made, lambda *told: self._form(visit, sent, *told), _NEW)

    async def import_form(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/authority/import/"""
        return self._import(visit, {}, 200, {})

    async def bring(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/authority/import/"""
        sent = form(visit.request)

        async def brought() -> Answer:
            check_sure(sent, self._replaced())
            new = await self._authorities.bring(
                sent.get("certificate", "").encode(),
                sent.get("key", "").encode(),
                sent.get("password") or None,
                by=visit.actor,
            )
            name = certificates.called(new.subject)
            lacks = self._authorities.lacks(new.number)
            more = f" It is not quite as we make them: {'; '.join(lacks)}." if lacks else ""
            return self._desk.done(visit, _HERE, f"{name} signs from now on.{more}")

        return await tried(brought, lambda *told: self._import(visit, sent, *told), _BROUGHT)

    async def end(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/authority/{id}/end/"""
        which = number(identifier)
        before = self._overview.harm_of_ending(self._authorities.numbered(which))
        try:
            ended = await self._authorities.deactivate(which, by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        name = certificates.called(ended.subject)
        told = f"{name} has ended. {before.past}" if before.past else f"{name} has ended."
        return self._desk.done(visit, _HERE, told)

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/authority/{id}/expunge/"""
        which = number(identifier)
        name = certificates.called(self._authorities.numbered(which).subject)
        try:
            await self._authorities.expunge(which, by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        return self._desk.done(visit, _HERE, f"{name} is deleted, with all that it signed.")

    async def certificate(self, visit: Visit, identifier: str) -> Answer:
        """GET /admin-panel/pki/authority/{id}/certificate/"""
        found = self._authorities.numbered(number(identifier))
        name = certificates.called(found.subject)
        if asked(visit.request, "format") == "der":
            return files.attachment(found.certificate, files.AUTHORITY, f"{name}.crt")
        pem = self._authorities.pem(found.number)
        return files.attachment(pem, files.PEM, f"{name}.pem")

    def routes(self) -> Sequence[Route]:
        """The paths of this card."""
        route, one = self._desk.route, "pki/authority/<identifier>/"
        return [
            route("pki/authority/new/", self.form, self.make),
            route("pki/authority/import/", self.import_form, self.bring),
            route(f"{one}end/", None, self.end),
            route(f"{one}expunge/", None, self.expunge),
            route(f"{one}certificate/", self.certificate),
        ]

    def _replaced(self) -> str | None:
        active = self._authorities.active()
        return None if active is None else certificates.called(active.subject)

    def _form(self, visit: Visit, sent: Mapping[str, str], status: int, errors: Errors) -> Answer:
        usual = {
            "common_name": DEFAULT_NAME,
            "validity_days": str(self._usual_days),
            "key": "rsa-4096",
        }
        return self._desk.page(
            visit,
            "pki/authority_new.html",
            TAB,
            status=status,
            sent={**usual, **sent},
            errors=errors,
            replaced=self._replaced(),
            phones=self._overview.phones(),
            keys=KEY_TITLES,
            most_days=AUTHORITY_DAYS,
        )

    def _import(self, visit: Visit, sent: Mapping[str, str], status: int, errors: Errors) -> Answer:
        return self._desk.page(
            visit,
            "pki/authority_import.html",
            TAB,
            status=status,
            sent=_without_secrets(sent),
            errors=errors,
            replaced=self._replaced(),
            phones=self._overview.phones(),
        )


def _without_secrets(sent: Mapping[str, str]) -> dict[str, str]:
    """No page shows a private key, be it the one that was just sent."""
    return {name: text for name, text in sent.items() if name not in ("key", "password")}
