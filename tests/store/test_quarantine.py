"""What was set aside, read back from the database and done with."""

from typing import Any

from attrs import evolve

from mytracks.errors import NotFound
from mytracks.people.ports import Account
from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside
from mytracks.phones.ports import Aside, Which
from mytracks.sharing.identity import Door
from mytracks.store.open import Store
from mytracks.tracks.ports import Selection
from tests.store.cases import NOW, StoreCase, account, location, remove, source


def aside(owner: Account, body: bytes = b"junk", **changes: Any) -> SetAside:
    """A message that nobody understood."""
    values: dict[str, Any] = {
        "user": owner.number,
        "device_name": "phone",
        "door": Door.MQTT,
        "topic": f"owntracks/{owner.name}/phone",
        "reason": "not JSON",
        "body": body,
        "received": NOW,
    }
    return SetAside(**(values | changes))


class QuarantineCase(StoreCase):
    """A store in which something is set aside."""

    async def page(
        self, store: Store, *, limit: int = 100, offset: int = 0, **which: Any
    ) -> list[Aside]:
        wanted = Which(**which)
        return list(
            await store.database.read(
                lambda tx: store.quarantine.page(tx, wanted, limit=limit, offset=offset, preview=8)
            )
        )

    async def count(self, store: Store, **which: Any) -> int:
        return await store.database.read(lambda tx: store.quarantine.count(tx, Which(**which)))

    async def one(self, store: Store, number: int) -> Aside | None:
        return await store.database.read(lambda tx: store.quarantine.one(tx, number))

    async def replace(self, store: Store, number: int, fact: Fact) -> Kept:
        return await store.database.commit(lambda tx: store.quarantine.replace(tx, number, fact))


