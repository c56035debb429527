"""Work that is stored whole or not at all; names no library.

A `Unit` is an `async def unit(tx)` that awaits nothing but the ports it hands `tx` to. Decide
before, store inside, tell after: a unit never awaits a Deferred, a timer or a socket.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class Transaction(Protocol):
    """One open transaction. Opaque: only the store knows what can be done with it."""

    dialect: str


Unit = Callable[[Transaction], Coroutine[Any, Any, T]]


class Transactions(Protocol):
    """What a service needs of a database: snapshots to read from, and durable commits in order."""

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot; never waits for writers."""

    def commit(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` in its turn; fires with its result once it is durable.

        Raises errors.Unavailable when nothing could be stored; then nothing of it was.
        """
