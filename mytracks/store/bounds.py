"""Tables of messages that are bounded: beyond a count of rows or bytes of bodies the oldest go."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import BigInteger, Integer, Table, bindparam, delete, func, select

from mytracks.store.database import sql
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

_AT_ONCE: Final = 1_000
_SPARE: Final = 20
"""Where the bound is reached a twentieth goes, so that it is not reached again by the next row."""


class Queries:
    """What is asked of one table, which has an `id` that grows and a `body`."""

    def __init__(self, table: Table) -> None:
        size, number = func.length(table.c.body), table.c.id
        most, last = bindparam("most", type_=Integer), bindparam("last", type_=BigInteger)
        self.held = Statement(select(func.count(), func.sum(size)).select_from(table))
        self.oldest = Statement(select(number, size).order_by(number).limit(most))
        self.drop = Statement(delete(table).where(number <= last))


@frozen
class Held:
    """Rows, and bytes of their bodies."""

    count: int
    size: int

    def within(self, most: "Held") -> bool:
        """Whether no more than that; a single row always is, however large."""
        return self.count <= 1 or (self.count <= most.count and self.size <= most.size)


class Bound:
    """Keeps one table within its limits; used where units run, and only there.

    What the table holds is remembered, not counted for each row: counting a full table takes
    milliseconds. The memory may be too high (units that were undone, rows that went with their
    owner), so the table is counted again before anything goes.
    """

    def __init__(self, queries: Queries, count: int, size: int) -> None:
        self._queries = queries
        self._most = Held(count, size)
        self._target = Held(count - count // _SPARE, size - size // _SPARE)
        self._held: Held | None = None

    async def added(self, tx: Transaction, bodies: Sequence[bytes]) -> None:
        """Rows with these bodies were inserted: the oldest give way, never the very newest."""
        if self._held is not None:
            size = self._held.size + sum(map(len, bodies))
            self._held = Held(self._held.count + len(bodies), size)
            if self._held.within(self._most):
                return
        # Unknown until this is durable: a unit that is undone must not leave too low a number.
        self._held = None
        held = await self._counted(tx)
        if not held.within(self._most):
            held = await self._drop(tx, held)
        sql(tx).after(lambda: self._learn(held))

    def _learn(self, held: Held) -> None:
        self._held = held

    async def _counted(self, tx: Transaction) -> Held:
        row = await sql(tx).one(self._queries.held)
        return Held(int(row[0]), int(row[1] or 0)) if row is not None else Held(0, 0)

    async def _drop(self, tx: Transaction, held: Held) -> Held:
        while not held.within(self._target):
            last = 0
            for number, size in await sql(tx).all(self._queries.oldest, most=_AT_ONCE):
                if held.within(self._target):
                    break
                last, held = number, Held(held.count - 1, held.size - size)
            await sql(tx).run(self._queries.drop, last=last)
        return held
