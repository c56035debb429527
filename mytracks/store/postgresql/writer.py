"""The one connection that writes: takes all that waits, commits it, reports it, and begins again.

A batch that was under way when the connection was lost is kept: on the next connection it is done
again, unless its mark says that its COMMIT had arrived. While the server cannot be reached, what
comes is refused; a full or read-only database is looked at again and again.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.store.batches import Batch
from mytracks.store.database import State, StorageDown, StorageFailed, StorageFull
from mytracks.store.front import Job
from mytracks.store.notes import PROBE, note
from mytracks.store.postgresql.connection import Server
from mytracks.store.postgresql.failures import Late, Trouble, line, reason, trouble
from mytracks.store.postgresql.port import Marked

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to connect."""
_TRIES: Final = 20
"""Attempts at a batch that the server undoes for another's sake, or that ends the connection each
time: those behind it must have their turn."""


class Reports(Protocol):
    """What the writer tells."""

    def stored(self, jobs: Sequence[Job], outcomes: Sequence[Any]) -> None:
        """A batch is durable, or refused: each job's result or Failure."""

    def interrupted(self, state: State, reason: str, detail: str) -> None:
        """Nothing can be stored for now."""

    def recovered(self) -> None:
        """Storing works again."""

    def failed(self, reason: str) -> None:
        """Nothing will be stored any more."""


