"""An account with very many places leaves in pieces."""

from typing import Any, cast

from sqlalchemy import func, select
from twisted.internet import reactor

from mytracks.clock import Clock
from mytracks.people.ports import Account
from mytracks.phones.facts import Noted, Reported
from mytracks.store.database import sql
from mytracks.store.location_rows import row_of
from mytracks.store.locations import ADD
from mytracks.store.open import Store
from mytracks.store.schema import location as locations
from mytracks.store.statements import Statement
from mytracks.tracks.locations import Flags
from mytracks.transaction import Transaction
from tests.store.cases import NOW, StoreCase, account, location, remove, source
from tests.store.test_recording import kept_of

MANY = 100_000
COUNT = Statement(select(func.count()).select_from(locations))
LONGEST = 0.5
"""Seconds for one piece on a slow machine; a server is given 4 for a statement."""


class RemovingTests(StoreCase):
    """What `people.ports.Accounts` promises of accounts that left."""

    async def fill(self, store: Store, device: int, many: int) -> None:
        """So many places of a device."""

        async def unit(tx: Transaction) -> None:
            for start in range(0, many, 10_000):
                rows = [
                    row_of(device, location(NOW + number), int(Flags.NONE), None)
                    for number in range(start, min(start + 10_000, many))
                ]
                await sql(tx).insert(ADD, rows)

        await store.database.commit(unit)

    async def device(self, store: Store, owner: Account, name: str) -> int:
        made = await store.database.commit(
            lambda tx: store.devices.made(tx, owner.number, name, NOW)
        )
        assert made is not None
        return made.number

    async def count(self, store: Store) -> int:
        row = await store.database.read(lambda tx: sql(tx).one(COUNT))
        assert row is not None
        return int(row[0])

    async def test_no_piece_of_very_many_places_takes_long(self) -> None:
        """Everybody's messages wait while one is removed, and a server refuses what takes longer
        than it is given."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        fact = Reported(source=source(ben), location=location(), may_repeat=False)
        await store.journal.record([fact])
        for name in ("phone", "tablet"):
            await self.fill(store, await self.device(store, ana, name), MANY // 2)
        clock = Clock(cast(Any, reactor))
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        self.assertEqual([ana.number], await store.database.read(store.accounts.leaving))
        before, took, more = MANY + 1, list[float](), True
        while more:
            began = clock.seconds()
            more = await store.database.commit(
                lambda tx: store.accounts.remove_some(tx, ana.number)
            )
            took.append(clock.seconds() - began)
            if len(took) % 20 == 0:
                left = await self.count(store)
                self.assertLessEqual(before - left, 20_000)
                before = left
        self.assertLess(max(took), LONGEST)
        self.assertEqual(1, await self.count(store))
        self.assertEqual([], await store.database.read(store.accounts.leaving))
        self.assertEqual([ben], await store.database.read(store.accounts.all))

    async def test_who_leaves_is_nobody_at_once(self) -> None:
        """Whatever is still there, it is found by no name, no number and no list; and the name may
        be given again."""
        store, ana = await self.with_ana()
        known = source(ana)
        fact = Reported(source=known, location=location(), may_repeat=False)
        (kept,) = await kept_of(store, [fact])
        assert kept.device is not None
        number = kept.device.number
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        self.assertEqual([], await store.database.read(store.accounts.all))
        self.assertEqual([], await store.database.read(store.devices.all))
        self.assertIsNone(await store.database.read(lambda tx: store.devices.numbered(tx, number)))
        self.assertIsNone(
            await store.database.commit(lambda tx: store.devices.made(tx, ana.number, "new", NOW))
        )
        new = await store.database.commit(lambda tx: store.accounts.add(tx, account()))
        await remove(store, ana.number)
        self.assertEqual([new], await store.database.read(store.accounts.all))

    async def test_a_message_on_its_way_does_not_keep_an_account_from_going(self) -> None:
        """It was let in a moment before: what it leaves goes with the rest."""
        store, ana = await self.with_ana()
        fact = Reported(source=source(ana), location=location(), may_repeat=False)
        (kept,) = await kept_of(store, [fact])
        assert kept.device is not None
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        late = source(ana, device=kept.device)
        await store.journal.record(
            [
                Reported(source=late, location=location(NOW + 9), may_repeat=False),
                Reported(source=source(ana), location=location(NOW + 10), may_repeat=False),
                Noted(source=late, kind="lwt", topic="t", body=b"{}", received=NOW),
            ]
        )
        await remove(store, ana.number)
        self.assertEqual(0, await self.count(store))
        self.assertEqual([], await store.database.read(store.accounts.leaving))
