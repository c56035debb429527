"""The browsers in which one is signed in, and their end."""

from collections.abc import Sequence

from mytracks.people.build import People
from mytracks.web.answers import Answer
from mytracks.web.pages.profile.sheet import Sheet
from mytracks.web.routes import Route, Visit


class Sessions:
    """Signs other browsers out."""

    def __init__(self, sheet: Sheet, people: People) -> None:
        self._sheet = sheet
        self._sessions = people.sessions

    async def end(self, visit: Visit, identifier: str) -> Answer:
        """POST /profile/sessions/{id}/end/"""
        work = self._end(visit, identifier)
        return await self._sheet.tried(visit, {}, {}, work)

    async def end_others(self, visit: Visit) -> Answer:
        """POST /profile/sessions/end-others/"""
        return await self._sheet.tried(visit, {}, {}, self._end_others(visit))

    def routes(self) -> Sequence[Route]:
        """The paths of these forms."""
        route = self._sheet.route
        return [
            route("sessions/end-others/", self.end_others),
            route("sessions/<identifier>/end/", self.end),
        ]

    async def _end(self, visit: Visit, identifier: str) -> Answer:
        await self._sessions.end_one(visit.who.user, identifier, by=visit.actor)
        return self._sheet.done(visit, "That browser is signed out.")

    async def _end_others(self, visit: Visit) -> Answer:
        await self._sessions.end_others(visit.who.user, visit.who.session, by=visit.actor)
        return self._sheet.done(visit, "All other browsers are signed out.")
