"""The writing connection as batches use it.

Every batch has a number, which it leaves in `writer_mark` with its own transaction, first of all:
whoever reads the mark on another connection waits until the server has ended that transaction, and
then knows whether a COMMIT whose answer was lost had arrived.
"""

from collections.abc import Callable
from typing import Any, Final

from mytracks.store.batches import Sequel
from mytracks.store.postgresql.connection import Link, Server
from mytracks.store.postgresql.failures import (
    CONTRADICTIONS,
    Gone,
    Moved,
    Trouble,
    code_of,
    trouble,
)
from mytracks.store.postgresql.transaction import PostgreSQLTransaction, isolated
from mytracks.store.schema import REVISION
from mytracks.transaction import Unit

_REVISION: Final = "SELECT version_num FROM alembic_version"
_FIRST: Final = "INSERT INTO writer_mark (node, batch) VALUES ({node}, 0)"


class Marked:
    """Implements `store.batches.Port`. `on_end`: called when the connection ends while idle."""

    MARK = "SELECT batch FROM writer_mark WHERE node = {node} FOR UPDATE"
    """Waits for a transaction of ours that the server has not ended yet."""

    def __init__(self, server: Server, on_end: Callable[[], object]) -> None:
        self._server = server
        self._node = server.limits.node
        self._on_end = on_end
        self._link: Link | None = None
        self._tx: PostgreSQLTransaction | None = None
        self._careful = False
        self._savepoint = 0
        self._batch: int | None = None
        self.sequel = Sequel()
        self.arrived = False
        """Whether the batch under way was found to be stored by the latest `connect`."""

    @property
    def usable(self) -> bool:
        """Whether there is a connection."""
        return self._tx is not None and self._link is not None and not self._link.ended

    async def connect(self) -> None:
        """A new connection, and what the mark says of the batch under way.

        Raises Late, Gone, Moved or an error of psycopg2; then there is none.
        """
        self.close()
        self._link = link = self._server.link(lambda _: self._on_end())
        try:
            await self._server.open(link)
            if (await link.execute(_REVISION)).fetchall() != [(REVISION,)]:
                raise Moved("the tables of the database have another revision now")
            mark = await self._marked(link)
        except BaseException:
            link.close()
            raise
        self.arrived = self._batch is not None and mark == self._batch
        self._batch = mark if self._batch is None else self._batch
        self._tx = PostgreSQLTransaction(link, self.sequel)

    async def _marked(self, link: Link) -> int:
        """The number of the latest batch that is stored."""
        rows = (await link.execute(self.MARK.format(node=self._node))).fetchall()
        if not rows:
            await link.execute(_FIRST.format(node=self._node))
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """End the connection, or the attempt at one; what is asked fails."""
        self._tx = None
        if self._link is not None:
            self._link.close()

    def give_way(self) -> None:
        """Another process writes under our number: its mark says nothing of our batch."""
        self.close()
        self._batch, self.arrived = None, False

    def next(self) -> None:
        """A new batch is under way."""
        assert self._batch is not None
        self._batch += 1
        self._careful = self.arrived = False

    async def ask(self, text: str) -> Any:
        """Run SQL outside of any batch. Raises as a unit's statement does."""
        return await self._transaction().send(text.encode())

    async def roll_back(self, *, careful: bool = False) -> None:
        """Undo the batch under way. `careful`: from now on nothing is joined in it."""
        self._careful = careful
        link, self._tx = self._link, None
        if link is None or link.ended:
            return
        try:
            await link.execute("ROLLBACK")
        except Exception as error:
            # Another connection will do; anything else is a mistake of ours.
            link.close()
            if trouble(error) is None:
                raise
        else:
            self._tx = PostgreSQLTransaction(link, self.sequel)

    # As a batch's port.

    async def begin(self) -> None:
        """Begin a transaction, and mark it.

        Never with less than there is: a batch of no statement goes with its COMMIT in one text, and
        a server that hung may run that when later batches are stored.
        """
        where = f"node = {self._node} AND batch < {self._batch}"
        await self._control(f"BEGIN;UPDATE writer_mark SET batch = {self._batch} WHERE {where}")

    async def enter(self) -> None:
        """Set the savepoint; each has its own name, so that none is taken for an earlier one."""
        self._savepoint += 1
        await self._control(f"SAVEPOINT u{self._savepoint}")

    async def undo(self) -> None:
        """Go back to the savepoint, which stays."""
        await self._control(f"ROLLBACK TO u{self._savepoint}")

    async def leave(self) -> None:
        """Forget the savepoint."""
        await self._control(f"RELEASE u{self._savepoint}")

    async def commit(self) -> None:
        """Make it durable."""
        cursor = await self._transaction().send(b"COMMIT")
        # The server answers COMMIT with ROLLBACK where something had failed before.
        if cursor.statusmessage != "COMMIT":
            raise RuntimeError(f"COMMIT was answered with {cursor.statusmessage}")

    async def run(self, unit: Unit[Any]) -> Any:
        """The result of `unit`. Raises RuntimeError if it awaits what is not its transaction's."""
        tx = self._transaction()
        return await isolated(tx, unit(tx))

    def ends_batch(self, error: Exception) -> bool:
        """Whether it says something of the server or the connection."""
        return self.trouble(error) is not None

    def contradicted(self, error: BaseException | None) -> bool:
        """Whether a row was made or removed between a look and an insert: the next look sees it."""
        return code_of(error) in CONTRADICTIONS

    def trouble(self, error: Exception) -> Trouble | None:
        """What `error` says of them; whatever it says, a connection may have ended meanwhile."""
        kind = trouble(error)
        return kind if kind is Trouble.FATAL or self.usable else Trouble.LOST

    async def _control(self, text: str) -> None:
        tx = self._transaction()
        if self._careful:
            await tx.send(text.encode())
        else:
            tx.owe(text)

    def _transaction(self) -> PostgreSQLTransaction:
        if self._tx is None:
            raise Gone("there is no connection")
        return self._tx
