"""The one thread that writes: takes all that waits, commits it, reports it, and begins again.

While one commit syncs, the next batch gathers; only where very much comes is there another waiting,
of a few milliseconds (`gathering.py`). A full or read-only disk
is looked at again by this thread itself, so that storing goes on without anybody asking. A failed
sync ends it: what the disk then holds is unknown, and later commits would build on it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock, monotonic
from mytracks.errors import Unavailable
from mytracks.store.database import StorageFailed, StorageFull
from mytracks.store.front import Job
from mytracks.store.limits import Limits
from mytracks.store.notes import PROBE, note
from mytracks.store.sqlite.ballast import Ballast
from mytracks.store.sqlite.batches import Batches
from mytracks.store.sqlite.failures import Trouble, is_full, line, passing_reason, trouble
from mytracks.store.sqlite.gathering import Gathering
from mytracks.store.sqlite.pragmas import WRITER, connect

NAME: Final = "storage-writer"
_ENDED: Final = "the writer ended"


class Reports(Protocol):
    """What the writer tells the reactor; every call is made on the reactor."""

    def opened(self) -> None:
        """The file is open and ready."""

    def not_opened(self, failure: Failure) -> None:
        """It is not, and the thread has ended."""

    def stored(self, jobs: Sequence[Job], outcomes: Sequence[Any]) -> None:
        """A batch is durable, or refused: each job's result or Failure."""

    def full(self, reason: str) -> None:
        """Nothing can be stored for now."""

    def recovered(self) -> None:
        """Storing works again."""

    def failed(self, reason: str) -> None:
        """Nothing will be stored any more."""

    def closed(self) -> None:
        """All that waited was stored and the file is closed."""


