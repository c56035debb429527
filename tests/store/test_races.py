"""Several processes on one database: a row that another one makes between our look and our insert.

SQLite has one writer, so that here the first look is made to miss what is there.
"""

from collections.abc import Sequence
from typing import Any

from mytracks.phones.facts import Reported
from mytracks.store import contexts, devices
from mytracks.store.contexts import Contexts
from mytracks.store.database import SQLTransaction, sql
from mytracks.store.limits import Limits
from mytracks.store.location_rows import context_of
from mytracks.store.statements import Rows, Statement, Values
from mytracks.transaction import Transaction
from tests.store.cases import NOW, StoreCase, location, source
from tests.store.test_recording import kept_of


class Racing:
    """A transaction that finds nothing the first time that it is asked `looked`."""

    def __init__(self, tx: Transaction, looked: Statement) -> None:
        self._tx = sql(tx)
        self._looked: Statement | None = looked
        self.dialect = tx.dialect
        self.after = self._tx.after

    async def run(self, statement: Statement, **values: Any) -> int:
        return await self._tx.run(statement, **values)

    async def one(self, statement: Statement, **values: Any) -> Values | None:
        if statement is self._looked:
            self._looked = None
            return None
        return await self._tx.one(statement, **values)

    async def all(self, statement: Statement, **values: Any) -> list[Values]:
        return await self._tx.all(statement, **values)

    async def insert(self, rows: Rows, values: Sequence[Values]) -> int:
        return await self._tx.insert(rows, values)


class RaceTests(StoreCase):
    """Both processes get the same row."""

    async def test_a_device_that_another_process_made_is_ours_too(self) -> None:
        """A phone connects to two of them at once when its network changes."""
        store, ana = await self.with_ana()

        async def made(tx: Transaction) -> Any:
            return await store.devices.made(tx, ana.number, "phone", NOW)

        async def late(tx: Transaction) -> Any:
            racing: SQLTransaction = Racing(tx, devices.NAMED)
            return await made(racing)

        first = await store.database.commit(made)
        self.assertEqual(first, await store.database.commit(late))

    async def test_a_context_that_another_process_stored_is_ours_too(self) -> None:
        """Each remembers only what it has met itself."""
        store, ana = await self.with_ana()
        at_home = location(ssid="lan")
        fact = Reported(source=source(ana), location=at_home, may_repeat=False)
        (kept,) = await kept_of(store, [fact])
        assert kept.device is not None
        number = kept.device.number

        async def place(tx: Transaction) -> Any:
            return await Contexts(Limits()).place(tx, number, context_of(at_home))

        async def late(tx: Transaction) -> Any:
            racing: SQLTransaction = Racing(tx, contexts.FIND)
            return await place(racing)

        self.assertEqual(await store.database.commit(place), await store.database.commit(late))
