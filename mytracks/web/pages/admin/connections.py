"""The tab Connections: who is connected, who will be back, who was not let in, and who fights."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.mqtt.routing.attendance import Attendance
from mytracks.pki.handshakes import Diagnoses
from mytracks.web.answers import Answer
from mytracks.web.pages.admin.desk import A_PAGE, HOME, Desk, address, asked, offset_of, part_of
from mytracks.web.routes import Route, Visit
from mytracks.web.turned_away import TurnedAway

TAB: Final = "connections"
CONNECTIONS: Final = f"{HOME}connections/"

STATES: Final[Mapping[str, str]] = {
    "connected": "Connected",
    "offline": "Offline",
    "refused": "Refused",
    "contended": "Contended",
    "browsers": "Live pages",
    "tls": "Failed TLS",
}
"""Which list is shown: the word in the address, and the one on the tab of the page."""


@frozen(kw_only=True)
class Watching:
    """Somebody with pages open that show what happens at once, `count` of them."""

    name: str
    count: int


class Connections:
    """Shows MQTT's clients. `watching`: the names of those who have live pages open, once for
    each page. `handshakes`: those of TLS that came to nothing."""

    def __init__(
        self,
        desk: Desk,
        attendance: Attendance,
        turned_away: TurnedAway,
        watching: Callable[[], Iterable[str]],
        handshakes: Diagnoses,
    ) -> None:
        self._desk = desk
        self._attendance = attendance
        self._turned_away = turned_away
        self._watching = watching
        self._handshakes = handshakes

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/connections/"""
        request = visit.request
        state = asked(request, "state")
        state = state if state in STATES else "connected"
        found = self._all()
        offset = offset_of(request)
        rows = [_told(each) for each in found[state][offset : offset + A_PAGE]]
        chosen = {"state": "" if state == "connected" else state}
        return self._desk.page(
            visit,
            "connections.html",
            TAB,
            state=state,
            states=[
                (name, title, len(found[name]), address(CONNECTIONS, {"state": name}))
                for name, title in STATES.items()
            ],
            rows=rows,
            part=part_of(CONNECTIONS, chosen, offset, len(rows), len(found[state])),
        )

    def routes(self) -> Sequence[Route]:
        """The path of this tab."""
        return [self._desk.route("connections/", self.show)]

    def _all(self) -> Mapping[str, Sequence[Any]]:
        """Entries, or what makes one: there may be ten thousand, and fifty are shown."""
        attendance = self._attendance
        watching = Counter(self._watching())
        return {
            "connected": attendance.connected(),
            "offline": attendance.offline(),
            "refused": self._turned_away(),
            "contended": attendance.contentions(),
            "browsers": [Watching(name=name, count=watching[name]) for name in sorted(watching)],
            "tls": self._handshakes.latest(),
        }


def _told(entry: Any) -> Any:
    return entry() if callable(entry) else entry
