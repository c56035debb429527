"""Texts by name, on the real databases."""

from mytracks.store.open import Store
from mytracks.transaction import Transaction
from tests.store.cases import StoreCase


class SettingsTests(StoreCase):
    """The last one is kept."""

    async def put(self, store: Store, name: str, value: str) -> None:
        """Store it."""

        async def unit(tx: Transaction) -> None:
            await store.settings.put(tx, name, value, 1)

        await store.database.commit(unit)

    async def test_the_last_text_of_a_name_is_kept_over_a_restart(self) -> None:
        """And of no other name."""
        store, _ = await self.with_ana()
        await self.put(store, "acme.order", "one")
        await self.put(store, "acme.order", "two")
        await self.put(store, "acme.orders", "another")
        found = await store.database.read(lambda tx: store.settings.get(tx, "acme.order"))
        self.assertEqual("two", found)
        none = await store.database.read(lambda tx: store.settings.get(tx, "acme.account"))
        self.assertIsNone(none)

    async def test_what_is_sealed_there_needs_the_key_ring(self) -> None:
        """A ring that went missing is noticed; other texts need none."""
        store, _ = await self.with_ana()
        await self.put(store, "device/1/label", "ana's")
        self.assertFalse(await store.sealed_exists())
        await self.put(store, "acme.account", "sealed")
        self.assertTrue(await store.sealed_exists())
