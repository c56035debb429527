"""`/`: the map. The page comes with what it needs to draw its list at once, script or not."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mytracks.clock import Clock
from mytracks.people.profile import Profile
from mytracks.tracks.history import History
from mytracks.tracks.live import Live
from mytracks.web.answers import Answer
from mytracks.web.api.devices import Devices
from mytracks.web.api.locations import shown
from mytracks.web.live import PATH as LIVE_PATH
from mytracks.web.pages.frame import Frame
from mytracks.web.phone_settings import PhoneSettings
from mytracks.web.routes import Audience, Operation, Route, Visit


class MapPage:
    """Shows the present."""

    def __init__(
        self,
        frame: Frame,
        history: History,
        live: Live,
        devices: Devices,
        clock: Clock,
        phone_settings: PhoneSettings,
    ) -> None:
        self._frame = frame
        self._history = history
        self._live = live
        self._devices = devices
        self._clock = clock
        self._phone_settings = phone_settings

    async def show(self, visit: Visit) -> Answer:
        """GET /"""
        # Before the reading: what is stored meanwhile is told again rather than never.
        seq = self._live.number
        last_known = await self._history.last_known(visit.who)
        page_data = {
            "viewer": self._frame.viewer(visit.viewer),
            "preferences": _preferences(self._frame.profile(visit.viewer)),
            "devices": msgspec.to_builtins(self._devices.visible(visit.who)),
            "last_known": msgspec.to_builtins([shown(one) for one in last_known]),
            "live": LIVE_PATH,
            "seq": seq,
            "server_startup": self._live.startup,
            "now": int(self._clock.now()),
            "phone": self._phone_settings.card(visit.request),
        }
        return self._frame.page(visit, "map.html", page_data=page_data)

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        return [Route("/", [Operation(handler=self.show, audience=Audience.BROWSER)])]


def _preferences(profile: Profile) -> dict[str, Any]:
    """How the viewer wants to see things, as the script reads it; empty: as the browser does."""
    home = profile.home
    return {
        "units": profile.units,
        "time_zone": profile.time_zone,
        "language": profile.language,
        "home": None if home is None else [home.latitude, home.longitude],
    }
