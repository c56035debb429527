"""Changes that are carried through, whoever waits for them.

Cancelling whoever waits for a change loses the answer, never the change: a browser that hangs up
must not leave memory behind what is stored.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")


def carried_through(change: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Run `change` to its end; fires with its result."""
    return _answer_of(Deferred.fromCoroutine(change))


class Turns:
    """One change at a time, in the order they were asked for: each decides, stores and replaces
    memory before the next begins."""

    def __init__(self) -> None:
        self._lock = DeferredLock()

    def take(self, change: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """Run `change` to its end when its turn comes; fires with its result."""
        return _answer_of(self._lock.run(lambda: Deferred.fromCoroutine(change())))


def _answer_of(running: Deferred[T]) -> Deferred[T]:
    answer: Deferred[T] = Deferred()
    running.addCallbacks(answer.callback, answer.errback)
    return answer
