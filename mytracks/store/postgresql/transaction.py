"""A transaction of PostgreSQL, and running a unit on the reactor so that it awaits nothing else."""

from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from mytracks.store.batches import Sequel
from mytracks.store.postgresql.connection import Link
from mytracks.store.postgresql.literals import inserts
from mytracks.store.statements import Rows, Statement, Values

T = TypeVar("T")


class PostgreSQLTransaction:
    """Runs statements on one connection, one after the other.

    What only steers the transaction is owed: it is sent in one text with the next statement, which
    saves a round trip each.
    """

    dialect = "postgresql"

    def __init__(self, link: Link, sequel: Sequel) -> None:
        self._link = link
        self._sequel = sequel
        self._owed = b""
        self.begun = False
        """Whether anything was sent."""
        self.waits_for: Deferred[Any] | None = None
        """What a unit may await now."""

    async def run(self, statement: Statement, **values: Any) -> int:
        """Run it; the number of rows changed."""
        return int((await self._statement(statement, values)).rowcount)

    async def one(self, statement: Statement, **values: Any) -> Values | None:
        """Its first row; None when there is none."""
        row: Values | None = (await self._statement(statement, values)).fetchone()
        return row

    async def all(self, statement: Statement, **values: Any) -> list[Values]:
        """All its rows."""
        rows: list[Values] = (await self._statement(statement, values)).fetchall()
        return rows

    async def insert(self, rows: Rows, values: Sequence[Values]) -> int:
        """Insert any number of rows; how many were new or changed."""
        count = 0
        for text in inserts(self._link, rows, values):
            count += (await self.send(text)).rowcount
        return count

    def after(self, call: Callable[[], object]) -> None:
        """`call` once all of this is durable; never if it is undone."""
        self._sequel.after(call)

    def owe(self, control: str) -> None:
        """Send this before the next statement."""
        self._owed += control.encode() + b";"

    def send(self, text: bytes) -> Deferred[Any]:
        """What is owed, and `text`; fires with a cursor that has the result of the latter."""
        owed, self._owed = self._owed, b""
        self.begun = True
        self.waits_for = self._link.execute(owed + text)
        return self.waits_for

    @property
    def failed(self) -> bool:
        """Whether a statement has failed, so that the rest of it can only be undone."""
        return self._link.failed

    def _statement(self, statement: Statement, values: dict[str, Any]) -> Deferred[Any]:
        # Rendered first: what psycopg2 refuses must not take with it what is owed.
        text = statement.texts["postgresql"]
        return self.send(self._link.render(text, {**statement.defaults, **values}))


@coroutine
def isolated(tx: PostgreSQLTransaction, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """The result of a unit that awaits only statements of `tx`, and goes on after none that failed.

    Raises RuntimeError when it does: it would hold the connection for as long as it likes, or be
    reported as stored although the server has undone it.
    """
    step: Callable[[], Any] = partial(work.send, None)
    while True:
        try:
            awaited = step()
        except StopIteration as stop:
            if tx.begun and tx.failed:
                raise RuntimeError("a unit of work went on after a failed statement") from None
            result: T = stop.value
            return result
        if awaited is not tx.waits_for:
            work.close()
            raise RuntimeError("a unit of work awaited something else than its transaction")
        try:
            answer = yield awaited
        except BaseException as error:  # noqa: BLE001  # the unit's own to meet
            step = partial(work.throw, error)
        else:
            step = partial(work.send, answer)
