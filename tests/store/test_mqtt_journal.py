"""The store keeps what it promises the broker, on either database."""

from typing import Any

from mytracks.mqtt.routing.journal import Journal
from mytracks.phones.facts import Noted, Reported
from mytracks.store.open import Store
from tests.contracts.journal import JournalContract
from tests.contracts.journal_case import ANA, BEN
from tests.store.cases import NOW, StoreCase, account, location, source


class StoredJournalTests(JournalContract, StoreCase):
    """Implements `mqtt.routing.journal.Journal`."""

    store: Store | None = None

    async def open(self) -> Journal[Any, Any]:
        if self.store is not None:
            await self.forget()
        self.store = store = await self.opened()
        self.ana = await store.database.commit(lambda tx: store.accounts.add(tx, account(ANA)))
        await store.database.commit(lambda tx: store.accounts.add(tx, account(BEN)))
        self.number = 0
        await store.journal.load()
        return store.journal

    async def forget(self) -> None:
        """A test that opens another one gets one of its own."""
        assert self.store is not None
        await self.store.close()
        self.folder = self.folder.with_name(f"{self.folder.name}x")
        self._database = None

    async def reopen(self) -> Journal[Any, Any]:
        assert self.store is not None
        await self.store.close()
        self.store = await self.opened()
        return self.store.journal

    def fact(self) -> Any:
        self.number += 1
        at = location(NOW + self.number)
        return Reported(source=source(self.ana), location=at, may_repeat=False)

    def poison(self) -> Any:
        topic: Any = None
        return Noted(source=source(self.ana), kind="x", topic=topic, body=b"", received=NOW)

    async def stored(self) -> list[Any]:
        assert self.store is not None
        store = self.store
        (device,) = await store.database.read(store.devices.all)
        return [None] * device.locations
