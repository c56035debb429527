"""A few threads that read, each on its own connection and each unit on one snapshot."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.store.batches import Sequel
from mytracks.store.database import StorageBusy, StorageFailed, StorageFull, T
from mytracks.store.limits import Limits
from mytracks.store.sqlite.failures import Trouble, line, name_of, trouble
from mytracks.store.sqlite.pragmas import READER, connect
from mytracks.store.sqlite.transaction import SQLiteTransaction, drive
from mytracks.transaction import Unit

NAME: Final = "storage-reader"

_PATIENCE: Final = 0.1
"""Seconds for a read to end by itself when the store closes."""

Read = Callable[[sqlite3.Connection], Any]


class Readers:
    """Owns the threads. `call`: runs something on the reactor."""

    log = Logger()

    def __init__(self, path: Path, limits: Limits, call: Callable[..., object]) -> None:
        self._path = path
        self._limits = limits
        self._call = call
        self._jobs: SimpleQueue[tuple[Read, Deferred[Any]] | None] = SimpleQueue()
        self._connections: list[sqlite3.Connection] = []
        self._threads: list[Thread] = []
        self._waiting = 0
        self._closing = False

    def start(self) -> None:
        """Open nothing yet: each thread opens its connection for its first read."""
        for number in range(1, self._limits.readers + 1):
            thread = Thread(target=self._run, name=f"{NAME}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot. Raises StorageBusy when too many wait."""
        return self.submit(lambda connection: drive(unit(SQLiteTransaction(connection, Sequel()))))

    def submit(self, read: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Run `read` between BEGIN and COMMIT on one of the connections."""
        if self._closing:
            return fail(StorageFailed("the store is closed"))
        if self._waiting >= self._limits.waiting_reads:
            return fail(StorageBusy("too much waits to be read"))
        self._waiting += 1
        answer: Deferred[T] = Deferred()
        self._jobs.put((read, answer))
        return answer

    def close(self) -> None:
        """Finish what waits, break off what would take long, and wait for the threads."""
        self._closing = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE)
            while thread.is_alive():
                for connection in list(self._connections):
                    connection.interrupt()
                thread.join(_PATIENCE)

    @property
    def closing(self) -> bool:
        """Whether a long read should not even begin."""
        return self._closing

    def _answered(self, answer: Deferred[Any], result: Any) -> None:
        self._waiting -= 1
        answer.callback(result)

    # In the threads, from here on.

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            read, answer = job
            try:
                if connection is None:
                    connection = connect(self._path, READER)
                    self._connections.append(connection)
                result = self._snapshot(connection, read)
            except Exception as error:  # noqa: BLE001  # whatever a unit raises is its sender's
                result = self._failure(error)
            self._call(self._answered, answer, result)
        if connection is not None:
            self._connections.remove(connection)
            connection.close()

    def _snapshot(self, connection: sqlite3.Connection, read: Read) -> Any:
        connection.execute("BEGIN")
        try:
            return read(connection)
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")

    def _failure(self, error: Exception) -> Failure:
        """What the asker gets: trouble of the file as our own refusal."""
        if self._closing and name_of(error) == "SQLITE_INTERRUPT":
            return Failure(StorageFailed("the store is closed"))
        kind = trouble(error, self._path.parent)
        if kind is None:
            return Failure()
        self.log.error("reading failed: {error}", error=line(error))
        return Failure((StorageFailed if kind is Trouble.FATAL else StorageFull)(line(error)))
