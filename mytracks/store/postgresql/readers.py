"""A few connections that read, each unit on one snapshot; opened when they are first needed."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Tasks
from mytracks.errors import Unavailable
from mytracks.store.batches import Sequel
from mytracks.store.database import StorageBusy, StorageDown, StorageFailed, StorageFull, T
from mytracks.store.postgresql.connection import Link, Server
from mytracks.store.postgresql.failures import (
    READ_ONLY,
    Late,
    Trouble,
    code_of,
    line,
    reason,
    trouble,
)
from mytracks.store.postgresql.transaction import PostgreSQLTransaction, isolated
from mytracks.transaction import Unit

_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CLOSED: Final = "the store is closed"


class _Seat:
    """A place for a connection."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.busy = False


class Readers:
    """Owns the connections. `silent`: called when one of them got no answer in time."""

    log = Logger()

    def __init__(self, server: Server, silent: Callable[[Exception], object]) -> None:
        self._server = server
        self._silent = silent
        self._seats = [_Seat() for _ in range(server.limits.readers)]
        self._jobs: deque[tuple[Unit[Any], Deferred[Any]]] = deque()
        self._waiting = 0
        self._tasks = Tasks()
        self._closing = False
        self._quiet: Deferred[None] | None = None

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot. Fails with StorageBusy when too many wait."""
        if self._closing:
            return fail(StorageFailed(_CLOSED))
        if self._waiting >= self._server.limits.waiting_reads:
            return fail(StorageBusy("too much waits to be read"))
        self._waiting += 1
        answer: Deferred[T] = Deferred()
        self._jobs.append((unit, answer))
        seat = next((seat for seat in self._seats if not seat.busy), None)
        if seat is not None:
            seat.busy = True
            self._tasks.start(self._serve(seat), "reading")
        return answer

    def refuse(self, refusal: Unavailable) -> None:
        """Nothing can be read for now: so it is told to all that wait for a connection."""
        jobs = list(self._jobs)
        self._jobs.clear()
        for _, answer in jobs:
            self._answered(answer, Failure(refusal))

    async def close(self) -> None:
        """Finish what waits, then close the connections."""
        self._closing = True
        if any(seat.busy for seat in self._seats):
            self._quiet = Deferred()
            await self._quiet
        self.abort()

    def abort(self) -> None:
        """Wait for the server no longer."""
        self._closing = True
        self.refuse(StorageFailed(_CLOSED))
        for seat in self._seats:
            if seat.link is not None:
                seat.link.close()

    async def _serve(self, seat: _Seat) -> None:
        try:
            while self._jobs:
                unit, answer = self._jobs.popleft()
                tx, result = await self._result(seat, unit)
                self._answered(answer, result)
                await self._ended(seat, tx)
        finally:
            seat.busy = False
            if self._quiet is not None and not any(seat.busy for seat in self._seats):
                quiet, self._quiet = self._quiet, None
                quiet.callback(None)

    def _answered(self, answer: Deferred[Any], result: Any) -> None:
        self._waiting -= 1
        answer.callback(result)

    async def _result(
        self, seat: _Seat, unit: Unit[Any]
    ) -> tuple[PostgreSQLTransaction | None, Any]:
        """What `unit` gives, or its Failure; on another connection if the one it had was stale."""
        while True:
            stale = seat.link is not None and not seat.link.ended
            tx = None
            try:
                tx = PostgreSQLTransaction(await self._linked(seat), Sequel())
                tx.owe(_BEGIN)
                return tx, await isolated(tx, unit(tx))
            except Exception as error:  # noqa: BLE001  # a unit's is its sender's
                kind = trouble(error)
                if kind is None or code_of(error) == READ_ONLY:
                    return tx, Failure()
                lost = kind is Trouble.LOST and not isinstance(error, Late)
                if lost and stale and not self._closing:
                    continue
                return tx, Failure(self._refusal(kind, error))

    def _refusal(self, kind: Trouble, error: Exception) -> Unavailable:
        """Trouble of the server as our own refusal."""
        if self._closing:
            return StorageFailed(_CLOSED)
        self.log.error("reading failed: {error}", error=line(error))
        if kind is Trouble.LOST:
            if isinstance(error, Late):
                self._silent(error)
            return StorageDown(reason(error))
        return (StorageFailed if kind is Trouble.FATAL else StorageFull)(reason(error))

    async def _linked(self, seat: _Seat) -> Link:
        if seat.link is None or seat.link.ended:
            seat.link = self._server.link(lambda _: None)
            await self._server.open(seat.link)
        return seat.link

    async def _ended(self, seat: _Seat, tx: PostgreSQLTransaction | None) -> None:
        """End the transaction; its answer is on its way already."""
        if tx is None or not tx.begun or seat.link is None or seat.link.ended:
            return
        try:
            await seat.link.execute("COMMIT")
        except Exception as error:
            seat.link.close()
            if trouble(error) is None:
                raise
