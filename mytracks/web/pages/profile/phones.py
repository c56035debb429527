"""Passwords of phones: made, shown once with what else is typed into the phone, removed."""

from collections.abc import Mapping, Sequence
from typing import Final

from mytracks.errors import Conflict, Invalid
from mytracks.people.build import People
from mytracks.phones.desk import Desk
from mytracks.web.answers import Answer
from mytracks.web.identity import form
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.routes import Route, Visit

_NAMES: Final = {"": "device"}


class Phones:
    """The forms of the section."""

    def __init__(self, sheet: Sheet, people: People, desk: Desk) -> None:
        self._sheet = sheet
        self._passwords = people.device_passwords
        self._desk = desk

    async def make(self, visit: Visit) -> Answer:
        """POST /profile/phones/: a password for a device, which is made if need be."""
        sent = form(visit.request)
        return await self._sheet.tried(visit, sent, _NAMES, self._make(visit, sent))

    async def remove(self, visit: Visit) -> Answer:
        """POST /profile/phones/remove-password/"""
        sent = form(visit.request)
        return await self._sheet.tried(visit, {}, {}, self._remove(visit, sent))

    def routes(self) -> Sequence[Route]:
        """The paths of these forms."""
        route = self._sheet.route
        return [
            route("phones/", self.make),
            route("phones/remove-password/", self.remove),
        ]

    async def _make(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        name, account = sent.get("device", "").strip(), self._sheet.account(visit)
        try:
            issued = await self._desk.give_password(account, name, by=visit.actor)
        except Invalid as refused:
            # The whole sentence stands at the field, which is the only one.
            raise Invalid(str(refused)) from refused
        except Conflict as refused:
            raise Conflict("You have as many phones as you may.") from refused
        return self._sheet.once(visit, "phone_password.html", issued=issued)

    async def _remove(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        name = sent.get("device", "")
        await self._passwords.revoke(self._sheet.account(visit), name, by=visit.actor)
        return self._sheet.done(visit, f"The password of {name} opens nothing any more.")
