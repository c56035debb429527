"""A new password for oneself: this browser stays signed in, all others are signed out."""

from collections.abc import Mapping, Sequence
from typing import Final

from mytracks.errors import Invalid
from mytracks.people.build import People
from mytracks.people.passwords import LONGEST_BYTES
from mytracks.web.answers import Answer
from mytracks.web.confirmation import confirm
from mytracks.web.identity import form
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.routes import Route, Visit

_NAMES: Final = {"password": "new_password"}


class Password:
    """The form with the current password and the new one, twice."""

    def __init__(self, sheet: Sheet, people: People) -> None:
        self._sheet = sheet
        self._people = people

    async def change(self, visit: Visit) -> Answer:
        """POST /profile/password/"""
        sent = form(visit.request)
        return await self._sheet.tried(visit, {}, _NAMES, self._change(visit, sent))

    async def _change(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        new = sent.get("new_password", "")
        if new != sent.get("repeat_password", ""):
            text = "This is not the same as the new password."
            raise Invalid(text, {"repeat_password": [text]})
        # Before the current one is looked at: nobody is slowed down for a short new one.
        account = self._sheet.account(visit)
        told = account.profile
        others = (account.name, account.email, account.display, told.first_name, told.last_name)
        self._people.passwords.check_policy(new, *others)
        current = sent.get("current_password", "")[:LONGEST_BYTES]
        await confirm(self._people, visit, password=current, code="")
        await self._people.accounts.set_password(
            account.number, new, by=visit.actor, keep=visit.who.session
        )
        return self._sheet.done(
            visit,
            "The password was changed. This browser stays signed in; all others are signed out, "
            "and phones that use it need the new one.",
        )

    def routes(self) -> Sequence[Route]:
        """The path of the form."""
        return [self._sheet.route("password/", self.change)]
