"""One connection of SQLite as batches use it: each is driven to its end inside the thread."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mytracks.store.batches import Batch, Sequel, Work
from mytracks.store.sqlite.failures import trouble
from mytracks.store.sqlite.transaction import SQLiteTransaction, drive
from mytracks.transaction import Unit


class Batches:
    """Commits batches. Implements `store.batches.Port`, whose methods never suspend here."""

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._directory = directory
        self.sequel = Sequel()
        self._tx = SQLiteTransaction(connection, self.sequel)

    def do(self, units: Sequence[Work]) -> Sequence[Any]:
        """Each unit's result, or its Failure, once all is durable.

        Raises sqlite3.Error or MemoryError for trouble of the file: then nothing was stored.
        """
        batch = Batch(units)
        try:
            drive(batch.run(self))
        except BaseException:
            self.sequel.forget(0)
            self._roll_back()
            raise
        self.sequel.durable()
        return batch.outcomes

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            # When this fails too, the file is beyond it: the first error counts.
            with suppress(sqlite3.Error):
                self._execute("ROLLBACK")

    # As a batch's port.

    async def begin(self) -> None:
        """Begin a transaction that will write."""
        self._execute("BEGIN IMMEDIATE")

    async def enter(self) -> None:
        """Set the savepoint."""
        self._execute("SAVEPOINT unit")

    async def undo(self) -> None:
        """Go back to the savepoint, which stays."""
        self._execute("ROLLBACK TO unit")

    async def leave(self) -> None:
        """Forget the savepoint."""
        self._execute("RELEASE unit")

    async def commit(self) -> None:
        """Make it durable."""
        self._execute("COMMIT")

    async def run(self, unit: Unit[Any]) -> Any:
        """The result of `unit`. Raises RuntimeError if it awaits what is not its transaction's."""
        return drive(unit(self._tx))

    def ends_batch(self, error: Exception) -> bool:
        """Whether it is trouble of the file."""
        return trouble(error, self._directory) is not None

    def contradicted(self, error: BaseException | None) -> bool:
        """Never: nobody else writes while we do."""
        return False
