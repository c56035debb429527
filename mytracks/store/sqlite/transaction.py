"""A transaction of SQLite, and driving a unit to its end inside the thread that owns it."""

import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from mytracks.store.batches import Sequel
from mytracks.store.statements import Rows, Statement, Values

T = TypeVar("T")


class SQLiteTransaction:
    """Runs statements at once: its coroutines never suspend."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, sequel: Sequel) -> None:
        self._execute = connection.execute
        self._sequel = sequel

    async def run(self, statement: Statement, **values: Any) -> int:
        """Run it; the number of rows changed."""
        return self._execute(statement.texts["sqlite"], {**statement.defaults, **values}).rowcount

    async def one(self, statement: Statement, **values: Any) -> Values | None:
        """Its first row; None when there is none."""
        rows = self._execute(statement.texts["sqlite"], {**statement.defaults, **values})
        # All are fetched: a cursor left open would keep its statement running.
        return next(iter(rows.fetchall()), None)

    async def all(self, statement: Statement, **values: Any) -> list[Values]:
        """All its rows."""
        rows = self._execute(statement.texts["sqlite"], {**statement.defaults, **values})
        return rows.fetchall()

    async def insert(self, rows: Rows, values: Sequence[Values]) -> int:
        """Insert any number of rows; how many were new or changed."""
        pieces = rows.pieces("sqlite", values)
        return sum(self._execute(text, flat).rowcount for text, flat in pieces)

    def after(self, call: Callable[[], object]) -> None:
        """`call` once all of this is durable; never if it is undone."""
        self._sequel.after(call)


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends. Raises RuntimeError when it does."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    work.close()
    raise RuntimeError("a unit of work awaited something else than its transaction")