class Writer:
    """Owns the thread and its connection."""

    log = Logger()

    def __init__(
        self,
        path: Path,
        prepare: Callable[[], None],
        clock: Clock,
        limits: Limits,
        call: Callable[..., object],
        reports: Reports,
    ) -> None:
        self._path = path
        self._prepare = prepare
        self._clock = clock
        self._limits = limits
        self._call = call
        self._reports = reports
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._hurry = Event()
        self._gathering = Gathering(self._jobs.qsize, monotonic, self._hurry.wait)
        self._ballast = Ballast(path.parent, limits.ballast)
        self._refusing = ""
        self._unfolded = False
        self.ended = False
        self.commits = 0
        self._thread = Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        """Prepare and open the file in the thread; reports `opened` or `not_opened`."""
        self._thread.start()

    def put(self, job: Job) -> None:
        """One more unit."""
        self._jobs.put(job)

    def left(self) -> Sequence[Job]:
        """What nobody will store any more, after `failed`."""
        waiting = [self._jobs.get() for _ in range(self._jobs.qsize())]
        return [job for job in waiting if job is not None]

    def stop(self) -> None:
        """Store what waits, then close; reports `closed`."""
        self._hurry.set()
        self._jobs.put(None)

    def join(self) -> None:
        """Wait for the thread, which has reported its end."""
        self._thread.join()

    # In the thread, from here on.

    def _run(self) -> None:
        try:
            self._connection = self._connected()
            self._open()
        except Exception:  # noqa: BLE001  # the opener waits for an answer, whatever went wrong
            self._call(self._reports.not_opened, Failure())
            return
        self._call(self._reports.opened)
        try:
            self._serve()
        except BaseException:  # noqa: BLE001  # a silent end would leave all waiting
            # The error for the log alone: its words may hold what was to be stored.
            self.log.failure("the writer ended")
            self._end(_ENDED)

    def _connected(self) -> sqlite3.Connection:
        """Prepare and open the file; the log's index needs room, if need be that of the ballast."""
        try:
            self._prepare()
            return connect(self._path, WRITER)
        except (sqlite3.Error, OSError) as error:
            if not is_full(error, self._path.parent):
                raise
        self._ballast.drop()
        self._prepare()
        return connect(self._path, WRITER)

    def _open(self) -> None:
        self._batches = Batches(self._connection, self._path.parent)
        try:
            self._fold("TRUNCATE")
            self._ballast.make()
        except (sqlite3.Error, OSError) as error:
            # What was stored can be read all the same.
            if not is_full(error, self._path.parent):
                self._connection.close()
                raise
            self._refuse(error)

    def _serve(self) -> None:
        while not self.ended:
            wait = self._limits.probe_after if self._refusing else self._limits.idle_after
            try:
                first = self._jobs.get(timeout=wait)
            except Empty:
                self._idle()
                continue
            self._gathering.linger()
            jobs, last = self._gather(first)
            if jobs:
                self._gathering.took(len(jobs))
                self._commit(jobs)
            if last and not self.ended:
                self._close()

    def _gather(self, first: Job | None) -> tuple[list[Job], bool]:
        """All that waits, at most a batch; and whether that is the end."""
        jobs: list[Job] = []
        job = first
        while job is not None:
            jobs.append(job)
            if len(jobs) == self._limits.batch:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _commit(self, jobs: Sequence[Job]) -> None:
        if self._refusing:
            outcomes: Sequence[Any] = [Failure(StorageFull(self._refusing)) for _ in jobs]
        else:
            try:
                outcomes = self._batches.do([unit for unit, _ in jobs])
                self.commits += 1
                self._unfolded = True
            except (sqlite3.Error, MemoryError) as error:
                kind, reason = self._trouble(error)
                outcomes = [Failure(kind(reason)) for _ in jobs]
            except BaseException:
                # The writer ends, and these are no longer among those that wait.
                outcomes = [Failure(StorageFailed(_ENDED)) for _ in jobs]
                self._call(self._reports.stored, jobs, outcomes)
                raise
        self._call(self._reports.stored, jobs, outcomes)

    def _trouble(self, error: Exception) -> tuple[type[Unavailable], str]:
        """Meet an error of the file; what its batch is refused with."""
        if trouble(error, self._path.parent) is Trouble.PASSING:
            self._refuse(error)
            return StorageFull, self._refusing
        self._end(line(error))
        return StorageFailed, line(error)

    def _refuse(self, error: Exception) -> None:
        """Store nothing until a probe succeeds."""
        self._refusing = passing_reason(error, self._path.parent)
        self._call(self._reports.full, self._refusing)
        if is_full(error, self._path.parent):
            try:
                self._ballast.drop()
                self._fold("TRUNCATE")
            except (sqlite3.Error, OSError) as also:
                if trouble(also, self._path.parent) is Trouble.FATAL:
                    self._end(line(also))

    def _idle(self) -> None:
        if self._refusing:
            self._probe()
        elif self._unfolded:
            try:
                self._fold("PASSIVE")
            except sqlite3.Error as error:
                self._trouble(error)

    def _probe(self) -> None:
        """Whether the ballast can be made again and a commit goes through."""
        try:
            self._ballast.make()
            for outcome in self._batches.do([note(PROBE, "", int(self._clock.now()))]):
                if isinstance(outcome, Failure):
                    outcome.raiseException()
        except (sqlite3.Error, OSError, MemoryError) as error:
            if trouble(error, self._path.parent) is Trouble.FATAL:
                self._end(line(error))
            return
        self._refusing = ""
        self._unfolded = True
        self._call(self._reports.recovered)

    def _fold(self, mode: str) -> None:
        """Move the log into the database."""
        self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        self._unfolded = False

    def _end(self, reason: str) -> None:
        """Store nothing any more. The connection stays open: closing it would fold the log."""
        self.ended = True
        self._call(self._reports.failed, reason)

    def _close(self) -> None:
        self.ended = True
        try:
            if not self._refusing:
                self._fold("TRUNCATE")
            self._connection.close()
        except sqlite3.Error as error:
            # All is durable in the log; the next start folds it.
            self.log.warn("closing the store: {error}", error=line(error))
        self._call(self._reports.closed)
