"""One batch of units in one transaction: neighbours merged, a bad one among few.

Decides which error costs one unit and which costs the batch; not what happens then.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from twisted.python.failure import Failure

from mytracks.store.database import Mergeable
from mytracks.store.sqlite.failures import trouble
from mytracks.store.sqlite.transaction import SQLiteTransaction, drive
from mytracks.transaction import Unit

Work = Unit[Any] | Mergeable[Any]

_FEW: Final = 8
"""Units that are done one by one rather than in smaller groups."""
_PATIENCE: Final = 24
"""Failures after which nothing is halved any more: that finds about three bad ones; where there are
many, as in a queue that was sent before, all that is undone would cost more than it saves."""


class Batches:
    """Commits batches on one connection."""

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._directory = directory
        self._tx = SQLiteTransaction(connection)

    def commit(self, units: Sequence[Work]) -> list[Any]:
        """Each unit's result, or its Failure, once all is durable.

        Raises sqlite3.Error or MemoryError for trouble of the file: then nothing was stored.
        """
        outcomes: list[Any] = []
        try:
            self._execute("BEGIN IMMEDIATE")
            for group in _neighbours(units):
                outcomes += self._group(group)
            self._execute("COMMIT")
        except BaseException:
            self._tx.undo(0)
            self._roll_back()
            raise
        self._tx.durable()
        return outcomes

    def _group(self, group: Sequence[Work]) -> Sequence[Any]:
        if not hasattr(group[0], "apply_many"):
            return [self._alone(cast(Unit[Any], unit)) for unit in group]
        return self._merged(cast(Sequence[Mergeable[Any]], group))

    def _merged(self, group: Sequence[Mergeable[Any]]) -> Sequence[Any]:
        """All in one go; where that fails in halves, until the bad ones are among few."""
        outcomes: list[Any] = []
        failures = 0
        waiting = [group]
        while waiting:
            part = waiting.pop()
            results = self._alone(partial(part[0].apply_many, units=part))
            if not isinstance(results, Failure):
                outcomes += results
                continue
            failures += 1
            if len(part) <= _FEW or failures >= _PATIENCE:
                outcomes += [self._alone(unit.apply) for unit in part]
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
        return outcomes

    def _alone(self, unit: Unit[Any]) -> Any:
        """The result of `unit`, or its Failure with nothing of it left."""
        mark = self._tx.mark()
        self._execute("SAVEPOINT unit")
        try:
            result = drive(unit(self._tx))
        except Exception as error:  # whatever a unit raises is its sender's
            if trouble(error, self._directory) is not None:
                raise
            result = Failure()
            self._execute("ROLLBACK TO unit")
            self._tx.undo(mark)
        self._execute("RELEASE unit")
        return result

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            # When this fails too, the file is beyond it: the first error counts.
            with suppress(sqlite3.Error):
                self._execute("ROLLBACK")


def _neighbours(units: Sequence[Work]) -> Iterator[Sequence[Work]]:
    """`units` cut where the kind changes."""
    start = 0
    for end in range(1, len(units) + 1):
        if end == len(units) or type(units[end]) is not type(units[start]):
            yield units[start:end]
            start = end
