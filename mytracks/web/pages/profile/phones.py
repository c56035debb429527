"""Passwords of phones: made, shown once with what else is typed into the phone, removed."""

from collections.abc import Mapping, Sequence
from typing import Final

from mytracks.errors import Conflict, Invalid
from mytracks.owntracks.topics import device_name_problem
from mytracks.people.build import People
from mytracks.tracks.devices import Devices
from mytracks.web.answers import Answer
from mytracks.web.identity import form
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.routes import Route, Visit

_NAMES: Final = {"": "device"}


class Phones:
    """The forms of the section."""

    def __init__(self, sheet: Sheet, people: People, devices: Devices) -> None:
        self._sheet = sheet
        self._passwords = people.device_passwords
        self._devices = devices

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
        name = sent.get("device", "").strip()
        problem = device_name_problem(name)
        if problem is not None:
            text = f"This cannot be: {problem}."
            raise Invalid(text, {"device": [text]})
        account = self._sheet.account(visit)
        if not self._devices.admit(account.number, name):
            raise Conflict("You have as many phones as you may.")
        issued = await self._passwords.issue(account, name, by=visit.actor)
        return self._sheet.once(visit, "phone_password.html", issued=issued)

    async def _remove(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        name = sent.get("device", "")
        await self._passwords.revoke(self._sheet.account(visit), name, by=visit.actor)
        return self._sheet.done(visit, f"The password of {name} opens nothing any more.")
