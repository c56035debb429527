"""What a database driver does for the rest of the store, and what it refuses with.

A unit of work awaits nothing but its transaction, so the same unit is driven to its end inside a
thread by one driver and step by step on the reactor by another.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

from attrs import frozen
from twisted.internet.defer import Deferred

from mytracks.errors import Unavailable
from mytracks.store.statements import Rows, Statement, Values
from mytracks.transaction import Transaction, Unit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class StorageFull(Unavailable):
    """No space, read-only or locked by another program: not stored, may be tried again."""


class StorageFailed(Unavailable):
    """The writer has stopped for good; nothing is stored until the process starts again."""


class StorageDown(Unavailable):
    """The database server does not answer: not stored, may be tried again."""


class StorageBusy(Unavailable):
    """More waits to be stored than may wait."""


class SQLTransaction(Transaction, Protocol):
    """What statements can be run in. See `sql`."""

    async def run(self, statement: Statement, **values: Any) -> int:
        """Run it; the number of rows changed."""

    async def one(self, statement: Statement, **values: Any) -> Values | None:
        """Its first row; None when there is none."""

    async def all(self, statement: Statement, **values: Any) -> list[Values]:
        """All its rows."""

    async def insert(self, rows: Rows, values: Sequence[Values]) -> int:
        """Insert any number of rows; how many were new or changed."""

    def after(self, call: Callable[[], object]) -> None:
        """`call` once all of this is durable, before any later unit runs; never if it fails."""


def sql(tx: Transaction) -> SQLTransaction:
    """The one place where the services' opaque transaction becomes ours."""
    return cast(SQLTransaction, tx)


class Mergeable(Protocol[T_co]):
    """A unit that can be done in one go with neighbours of its kind."""

    @property
    def weight(self) -> int:
        """Bytes that it carries while it waits."""

    async def apply(self, tx: Transaction) -> T_co:
        """Do it alone, with all care."""

    async def apply_many(self, tx: Transaction, units: Sequence[Any]) -> Sequence[T_co]:
        """Do `units`, this one among them, the quick way; their results in order.

        Raising undoes all of them; they are then done in smaller groups, at last by `apply`.
        """


class Producer(Protocol):
    """A source of units that can be held back."""

    def pauseProducing(self) -> None:
        """Too much waits."""

    def resumeProducing(self) -> None:
        """Half of it is gone."""


class State(Enum):
    """Whether units are stored."""

    OK = "ok"
    FULL = "full"
    """Not at the moment; looked at again every second or so."""
    DOWN = "down"
    """The database server cannot be reached; it is tried again and again."""
    FAILED = "failed"
    """Not until the process starts again."""


@frozen
class DatabaseHealth:
    """`reason`: one line, empty while all is well. `since`: UTC seconds."""

    state: State
    reason: str
    since: float


class Database(Protocol):
    """Snapshots to read from and durable commits in the order of the calls."""

    @property
    def health(self) -> DatabaseHealth:
        """As of now."""

    def commit(self, unit: Unit[T] | Mergeable[T]) -> Deferred[T]:
        """Run `unit` in its turn; fires with its result once it is durable.

        What the unit raises comes back as it is and costs only this unit. Otherwise StorageFull,
        StorageDown, StorageFailed or StorageBusy: nothing of it was stored. A unit that was under
        way when the server was lost waits until it is known what became of it. Cancelling loses
        the answer, never the unit.
        """

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot of what is durable; never waits for writers."""

    def stream(
        self, statement: Statement, values: Mapping[str, Any], page: int
    ) -> AsyncIterator[list[Values]]:
        """The rows of a statement with a `key`, in pages, each read when it is asked for."""

    def attach(self, producer: Producer) -> None:
        """Hold `producer` back while too much waits."""

    def detach(self, producer: Producer) -> None:
        """It ended; it is no longer called."""

    def close(self) -> Deferred[None]:
        """Store what waits, refuse what comes, fire when all is closed."""
