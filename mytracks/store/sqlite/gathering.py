"""Waiting a little for more, where that is worth it.

A commit costs some 100 us of CPU, however little is in it. Usually nothing is waited for: what
comes while one commit syncs is the next batch. On a disk that syncs in a fraction of a millisecond
several thousand units a second would be as many commits and take a core; there a few milliseconds,
which nobody notices, save nearly all of that.
"""

from collections.abc import Callable
from typing import Final

_BUSY: Final = 2_500
"""Units a second, from which on it is worth it."""
_PERIOD: Final = 0.05
"""Seconds, at least, over which they are counted."""
_STEPS: Final = (0.002, 0.004)
"""Seconds to wait, one after the other."""
_GROWTH: Final = 4
"""Units that must have come in a step: where fewer do, those who send wait for their answers."""
_ENOUGH: Final = 64
"""Units that make a batch large enough."""


class Gathering:
    """Knows how fast units come. `waiting`: how many there are now; `seconds`: a clock that never
    jumps; `wait`: for so many seconds, or until there is no time for that any more."""

    def __init__(
        self,
        waiting: Callable[[], int],
        seconds: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self._waiting = waiting
        self._seconds = seconds
        self._wait = wait
        self._since = seconds()
        self._units = 0
        self._busy = False

    def linger(self) -> None:
        """Wait for more, at most a few milliseconds, if many come; when that was in vain, not again
        before they were counted anew."""
        if not self._busy:
            return
        before = self._waiting()
        for step in _STEPS:
            if before >= _ENOUGH:
                return
            self._wait(step)
            now = self._waiting()
            if now - before < _GROWTH:
                # In vain; those who wait for us would be made slower each time.
                self._busy = False
                return
            before = now

    def took(self, units: int) -> None:
        """So many were taken to be committed."""
        self._units += units
        now = self._seconds()
        lasted = now - self._since
        if lasted >= _PERIOD:
            self._busy = self._units >= _BUSY * lasted
            self._since, self._units = now, 0
