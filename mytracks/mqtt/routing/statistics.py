"""What a broker tells of itself below `$SYS/broker/`, named as mosquitto names it where it does.

Pure: what was counted becomes topics and texts. Beyond mosquitto's: what was refused, displaced and
not stored.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from mytracks.mqtt.routing.counters import Counters

ROOT: Final = "$SYS/broker/"

MINUTES: Final = (1, 5, 15)
"""Over how long a load is averaged."""

LOADS: Final[Mapping[str, str]] = {
    "messages/received": "packets_received",
    "messages/sent": "packets_sent",
    "publish/received": "published",
    "publish/sent": "delivered",
    "publish/dropped": "lost",
    "bytes/received": "bytes_received",
    "bytes/sent": "bytes_sent",
    "connections": "connected",
}
"""Of what is told how much of it came in a minute: the name below `load/`, and the counter."""


def totals(counters: Counters) -> Iterator[tuple[str, int]]:
    """Topics, without their root, and what they hold."""
    stored = counters.queued + counters.retained
    yield "clients/connected", counters.clients
    yield "clients/disconnected", counters.away
    yield "clients/total", counters.clients + counters.away
    yield "clients/maximum", counters.most_clients
    yield "clients/expired", counters.lapsed
    yield "clients/refused", counters.refused + counters.turned_away
    yield "clients/takeovers", counters.takeovers
    yield "clients/violations", counters.violations
    yield "bytes/received", counters.bytes_received
    yield "bytes/sent", counters.bytes_sent
    yield "messages/received", counters.packets_received
    yield "messages/sent", counters.packets_sent
    yield "messages/stored", stored
    yield "store/messages/count", stored
    yield "publish/messages/received", counters.published
    yield "publish/messages/sent", counters.delivered
    yield "publish/messages/dropped", counters.lost
    yield "publish/messages/displaced", counters.displaced
    yield "publish/messages/refused", counters.dropped
    yield "publish/messages/unstored", counters.unstored
    yield "publish/messages/oversize", counters.oversize
    yield "subscriptions/count", counters.subscriptions
    yield "retained messages/count", counters.retained


class Load:
    """How much comes in a minute, averaged over `MINUTES` so that older minutes count less."""

    def __init__(self) -> None:
        self._before = 0
        self._averages = [0.0] * len(MINUTES)

    def note(self, total: int, seconds: float) -> None:
        """So much there was since the start; `seconds` have passed since that was last said."""
        if seconds <= 0:
            return
        in_a_minute = (total - self._before) * 60 / seconds
        self._before = total
        for place, minutes in enumerate(MINUTES):
            fading = math.exp(-seconds / (60 * minutes))
            self._averages[place] = in_a_minute + fading * (self._averages[place] - in_a_minute)

    @property
    def averages(self) -> Iterator[tuple[str, str]]:
        """By the name of their time."""
        for minutes, average in zip(MINUTES, self._averages, strict=True):
            yield f"{minutes}min", f"{average:.2f}"


class Statistics:
    """All that is told, moment by moment. `version`: of the program; empty: it has none."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._began: float | None = None
        self._at = 0.0
        self._loads = {name: Load() for name in LOADS}

    def tell(self, counters: Counters, now: float) -> Iterator[tuple[str, bytes]]:
        """Every topic and its payload. `now`: seconds since some fixed moment."""
        if self._began is None:
            self._began = self._at = now
        passed, self._at = now - self._at, now
        if self._version:
            yield ROOT + "version", self._version.encode()
        yield ROOT + "uptime", b"%d seconds" % (now - self._began)
        for name, total in totals(counters):
            yield ROOT + name, b"%d" % total
        for name, load in self._loads.items():
            load.note(getattr(counters, LOADS[name]), passed)
            for minutes, average in load.averages:
                yield f"{ROOT}load/{name}/{minutes}", average.encode()
