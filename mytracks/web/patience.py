"""How long a request waits for its answer: no client is kept for as long as a database is away.

Who waits gets an answer, what was begun goes on: cancelling a handler loses its answer, never what
it has handed to the store.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from mytracks.clock import Clock


class Patience:
    """Of all requests of one door. They share one timer: a timer for each would cost as much as
    a twentieth of what a phone's message costs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: dict[Wait, None] = {}
        self._timer: IDelayedCall | None = None
        self._due = 0.0
        self._closing = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waits)

    def begin(self, seconds: float) -> "Wait":
        """For a request that was just received: `seconds` without an answer, or since it was last
        seen that one comes."""
        return Wait(self, seconds)

    def now(self) -> float:
        """By the clock that `Wait.end` is told by."""
        return self._clock.seconds()

    def close(self) -> None:
        """No more requests come; those that wait are still answered in time."""
        self._closing = True
        self._rest()

    def add(self, wait: "Wait") -> None:
        """It begins to wait."""
        self._waits[wait] = None
        if self._timer is None or wait.end < self._due:
            self._arm(wait.end)

    def remove(self, wait: "Wait") -> None:
        """It waits no more."""
        self._waits.pop(wait, None)
        if self._closing:
            self._rest()

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for wait in [wait for wait in self._waits if wait.end <= now]:
            wait.give_up()
        if self._waits and self._timer is None:
            self._arm(min(wait.end for wait in self._waits))

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._clock.later(max(0.0, due - self._clock.seconds()), self._look)

    def _rest(self) -> None:
        if not self._waits and self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Wait:
    """Of one request. `end`: from when on it is too long. `over`: whether it was, so that the work
    was cancelled for that, not because the client has gone."""

    __slots__ = ("_all", "_seconds", "_work", "end", "over")

    def __init__(self, everybody: Patience, seconds: float) -> None:
        self._all = everybody
        self._seconds = seconds
        self._work: Deferred[Any] | None = None
        self.end = everybody.now() + seconds
        self.over = False

    def watch(self, work: Deferred[Any]) -> None:
        """Cancel `work`, which makes the answer, when that takes too long."""
        if not work.called:
            self._work = work
            self._all.add(self)
            work.addBoth(self._done)

    def renew(self) -> None:
        """A part of a long answer is there: wait for the next one as long again."""
        self.end = self._all.now() + self._seconds

    def allow(self, seconds: float) -> None:
        """This takes long by its nature: wait as long as that from now on."""
        self.end = max(self.end, self._all.now() + seconds)

    def give_up(self) -> None:
        """It took too long."""
        self._all.remove(self)
        self.over = True
        if self._work is not None:
            self._work.cancel()

    def _done(self, result: object) -> object:
        self._work = None
        self._all.remove(self)
        return result
