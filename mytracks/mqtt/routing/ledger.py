"""All that is recorded goes through here: what somebody waits for, and what can wait.

What can wait (that a message was acknowledged, above all) is gathered and recorded together, a
short time later, and tried again while the store takes nothing.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Final, Generic, Protocol

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.mqtt.routing.changes import Change, Settled
from mytracks.mqtt.routing.journal import Journal, Queued, Recorded, Remembered, Removed
from mytracks.mqtt.routing.ports import Facts, Kept

GATHERED_FOR: Final = 0.25
"""Seconds that what can wait is gathered."""
GATHERED: Final = 200
"""Changes that are gathered at most."""
LONGEST_WAIT: Final = 5.0
"""Seconds between two attempts at most; the first ones wait 1, 2, 3, 4."""


class Settling(Hashable, Protocol):
    """A session of which references are settled."""

    number: int

    def settled(self, ordinals: Sequence[int]) -> None:
        """They are gone from its queue, durably."""


def _nothing() -> None:
    pass


def _as_it_is(change: Change) -> Change:
    return change


@frozen
class _Late:
    """A change that can wait, made when its time has come. `done`: called once it is durable."""

    change: Callable[[], Change | None]
    done: Callable[[], None]


class Ledger(Generic[Facts, Kept]):
    """`removed` is told what each record took out of queues, `announce` what each fact became."""

    log = Logger()

    def __init__(
        self,
        journal: Journal[Facts, Kept],
        clock: Clock,
        removed: Callable[[Removed], None],
        announce: Callable[[Kept], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._removed = removed
        self._announce = announce
        self._closed = False
        self._late: list[_Late] = []
        self._settled: dict[Settling, list[int]] = {}
        self._gathered = 0
        self._recording = 0
        self._failures = 0
        self._timer: IDelayedCall | None = None
        self._when_quiet: list[Deferred[None]] = []

    def record(
        self,
        facts: Sequence[Facts],
        changes: Sequence[Change],
        stored: Callable[..., None],
        unstored: Callable[..., None],
        *also: Any,
    ) -> None:
        """Store all together; then call `stored`, or `unstored` with a Failure, in the order of
        the calls, with whatever is given `also` behind.
        """
        self._recording += 1
        recorded = self._journal.record(facts, changes)
        recorded.addCallbacks(
            self._recorded, self._failed, (stored, also), {}, (unstored, also), {}
        )

    def later(
        self,
        change: Change | Callable[[], Change | None],
        done: Callable[[], None] = _nothing,
    ) -> None:
        """Record `change` in a short time; again and again while the store takes nothing. `done`:
        called when it is durable.

        What may change meanwhile is asked for each time: a function, which returns None when there
        is nothing to be done any more.
        """
        self._late.append(_Late(change if callable(change) else partial(_as_it_is, change), done))
        self._gather()

    def soon(
        self,
        change: Change | Callable[[], Change | None],
        done: Callable[[], None] = _nothing,
    ) -> None:
        """The same at once."""
        self.later(change, done)
        if self._gathered and not self._failures:
            self._flush()

    def settle(self, session: Settling, ordinal: int) -> None:
        """The reference is done with; that can wait."""
        self._settled.setdefault(session, []).append(ordinal)
        self._gather()

    def load(self) -> Deferred[Remembered]:
        """What is remembered."""
        return self._journal.load()

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        """A page of a queue."""
        return self._journal.queued(session, after, most, most_bytes)

    def quiet(self) -> Deferred[None]:
        """Fires when nothing is being recorded; what can wait is recorded now."""
        if self._gathered:
            self._flush()
        waiting: Deferred[None] = Deferred()
        self._when_quiet.append(waiting)
        self._look_whether_quiet()
        return waiting

    def close(self) -> None:
        """What could wait and was not stored by now is lost: it is done again after a restart."""
        self._closed = True
        self._calm()
        self._late.clear()
        self._settled.clear()
        self._gathered = 0

    def _gather(self) -> None:
        self._gathered += 1
        if self._failures or self._closed:
            return
        if self._gathered >= GATHERED:
            self._flush()
        elif self._timer is None:
            self._timer = self._clock.later(GATHERED_FOR, self._flush_now)

    def _flush_now(self) -> None:
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        self._calm()
        made = [(each, each.change()) for each in self._late]
        settled, self._late, self._settled = self._settled, [], {}
        self._gathered = 0
        late = [each for each, _ in made]
        changes = [change for _, change in made if change is not None]
        changes += [Settled(session.number, tuple(gone)) for session, gone in settled.items()]
        if not changes:
            self._flushed(late, settled)
            return
        self._recording += 1
        recorded: Deferred[Any] = self._journal.record((), changes)
        recorded.addCallbacks(
            self._recorded,
            self._failed,
            (self._flushed, (late, settled)),
            {},
            (self._unflushed, (late, settled)),
            {},
        )

    def _flushed(self, late: list[_Late], settled: dict[Settling, list[int]]) -> None:
        self._failures = 0
        for session, ordinals in settled.items():
            session.settled(ordinals)
        for each in late:
            each.done()

    def _unflushed(
        self, failure: Failure, late: list[_Late], settled: dict[Settling, list[int]]
    ) -> None:
        if failure.check(Unavailable) is None:
            if failure.check(CancelledError) is None:
                self.log.failure("what was done could not be stored", failure)
            self._flushed(late, settled)
            return
        self._late = late + self._late
        for session, ordinals in settled.items():
            self._settled.setdefault(session, []).extend(ordinals)
            self._gathered += len(ordinals)
        self._gathered += len(late)
        if self._closed:
            return
        self._calm()
        self._failures += 1
        wait = min(float(self._failures), LONGEST_WAIT)
        self._timer = self._clock.later(wait, self._flush_now)

    def _recorded(
        self, recorded: Recorded[Kept], stored: Callable[..., None], also: Sequence[Any]
    ) -> None:
        self._recording -= 1
        try:
            for each in recorded.removed:
                self._removed(each)
            stored(*also)
            for fact in recorded.kept:
                self._announce(fact)
        except Exception:  # noqa: BLE001
            # What follows from one record must not keep the others from theirs.
            self.log.failure("what follows from a record failed")
        if self._when_quiet:
            self._look_whether_quiet()

    def _failed(self, failure: Failure, unstored: Callable[..., None], also: Sequence[Any]) -> None:
        self._recording -= 1
        try:
            unstored(failure, *also)
        except Exception:  # noqa: BLE001
            self.log.failure("what follows from a failed record failed")
        if self._when_quiet:
            self._look_whether_quiet()

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_whether_quiet(self) -> None:
        if not self._recording:
            waiting, self._when_quiet = self._when_quiet, []
            for each in waiting:
                each.callback(None)
