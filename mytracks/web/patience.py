"""How long a request waits for its answer: no client is kept for as long as a database is away.

Who waits gets an answer, what was begun goes on: cancelling a handler loses its answer, never what
it has handed to the store.
"""

from typing import Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Refused, Unavailable

T = TypeVar("T")


class Patience:
    """Of one request: `seconds` without an answer, or since it was last seen that one comes."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end: IDelayedCall | None = None

    def renew(self) -> None:
        """A part of a long answer is there: wait for the next one as long again."""
        if self._end is not None and self._end.active():
            self._end.reset(self._seconds)

    def wait_for(self, work: Deferred[T]) -> Deferred[T]:
        """As `work`, but Unavailable when it takes too long; nobody waits for it then."""
        if work.called:
            return work
        wait = _Wait(work)
        self._end = end = self._clock.later(self._seconds, wait.give_up)
        return wait.answer.addBoth(_without, end)


class _Wait(Generic[T]):
    """Whichever comes first: what becomes of `work`, or the end of patience."""

    log = Logger()

    def __init__(self, work: Deferred[T]) -> None:
        self.answer: Deferred[T] = Deferred(lambda _: work.cancel())
        self._work = work
        work.addCallbacks(self._done, self._failed)

    def give_up(self) -> None:
        """It took too long."""
        self.answer.errback(Unavailable("There was no answer in time. Try again later."))
        self._work.cancel()

    def _done(self, result: T) -> None:
        if not self.answer.called:
            self.answer.callback(result)

    def _failed(self, failure: Failure) -> None:
        if not self.answer.called:
            self.answer.errback(failure)
        elif failure.check(CancelledError, Refused) is None:
            self.log.failure("after nobody waited for it any more", failure)


def _without(result: T, end: IDelayedCall) -> T:
    if end.active():
        end.cancel()
    return result
