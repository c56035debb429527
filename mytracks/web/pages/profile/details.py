"""What somebody tells of themselves: names, units, where home is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from mytracks.errors import Invalid
from mytracks.people.build import People
from mytracks.people.profile import Faults, Home, Profile, check
from mytracks.web.answers import Answer
from mytracks.web.identity import form
from mytracks.web.pages.profile.sheet import HOME, Sheet
from mytracks.web.routes import Audience, Operation, Route, Visit

_NAMES: Final = {"display": "display_name", "home": "home_latitude"}
_TOLD: Final = ("first_name", "last_name", "units", "time_zone", "language", "theme")
_BOUNDS: Final = {"home_latitude": ("Latitudes", 90), "home_longitude": ("Longitudes", 180)}


class Details:
    """The page's first form."""

    def __init__(self, sheet: Sheet, people: People) -> None:
        self._sheet = sheet
        self._accounts = people.accounts

    async def change(self, visit: Visit) -> Answer:
        """POST /profile/"""
        sent = form(visit.request)
        return await self._sheet.tried(visit, sent, _NAMES, self._change(visit, sent))

    async def _change(self, visit: Visit, sent: Mapping[str, str]) -> Answer:
        changes: dict[str, Any] = {name: sent[name].strip() for name in _TOLD if name in sent}
        faults = Faults()
        if "home_label" in sent or _BOUNDS.keys() & sent.keys():
            changes["home"] = _home(sent, faults)
        if faults.errors:
            # What else is wrong is told as well.
            current = self._sheet.account(visit).profile
            faults.checked(check, evolve(current, **changes))
            faults.refuse()

        def changed(profile: Profile) -> Profile:
            return evolve(profile, **changes)

        await self._accounts.set_profile(
            visit.who.user,
            by=visit.actor,
            email=sent.get("email"),
            display=sent.get("display_name"),
            profile=changed,
        )
        return self._sheet.done(visit, "Saved.")

    def routes(self) -> Sequence[Route]:
        """The page's own path."""
        show = Operation(handler=self._sheet.show, audience=Audience.BROWSER)
        change = Operation(method="POST", handler=self.change, audience=Audience.BROWSER)
        return [Route(HOME, [show, change])]


def _home(sent: Mapping[str, str], faults: Faults) -> Home | None:
    """Where home is; None: nothing was typed. What cannot be used is among `faults`."""
    typed = {name: sent.get(name, "").strip() for name in _BOUNDS}
    label = sent.get("home_label", "").strip()
    if not label and not any(typed.values()):
        return None
    found = {name: _degrees(name, text, faults) for name, text in typed.items()}
    if faults.errors:
        return None
    return Home(found["home_latitude"], found["home_longitude"], label)


def _degrees(name: str, text: str, faults: Faults) -> float:
    noun, bound = _BOUNDS[name]
    try:
        # Half of the world writes a comma.
        degrees = float(text.replace(",", "."))
    except ValueError:
        degrees = math.nan
    if not -bound <= degrees <= bound:
        wrong = f"{noun} go from -{bound} to {bound} degrees, such as 48.137."
        faults.add(Invalid(wrong, {name: [wrong if text else "Home is a pair of numbers."]}))
    return degrees
