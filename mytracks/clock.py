"""Time and owned work: the one place that knows timers and the wall clock.

Timers run on a monotonic clock, so that a clock set right by days neither closes nor freezes a
connection; dates (fixes, sessions) follow the wall clock. Everything started here has an owner
that stops it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from datetime import UTC, datetime
from typing import Any, Final, cast

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

EARLIEST: Final = 1_704_067_200
"""The first second of 2024, UTC. A clock before it was never set: a small computer without a
battery begins at 1970, or at the day its system was made, until the network tells it the time."""


def today() -> float:
    """The date (UTC epoch seconds) for a program that has no reactor, and so no `Clock`."""
    return time.time()


def monotonic() -> float:
    """For measuring lengths only, without a reactor: seconds since some fixed moment."""
    return time.monotonic()


def believable(now: float) -> bool:
    """Whether `now` (UTC epoch seconds) may be the date: whether a clock that says so was set."""
    return now >= EARLIEST


def iso(at: float) -> str:
    """`at` (UTC epoch seconds) in whole seconds, as `2026-11-24T06:40:00Z`."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def use_monotonic_timers(reactor: IReactorTime) -> None:
    """Make `reactor` count its timers by a clock that never jumps. Call before its first timer."""
    cast(Any, reactor).seconds = time.monotonic


class Clock:
    """Timers of `reactor` (seconds, monotonic) and dates of `wall` (UTC epoch seconds)."""

    def __init__(self, reactor: IReactorTime, wall: Callable[[], float] = time.time) -> None:
        self.timers = reactor
        self._wall = wall

    def now(self) -> float:
        """The date: UTC epoch seconds; may jump when the host's clock is set."""
        return self._wall()

    def doubt(self) -> str | None:
        """Why the date is not to be believed, in one line for people; None: it is."""
        now = self.now()
        if believable(now):
            return None
        said = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M")
        return f"the clock says {said} UTC: no certificates are made until it is set"

    def seconds(self) -> float:
        """For measuring lengths only: seconds since some fixed moment, never going back."""
        return self.timers.seconds()

    def later(self, delay: float, call: Callable[..., object], *args: Any) -> IDelayedCall:
        """Call once, `delay` seconds from now; the caller owns and cancels what is returned."""
        return self.timers.callLater(delay, call, *args)


class Tasks:
    """Work that nobody awaits. None of it is lost, none of it is silent."""

    log = Logger()

    def __init__(self) -> None:
        self._running: set[Deferred[None]] = set()

    def start(self, work: Coroutine[Deferred[Any], Any, None], what: str) -> None:
        """Run `work` now; a failure is logged with `what` it was about."""
        task = Deferred.fromCoroutine(work)
        self._running.add(task)
        task.addErrback(self._failed, what)
        task.addBoth(lambda _: self._running.discard(task))

    def stop(self) -> None:
        """Cancel all that still runs."""
        for task in list(self._running):
            task.cancel()

    def _failed(self, failure: Failure, what: str) -> None:
        if failure.check(CancelledError) is None:
            self.log.failure("{what} failed", failure, what=what)


class Repeating:
    """Runs `work` every `interval` seconds until stopped; one failing run does not end it."""

    log = Logger()

    def __init__(
        self, clock: Clock, interval: float, work: Callable[[], object], what: str
    ) -> None:
        self._clock = clock
        self.interval = interval
        """Seconds; a change counts from the next run on."""
        self._work = work
        self._what = what
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """First run after one interval."""
        self._next = self._clock.later(self.interval, self._run)

    def stop(self) -> None:
        """No run begins after this."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _run(self) -> None:
        self.start()
        try:
            self._work()
        except Exception:  # noqa: BLE001 - one bad run must not end the loop
            self.log.failure("{what} failed", what=self._what)


@define
class _Series:
    """`told`: when it was told last, in clock seconds, None: never. `held`: how often it came
    since."""

    told: float | None = None
    held: int = 0


class Seldom:
    """Decides when something that comes again and again is told: at once, and then at most once in
    an hour, with how often it came. Of new things no more than some are told in a minute; the rest
    is told when it comes again.
    """

    EVERY: Final = 60 * 60.0
    A_MINUTE: Final = 60
    MOST: Final = 10_000
    """Things told apart; the one that came longest ago is forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._series: OrderedDict[Hashable, _Series] = OrderedDict()
        self._minute = -60.0
        self._told = 0

    def times(self, key: Hashable) -> int:
        """How often it came since it was told last, this time included; 0: it is not told now."""
        series = self._series.setdefault(key, _Series())
        self._series.move_to_end(key)
        if len(self._series) > self.MOST:
            self._series.popitem(last=False)
        series.held += 1
        now = self._clock.seconds()
        if series.told is not None and now - series.told < self.EVERY:
            return 0
        if now - self._minute >= 60:
            self._minute, self._told = now, 0
        if self._told >= self.A_MINUTE:
            return 0
        self._told += 1
        came, series.held, series.told = series.held, 0, now
        return came


def again(times: int) -> str:
    """What stands behind a line of `Seldom`: how often, where it was more than once."""
    return f" ({times} times since this was told last)" if times > 1 else ""
