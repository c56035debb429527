"""API tokens: made, shown once, revoked."""

from collections.abc import Mapping, Sequence
from typing import Final

from mytracks.errors import Invalid
from mytracks.people.build import People
from mytracks.sharing.identity import Scope
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.identity import form
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.routes import Route, Visit

_NAMES: Final = {
    "": "token_name",
    "name": "token_name",
    "scopes": "token_scopes",
    "expires_at": "token_expires",
}
_DAY: Final = 24 * 60 * 60
_DAYS: Final = ("30", "90", "365")
"""For how many days a token may be good; the form's other choice is for ever."""


class Tokens:
    """The forms of the section."""

    def __init__(self, sheet: Sheet, people: People) -> None:
        self._sheet = sheet
        self._tokens = people.tokens

    async def make(self, visit: Visit) -> Answer:
        """POST /profile/tokens/"""
        sent = form(visit.request)
        return await self._sheet.tried(visit, sent, _NAMES, self._make(visit, sent))

    async def revoke(self, visit: Visit, identifier: str) -> Answer:
        """POST /profile/tokens/{id}/revoke/"""
        return await self._sheet.tried(visit, {}, {}, self._revoke(visit, identifier))

    def routes(self) -> Sequence[Route]:
        """The paths of these forms."""
        route = self._sheet.route
        return [
            route("tokens/", self.make),
            route("tokens/<identifier>/revoke/", self.revoke),
        ]

    async def _make(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        scopes = [scope for scope in Scope if field_of(scope) in sent]
        name, expires = sent.get("token_name", ""), self._expiry(sent.get("token_expires", ""))
        account = self._sheet.account(visit)
        issued = await self._tokens.issue(account, name, scopes, expires, by=visit.actor)
        return self._sheet.once(visit, "token_made.html", issued=issued)

    async def _revoke(self, visit: Visit, identifier: str) -> Answer:
        await self._tokens.revoke(visit.who.user, number(identifier), by=visit.actor)
        return self._sheet.done(visit, "The token opens nothing any more.")

    def _expiry(self, days: str) -> int | None:
        if not days:
            return None
        if days not in _DAYS:
            text = "Choose one of these."
            raise Invalid(text, {"expires_at": [text]})
        return self._tokens.date_in(int(days) * _DAY)


def field_of(scope: Scope) -> str:
    """What the form calls the box of a scope."""
    return f"scope_{scope.name.lower()}"