class ReadingTests(QuarantineCase):
    """Lists and single messages."""

    async def test_the_newest_come_first_with_the_beginning_of_their_bodies(self) -> None:
        """A list of a thousand messages is no download of megabytes."""
        store, ana = await self.with_ana()
        bytes_of_all_kinds = bytes(range(256))
        await store.journal.record([aside(ana), aside(ana, bytes_of_all_kinds, door=Door.HTTP)])
        newer, older = await self.page(store)
        self.assertEqual((256, bytes(range(8))), (newer.size, newer.body))
        self.assertEqual((Door.HTTP, Door.MQTT), (newer.door, older.door))
        whole = await self.one(store, newer.number)
        self.assertEqual(evolve(newer, body=bytes_of_all_kinds), whole)
        self.assertEqual(
            (ana.number, "ana", "phone", "owntracks/ana/phone", "not JSON", NOW, b"junk"),
            (
                *(older.user, older.user_name, older.device, older.topic),
                *(older.reason, older.received, older.body),
            ),
        )
        self.assertIsNone(await self.one(store, newer.number + 1))

    async def test_pages_do_not_overlap(self) -> None:
        """Each message is on one of them."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana, b"%d" % number) for number in range(5)])
        bodies = [
            one.body
            for offset in (0, 2, 4)
            for one in await self.page(store, limit=2, offset=offset)
        ]
        self.assertEqual([b"4", b"3", b"2", b"1", b"0"], bodies)
        self.assertEqual(5, await self.count(store))

    async def test_filters_narrow_the_list_and_the_count_alike(self) -> None:
        """By whose it is, what the reason says and when it came."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        await store.journal.record(
            [
                aside(ana, reason="Not JSON, 100% sure"),
                aside(ben, reason="no_latitude", received=NOW + 10),
            ]
        )
        for which, bodies in (
            ({"user": ana.number}, ["Not JSON, 100% sure"]),
            ({"user": -1}, []),
            ({"reason": "not json"}, ["Not JSON, 100% sure"]),
            ({"reason": "100%"}, ["Not JSON, 100% sure"]),
            ({"reason": "%"}, ["Not JSON, 100% sure"]),
            ({"reason": "o_l"}, ["no_latitude"]),
            ({"reason": "o!l"}, []),
            ({"since": NOW + 10}, ["no_latitude"]),
            ({"since": NOW + 11}, []),
            ({}, ["no_latitude", "Not JSON, 100% sure"]),
        ):
            found = [one.reason for one in await self.page(store, **which)]
            self.assertEqual(bodies, found, which)
            self.assertEqual(len(bodies), await self.count(store, **which), which)

    async def test_what_a_leaving_account_left_is_nobodys_to_see(self) -> None:
        """From the moment it is deleted, though it goes piece by piece."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana)])
        (one,) = await self.page(store)
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        self.assertEqual(([], 0), (await self.page(store), await self.count(store)))
        self.assertIsNone(await self.one(store, one.number))
        await remove(store, ana.number)
        self.assertEqual(0, await self.count(store))


class ReplacingTests(QuarantineCase):
    """A message is understood after all."""

    async def test_its_facts_take_its_place_in_one_commit(self) -> None:
        """Neither both nor none are ever there."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana)])
        (one,) = await self.page(store)
        fact = Reported(source=source(ana), location=location(), may_repeat=True)
        kept = await self.replace(store, one.number, fact)
        assert kept.device is not None
        self.assertEqual((True, "ana/phone"), (kept.new, kept.device.path))
        self.assertEqual(0, await self.count(store))
        selection = Selection(devices=[kept.device.number])
        (stored,) = await store.database.read(
            lambda tx: store.locations.page(tx, selection, newest_first=True, limit=9)
        )
        self.assertEqual(location().at, stored.location.at)

    async def test_what_is_gone_cannot_be_replaced(self) -> None:
        """Two administrators press the button: it is taken in once."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana)])
        (one,) = await self.page(store)
        fact = Noted(
            source=source(ana), kind="card", topic="owntracks/ana/phone", body=b"{}", received=NOW
        )
        await self.replace(store, one.number, fact)
        with self.assertRaises(NotFound):
            await self.replace(store, one.number, fact)

    async def test_a_message_of_an_account_that_is_gone_stays_as_it_was(self) -> None:
        """The commit is undone; it goes with the rest of the account."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana, device_name=None)])
        (one,) = await self.page(store)
        gone = source(evolve(ana, number=ana.number + 1))
        fact = Reported(source=gone, location=location(), may_repeat=True)
        with self.assertRaises(NotFound):
            await self.replace(store, one.number, fact)
        self.assertEqual([one], await self.page(store))

    async def test_it_can_stay_for_another_reason(self) -> None:
        """What is wrong today may be something else."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana), aside(ana)])
        newer, older = await self.page(store)
        await store.database.commit(lambda tx: store.quarantine.explain(tx, older.number, "no tst"))
        self.assertEqual([newer, evolve(older, reason="no tst")], await self.page(store))
        with self.assertRaises(NotFound):
            await store.database.commit(
                lambda tx: store.quarantine.explain(tx, newer.number + 1, "no tst")
            )


class DeletingTests(QuarantineCase):
    """Thrown away, one or several."""

    async def test_one_goes_once(self) -> None:
        """The other stays."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana), aside(ana)])
        newer, older = await self.page(store)
        await store.database.commit(lambda tx: store.quarantine.delete(tx, newer.number))
        self.assertEqual([older], await self.page(store))
        with self.assertRaises(NotFound):
            await store.database.commit(lambda tx: store.quarantine.delete(tx, newer.number))

    async def test_several_go_by_what_they_have_in_common(self) -> None:
        """But none that came after the list was shown."""
        store, ana = await self.with_ana()
        await store.journal.record([aside(ana), aside(ana, reason="no tst"), aside(ana)])
        third, second, first = await self.page(store)
        which = Which(reason="JSON", through=second.number)
        gone = await store.database.commit(lambda tx: store.quarantine.clear(tx, which))
        self.assertEqual((1, [third, second]), (gone, await self.page(store)))
        gone = await store.database.commit(lambda tx: store.quarantine.clear(tx, Which()))
        self.assertEqual((2, []), (gone, await self.page(store)))
        self.assertIsNone(await self.one(store, first.number))
