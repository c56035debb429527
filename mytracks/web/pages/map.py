"""`/`: the map. The page comes with what it needs to draw its list at once, script or not."""

from collections.abc import Callable, Sequence

import msgspec

from mytracks.clock import Clock
from mytracks.host.addresses import is_loopback
from mytracks.tracks.history import History
from mytracks.tracks.live import Live
from mytracks.web.answers import Answer
from mytracks.web.api.devices import Devices
from mytracks.web.api.locations import shown
from mytracks.web.live import PATH as LIVE_PATH
from mytracks.web.pages.frame import Frame
from mytracks.web.request import Request
from mytracks.web.routes import Audience, Operation, Route, Visit


class MapPage:
    """Shows the present. `mqtt_port`: for the help to set a phone up; None: not listening."""

    def __init__(
        self,
        frame: Frame,
        history: History,
        live: Live,
        devices: Devices,
        clock: Clock,
        public_url: Callable[[], str | None],
        mqtt_port: Callable[[], int | None],
        own_address: Callable[[], str | None],
    ) -> None:
        self._frame = frame
        self._history = history
        self._live = live
        self._devices = devices
        self._clock = clock
        self._public_url = public_url
        self._mqtt_port = mqtt_port
        self._own_address = own_address

    async def show(self, visit: Visit) -> Answer:
        """GET /"""
        # Before the reading: what is stored meanwhile is told again rather than never.
        seq = self._live.number
        last_known = await self._history.last_known(visit.who)
        page_data = {
            "viewer": self._frame.viewer(visit.viewer),
            "devices": msgspec.to_builtins(self._devices.visible(visit.who)),
            "last_known": msgspec.to_builtins([shown(one) for one in last_known]),
            "live": LIVE_PATH,
            "seq": seq,
            "server_startup": self._live.startup,
            "now": int(self._clock.now()),
            "phone": self._phone(visit.request),
        }
        return self._frame.page(visit, "map.html", page_data=page_data)

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        return [Route("/", [Operation(handler=self.show, audience=Audience.BROWSER)])]

    def _phone(self, request: Request) -> dict[str, object]:
        """What to type into a phone."""
        base = self._public_url() or request.absolute("")
        scheme, _, place = base.partition("://")
        host = place if place.endswith("]") else place.rpartition(":")[0] or place
        own = self._own_address() if is_loopback(host) else None
        if own is not None:
            # Whoever opened the page by the URL in the log: a phone needs another name for us.
            place, host = place.replace(host, own, 1), own
        return {
            "host": host,
            "mqtt_port": self._mqtt_port(),
            "url": f"{scheme}://{place}/pub",
        }