class Writer:
    """Owns the connection. All of it runs on the reactor."""

    log = Logger()

    def __init__(self, server: Server, reports: Reports) -> None:
        self._clock = server.clock
        self._limits = server.limits
        self._reports = reports
        self._port = Marked(server, self._stir)
        self._jobs: deque[Job] = deque()
        self._state = State.OK
        self._refusing = ""
        self._held = ""
        """Why another process is given way to; empty: none is."""
        self._suspected = False
        self._stopping = self._aborted = False
        self._stirred = False
        self._wake: Deferred[bool] | None = None
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self.ended = False
        self.commits = 0

    async def open(self) -> None:
        """Connect. Raises what that raises."""
        await self._port.connect()
        self._running = Deferred.fromCoroutine(self._run())

    def put(self, job: Job) -> None:
        """One more unit."""
        self._jobs.append(job)
        self._stir()

    def suspect(self, error: Exception) -> None:
        """Somebody else got no answer in time: look whether the server is there."""
        if not self._refusing and not self.ended:
            self._down(error)
        self._suspected = True
        self._stir()

    def hold(self, why: str) -> None:
        """Another process writes in our place: store nothing, the batch under way either."""
        if not self.ended:
            self._held, self._refusing = why, ""
            self._port.give_way()
            self._interrupted(State.DOWN, StorageDown(why), why)
            self._stir()

    def release(self) -> None:
        """It is gone: go on as after a lost connection."""
        self._held = ""
        self._stir()

    async def stop(self) -> None:
        """Store what waits, refuse it if that cannot be done, and close."""
        self._stopping = True
        self._stir()
        if self._running is not None:
            await self._running
        self._port.close()

    def abort(self) -> None:
        """Wait for the server no longer: what waits is refused."""
        self._aborted = self._stopping = True
        self._port.close()
        self._stir()

    async def _run(self) -> None:
        try:
            while not self.ended:
                if self._jobs and not self._refusing:
                    await self._commit(self._gather())
                elif self._stopping:
                    break
                else:
                    await self._rest()
        except Exception:  # noqa: BLE001  # a silent end would leave all waiting
            self.log.failure("the writer ended")
            self._end("the writer ended")

    def _gather(self) -> Sequence[Job]:
        return [self._jobs.popleft() for _ in range(min(len(self._jobs), self._limits.batch))]

    async def _commit(self, jobs: Sequence[Job]) -> None:
        try:
            outcomes = await self._outcomes(Batch([unit for unit, _ in jobs]))
        except Exception:
            # The writer ends: these are told so with those that wait.
            self._jobs.extendleft(reversed(jobs))
            raise
        if isinstance(outcomes, Unavailable):
            outcomes = [Failure(outcomes) for _ in jobs]
        else:
            self.commits += 1
            self._recovered()
        self._reports.stored(jobs, outcomes)

    async def _outcomes(self, batch: Batch) -> Sequence[Any] | Unavailable:
        """What became of each unit, once that is known; or why none was stored."""
        tries = 0
        self._port.next()
        while not self._port.arrived:
            try:
                await batch.run(self._port)
                break
            except Exception as error:  # noqa: BLE001  # judged: those waiting need an answer
                tries += 1
                refusal = await self._met(error, tries)
            if refusal is not None:
                return refusal
        self._port.sequel.durable()
        return batch.outcomes

    async def _met(self, error: Exception, tries: int) -> Unavailable | None:
        """Meet an error that ended a batch; what it is refused with. None: the same again, unless
        it has arrived."""
        kind = self._port.trouble(error)
        if kind is Trouble.LOST:
            if await self._regain(error) and (tries < _TRIES or self._port.arrived):
                return None
            return (StorageFailed if self.ended else StorageDown)(reason(error))
        again = kind is Trouble.AGAIN and tries < _TRIES
        await self._port.roll_back(careful=again)
        if again:
            return None
        if kind is Trouble.FATAL or kind is None:
            # A unit costs no more than itself: this is of the edges of the batch, or of its tables.
            if kind is None:
                # For the log alone: a server's words may hold what was to be stored.
                self.log.error("a batch failed: {error}", error=line(error))
            self._end(reason(error) if kind else "a batch failed")
            return StorageFailed(reason(error))
        self._refuse(error)
        return StorageFull(self._refusing)

    def _refuse(self, error: Exception) -> None:
        """Store nothing until a probe succeeds."""
        self._refusing = reason(error)
        self._interrupted(State.FULL, StorageFull(self._refusing), line(error))

    async def _regain(self, error: Exception) -> bool:
        """A new connection, however long it takes; False: storing ends first."""
        self._port.close()
        if isinstance(error, Late):
            self._down(error)
        pause = _FIRST_PAUSE
        while not self._aborted and not self._held:
            try:
                await self._port.connect()
            except Exception as failed:  # noqa: BLE001  # whatever it is, it is tried again
                if trouble(failed) is Trouble.FATAL:
                    self._end(reason(failed))
                    return False
                if trouble(failed) is None:
                    self.log.failure("connecting failed")
                self._down(failed)
            else:
                return True
            if self._stopping:
                return False
            await self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False

    def _down(self, error: Exception) -> None:
        """There is no connection, or none that can write."""
        if trouble(error) is Trouble.PASSING:
            self._interrupted(State.FULL, StorageFull(reason(error)), line(error))
        else:
            self._interrupted(State.DOWN, StorageDown(reason(error)), line(error))

    def _interrupted(self, state: State, refusal: Unavailable, detail: str) -> None:
        self._state = state
        self._reports.interrupted(state, str(refusal), detail)
        self._drop(refusal)

    def _drop(self, refusal: Unavailable) -> None:
        """Nothing of what waits is stored."""
        if self._jobs:
            waiting = list(self._jobs)
            self._jobs.clear()
            self._reports.stored(waiting, [Failure(refusal) for _ in waiting])

    def _recovered(self) -> None:
        self._suspected = False
        if self._state is not State.OK:
            self._state, self._refusing = State.OK, ""
            self._reports.recovered()

    async def _rest(self) -> None:
        """Wait for work; look at the server when there is none, or when there is a doubt."""
        if self._held:
            await self._pause(self._limits.probe_after)
            return
        if self._port.usable and not self._suspected:
            calm = self._state is State.OK
            if await self._pause(self._limits.idle_after if calm else self._limits.probe_after):
                return
        self._suspected = False
        try:
            await self._look()
        except Exception as error:  # noqa: BLE001  # judged
            kind = self._port.trouble(error)
            if kind is Trouble.LOST:
                if await self._regain(error) and not self._refusing:
                    self._recovered()
            elif kind is Trouble.FATAL:
                self._end(reason(error))
            else:
                await self._port.roll_back()
                self._refuse(error)

    async def _look(self) -> None:
        """Whether anything can be stored again; where that is not in doubt, the server is asked."""
        if not self._refusing:
            await self._port.ask("SELECT 1")
            self._recovered()
            return
        batch = Batch([note(PROBE, "", int(self._clock.now()))])
        self._port.next()
        await batch.run(self._port)
        for outcome in batch.outcomes:
            if isinstance(outcome, Failure):
                outcome.raiseException()
        self._recovered()

    async def _pause(self, seconds: float) -> bool:
        """Wait; at most until there is something to do, which is then true."""
        if self._stopping or self._jobs:
            seconds = 0.0
        self._wake, self._stirred = Deferred(), False
        self._timer = self._clock.later(seconds, self._woken, False)
        return await self._wake

    def _stir(self) -> None:
        """There is something to do. In the next turn: what comes in this one goes along."""
        if self._wake is not None and self._timer is not None and not self._stirred:
            self._stirred = True
            self._timer.cancel()
            self._timer = self._clock.later(0, self._woken, True)

    def _woken(self, work: bool) -> None:
        wake, self._wake, self._timer = self._wake, None, None
        if wake is not None:
            wake.callback(work)

    def _end(self, why: str) -> None:
        """Store nothing any more."""
        self.ended = True
        self._port.close()
        self._reports.failed(why)
        self._drop(StorageFailed(why))
