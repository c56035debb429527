"""The SQLite database as the reactor sees it: submits to the threads, hands back their answers."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.store.database import (
    DatabaseHealth,
    Mergeable,
    Producer,
    State,
    StorageBusy,
    StorageFailed,
    StorageFull,
    T,
    sql,
)
from mytracks.store.limits import Limits
from mytracks.store.sqlite.checking import damage
from mytracks.store.sqlite.readers import Readers
from mytracks.store.sqlite.writer import Job, Writer
from mytracks.store.statements import Statement, Values
from mytracks.store.waiting import Waiting
from mytracks.transaction import Transaction, Unit


class SQLiteDatabase:
    """Implements `store.database.Database`. `on_fatal` is called once, on the reactor, with one
    line, when nothing can be stored any more; the process should then end."""

    log = Logger()

    def __init__(
        self,
        path: Path,
        prepare: Callable[[], None],
        clock: Clock,
        reactor: IReactorFromThreads,
        limits: Limits,
        on_fatal: Callable[[str], object],
    ) -> None:
        call = reactor.callFromThread
        self._directory = path.parent
        self._clock = clock
        self._on_fatal = on_fatal
        self._waiting = Waiting(limits)
        self._writer = Writer(path, prepare, clock, limits, call, self)
        self._readers = Readers(path, limits, call)
        self._opened: Deferred[None] = Deferred()
        self._closed: Deferred[None] = Deferred()
        self._closing = False
        self._health = DatabaseHealth(State.OK, "", clock.now())

    def open(self) -> Deferred[None]:
        """Prepare and open the file; fails with what `prepare` raised."""
        self._writer.start()
        return self._opened

    @property
    def health(self) -> DatabaseHealth:
        """Whether units are stored."""
        return self._health

    @property
    def commits(self) -> int:
        """Batches committed so far."""
        return self._writer.commits

    @property
    def waiting(self) -> int:
        """Units submitted and not yet reported."""
        return self._waiting.units

    def commit(self, unit: Unit[T] | Mergeable[T]) -> Deferred[T]:
        """Run `unit` in its turn; fires with its result once it is durable."""
        refusal = self._refusal()
        if refusal is not None:
            return fail(refusal)
        try:
            self._waiting.add(getattr(unit, "weight", 0))
        except StorageBusy as busy:
            return fail(busy)
        done: Deferred[T] = Deferred()
        self._writer.put((unit, done))
        return done

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot of what is durable."""
        return self._readers.read(unit)

    async def stream(
        self, statement: Statement, values: Mapping[str, Any], page: int
    ) -> AsyncIterator[list[Values]]:
        """The rows of a statement with a `key`, in pages, each in a snapshot of its own."""
        at = dict(values)

        async def unit(tx: Transaction) -> list[Values]:
            return await sql(tx).all(statement, **at, page=page)

        while True:
            rows = await self.read(unit)
            if rows:
                yield rows
            if len(rows) < page:
                return
            at |= {parameter: rows[-1][column] for parameter, column in statement.key.items()}

    def attach(self, producer: Producer) -> None:
        """Hold `producer` back while too much waits."""
        self._waiting.attach(producer)

    def detach(self, producer: Producer) -> None:
        """It ended; it is no longer called."""
        self._waiting.detach(producer)

    def check(self) -> Deferred[None]:
        """Read the whole file in a reader's thread; damage is told to `on_fatal`."""
        found = self._readers.submit(
            lambda connection: "" if self._readers.closing else damage(connection)
        )
        return found.addCallbacks(self._checked, lambda failure: failure.trap(Unavailable))

    def close(self) -> Deferred[None]:
        """Store what waits, refuse what comes, fire when all is closed."""
        if not self._closing:
            self._closing = True
            self._readers.close()
            if self._writer.ended:
                self._closed.callback(None)
            else:
                self._writer.stop()
        return self._closed

    def _refusal(self) -> StorageFull | StorageFailed | None:
        if self._health.state is State.FULL:
            return StorageFull(self._health.reason)
        if self._health.state is State.FAILED:
            return StorageFailed(self._health.reason)
        return StorageFailed("the store is closed") if self._closing else None

    def _is(self, state: State, reason: str) -> None:
        self._health = DatabaseHealth(state, reason, self._clock.now())

    def _checked(self, found: str) -> None:
        if found:
            self._is(State.FAILED, found)
            self._tell_fatal(f"the database is damaged: {found}")

    # Reports of the writer, made on the reactor.

    def opened(self) -> None:
        """The file is open and ready."""
        self._readers.start()
        self._opened.callback(None)

    def not_opened(self, failure: Failure) -> None:
        """It is not."""
        self._is(State.FAILED, str(failure.value))
        self._writer.join()
        self._opened.errback(failure)

    def stored(self, jobs: Sequence[Job], outcomes: Sequence[Any]) -> None:
        """A batch is durable, or refused: answer each sender in order."""
        self._waiting.remove(len(jobs), sum(getattr(unit, "weight", 0) for unit, _ in jobs))
        for (_, done), outcome in zip(jobs, outcomes, strict=True):
            done.callback(outcome)
        self._waiting.relax()

    def full(self, reason: str) -> None:
        """Nothing can be stored for now."""
        self._is(State.FULL, reason)
        # Where it is is for the log alone: anybody may ask for the health.
        self.log.critical(
            "nothing is stored in {directory} until this ends: {reason}",
            directory=str(self._directory),
            reason=reason,
        )

    def recovered(self) -> None:
        """Storing works again."""
        lasted = self._clock.now() - self._health.since
        self._is(State.OK, "")
        self.log.warn("storing again after {seconds:.0f} s", seconds=lasted)

    def failed(self, reason: str) -> None:
        """Nothing will be stored any more."""
        left = self._writer.left()
        self._is(State.FAILED, reason)
        self.stored(left, [Failure(StorageFailed(reason)) for _ in left])
        if self._closing and not self._closed.called:
            self._closed.callback(None)
        self._tell_fatal(reason)

    def closed(self) -> None:
        """All that waited was stored and the file is closed."""
        self._writer.join()
        self._closed.callback(None)

    def _tell_fatal(self, reason: str) -> None:
        self.log.critical("nothing is stored any more: {reason}", reason=reason)
        self._on_fatal(reason)
