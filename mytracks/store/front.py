"""The reactor's side of every database: counts what waits, refuses, and answers each sender.

Knows nothing of files, servers or SQL: a driver takes the units and reports what became of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.store.batches import Work
from mytracks.store.database import (
    DatabaseHealth,
    Mergeable,
    Producer,
    State,
    StorageBusy,
    StorageDown,
    StorageFailed,
    StorageFull,
    T,
    sql,
)
from mytracks.store.limits import Limits
from mytracks.store.statements import Statement, Values
from mytracks.store.waiting import Waiting
from mytracks.transaction import Transaction, Unit

Job = tuple[Work, Deferred[Any]]

REFUSALS: Final[Mapping[State, type[Unavailable]]] = {
    State.FULL: StorageFull,
    State.DOWN: StorageDown,
    State.FAILED: StorageFailed,
}


class Front:
    """What both databases have in common; a subclass has the threads or the connections.

    `where`: what nothing is stored in while there is trouble, for the log. `on_fatal` is called
    once, on the reactor, with one line, when nothing can be stored any more; the process should
    then end.
    """

    log = Logger()

    def __init__(
        self, where: str, clock: Clock, limits: Limits, on_fatal: Callable[[str], object]
    ) -> None:
        self._where = where
        self._clock = clock
        self._on_fatal = on_fatal
        self._waiting = Waiting(limits)
        self._closing = False
        self._health = DatabaseHealth(State.OK, "", clock.now())
        self._troubled_since = clock.now()

    @property
    def health(self) -> DatabaseHealth:
        """Whether units are stored."""
        return self._health

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
        self._put((unit, done))
        return done

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot of what is durable."""
        raise NotImplementedError

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

    def _put(self, job: Job) -> None:
        """Hand a unit to whatever stores it."""
        raise NotImplementedError

    def _refusal(self) -> Unavailable | None:
        if self._health.state is not State.OK:
            return REFUSALS[self._health.state](self._health.reason)
        return StorageFailed("the store is closed") if self._closing else None

    def _is(self, state: State, reason: str) -> None:
        now = self._clock.now()
        if self._health.state is State.OK:
            self._troubled_since = now
        since = self._health.since if self._health.state is state else now
        self._health = DatabaseHealth(state, reason, since)

    def _tell_fatal(self, reason: str) -> None:
        self.log.critical("nothing is stored any more: {reason}", reason=reason)
        self._on_fatal(reason)

    # Reports of whatever stores, made on the reactor.

    def stored(self, jobs: Sequence[Job], outcomes: Sequence[Any]) -> None:
        """A batch is durable, or refused: answer each sender in order."""
        self._waiting.remove(len(jobs), sum(getattr(unit, "weight", 0) for unit, _ in jobs))
        for (_, done), outcome in zip(jobs, outcomes, strict=True):
            done.callback(outcome)
        self._waiting.relax()

    def interrupted(self, state: State, reason: str, detail: str = "") -> None:
        """Nothing can be stored for now. `reason`: one line for anybody; `detail`: more of it, for
        the log alone."""
        if self._health.state is State.FAILED:
            return
        told = self._health.state is state
        self._is(state, reason)
        # What is kept until the server is back may be much: it must not hold everybody's pings.
        self._waiting.release()
        if not told:
            # Where it is is for the log alone: anybody may ask for the health.
            self.log.critical(
                "nothing is stored in {where} until this ends: {reason}{detail}",
                where=self._where,
                reason=reason,
                detail=f" ({detail})" if detail else "",
            )

    def recovered(self) -> None:
        """Storing works again, unless it was ended meanwhile."""
        if self._health.state is State.FAILED:
            return
        lasted = self._clock.now() - self._troubled_since
        self._is(State.OK, "")
        self.log.warn("storing again after {seconds:.0f} s", seconds=lasted)
