"""Changes that must not overlap: each decides, stores and replaces memory before the next begins.

Cancelling whoever waits for a change loses the answer, never the change: a browser that hangs up
must not leave memory behind what is stored.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")


class Turns:
    """One change at a time, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = DeferredLock()

    def take(self, change: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """Run `change` to its end when its turn comes; fires with its result."""
        running: Deferred[T] = self._lock.run(lambda: Deferred.fromCoroutine(change()))
        answer: Deferred[T] = Deferred()
        running.addCallbacks(answer.callback, answer.errback)
        return answer
