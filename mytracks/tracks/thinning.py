"""Fewer points of a long track: the first, then each that is late enough, and the last.

Every device is thinned for itself, so that a busy one does not starve a quiet one. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from mytracks.tracks.locations import Recorded

_COARSEST: Final = 2**33
"""Seconds: longer than any track, so that each device is down to one point."""


class Thinning:
    """Takes locations oldest first and keeps some; memory stays bounded by `most`.

    `resolution`: seconds between two kept locations of a device, 0 keeps all. It is doubled as
    often as it takes to keep no more than `most` (and the last of each device).
    """

    def __init__(self, resolution: int, most: int) -> None:
        self.resolution = resolution
        self._most = most
        self._kept: list[Recorded] = []
        self._last_kept: dict[int, int] = {}
        self._newest: dict[int, Recorded] = {}

    def take(self, locations: Iterable[Recorded]) -> None:
        """The next ones, in time order."""
        for recorded in locations:
            self._offer(recorded)
            if len(self._kept) > self._most:
                self._coarsen()

    def result(self) -> Sequence[Recorded]:
        """What is kept, oldest first."""
        kept = {_place(recorded): recorded for recorded in (*self._kept, *self._newest.values())}
        return [kept[place] for place in sorted(kept)]

    def _offer(self, recorded: Recorded) -> None:
        number, at = recorded.device.number, recorded.location.at
        self._newest[number] = recorded
        if self._far_enough(number, at):
            self._kept.append(recorded)

    def _far_enough(self, number: int, at: int) -> bool:
        last = self._last_kept.get(number)
        if last is not None and at - last < self.resolution:
            return False
        self._last_kept[number] = at
        return True

    def _coarsen(self) -> None:
        while len(self._kept) > self._most and self.resolution < _COARSEST:
            self.resolution = max(1, self.resolution * 2)
            self._last_kept.clear()
            self._kept = [
                recorded
                for recorded in self._kept
                if self._far_enough(recorded.device.number, recorded.location.at)
            ]


def _place(recorded: Recorded) -> tuple[int, int, int]:
    return recorded.location.at, recorded.device.number, recorded.location.seq
