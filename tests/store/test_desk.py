"""Devices as their owners want them, and devices that are removed, in both databases."""

from mytracks.errors import NotFound
from mytracks.people.ports import Account
from mytracks.phones.facts import Noted, Reported
from mytracks.sharing.identity import Device
from mytracks.store.labels import labels
from mytracks.store.open import Store
from mytracks.tracks.ports import DeviceState, Look, Selection
from tests.store.cases import NOW, StoreCase, location, remove, source
from tests.store.test_recording import kept_of

LOOK = Look(label="Ana's \u260e", tid="AP", color="#0a0b0c")


class DeskCase(StoreCase):
    """Ana's phone, with a place, a message and a password."""

    async def filled(self) -> tuple[Store, Account, Device]:
        """The store, she, and her phone."""
        store, ana = await self.with_ana()
        (kept,) = await kept_of(store, [self.place(ana)])
        assert kept.device is not None
        await store.journal.record([self.note(ana, kept.device)])
        await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana.number, "phone", b"hash", NOW)
        )
        return store, ana, kept.device

    def place(self, ana: Account, at: int = NOW, tid: str | None = None) -> Reported:
        """Where her phone is."""
        return Reported(source=source(ana), location=location(at, tid=tid), may_repeat=False)

    def note(self, ana: Account, device: Device, at: int = NOW) -> Noted:
        """What it said beside that."""
        known = source(ana, device=device)
        return Noted(source=known, kind="card", topic="t", body=b'{"n":%d}' % at, received=at)

    async def states(self, store: Store) -> dict[str, DeviceState]:
        """All devices that can be seen, by name."""
        found = await store.database.read(store.devices.all)
        return {state.device.name: state for state in found}

    async def leave(self, store: Store, number: int) -> int:
        """The device is nobody's."""
        return await store.database.commit(lambda tx: store.desk.leave(tx, number))

    async def places(self, store: Store, number: int) -> int:
        """How many the device with this number has."""
        selection = Selection(devices=[number])
        return await store.database.read(lambda tx: store.locations.count(tx, selection))


class LookTests(DeskCase):
    """`dress` and `keep_key`."""

    async def dress(self, store: Store, device: Device, look: Look) -> None:
        await store.database.commit(lambda tx: store.desk.dress(tx, device.number, look, NOW))

    async def test_how_a_device_is_seen_is_read_back(self) -> None:
        """All of it, and taken away again."""
        store, _, phone = await self.filled()
        await self.dress(store, phone, LOOK)
        state = (await self.states(store))["phone"]
        self.assertEqual((LOOK, "AP"), (state.look, state.tid))
        await self.dress(store, phone, Look(label="another"))
        state = (await self.states(store))["phone"]
        self.assertEqual((Look(label="another"), None), (state.look, state.tid))
        await self.dress(store, phone, Look())
        self.assertEqual(Look(), (await self.states(store))["phone"].look)

    async def test_a_phones_own_tid_leaves_its_owners_alone(self) -> None:
        """And comes with its next place once the owner gives it back."""
        store, ana, phone = await self.filled()
        await self.dress(store, phone, LOOK)
        await store.journal.record([self.place(ana, NOW + 1, "xx")])
        self.assertEqual("AP", (await self.states(store))["phone"].tid)
        await self.dress(store, phone, Look(color="#000000"))
        await store.journal.record([self.place(ana, NOW + 2, "xy")])
        state = (await self.states(store))["phone"]
        self.assertEqual(("xy", Look(color="#000000")), (state.tid, state.look))

    async def test_a_key_is_there_or_not(self) -> None:
        """What is sealed is not looked at."""
        store, _, phone = await self.filled()
        for sealed in (b"\x00sealed", None):
            await store.database.commit(
                lambda tx, sealed=sealed: store.desk.keep_key(tx, phone.number, sealed)  # type: ignore[misc]
            )
            look = (await self.states(store))["phone"].look
            self.assertEqual(sealed is not None, look.sealed)

    async def test_no_such_device(self) -> None:
        """It was removed meanwhile: nothing of it is stored."""
        store, _, _ = await self.filled()
        with self.assertRaises(NotFound):
            await store.database.commit(lambda tx: store.desk.dress(tx, 999, LOOK, NOW))
        with self.assertRaises(NotFound):
            await store.database.commit(lambda tx: store.desk.keep_key(tx, 999, b"x"))
        with self.assertRaises(NotFound):
            await self.leave(store, 999)
        self.assertEqual([], await store.database.read(store.accounts.leaving))


class RemovedTests(DeskCase):
    """`leave`, and what goes after it."""

    async def test_it_is_nobodys_at_once_and_all_gone_at_last(self) -> None:
        """Its owner and the other devices stay; its password opens nothing."""
        store, ana, phone = await self.filled()
        await store.database.commit(lambda tx: store.devices.made(tx, ana.number, "tablet", NOW))
        await store.database.commit(lambda tx: store.desk.dress(tx, phone.number, LOOK, NOW))
        heir = await self.leave(store, phone.number)
        self.assertEqual(["tablet"], list(await self.states(store)))
        self.assertEqual([], await store.database.read(store.device_passwords.all))
        self.assertEqual([ana], await store.database.read(store.accounts.all))
        self.assertEqual([heir], await store.database.read(store.accounts.leaving))
        self.assertEqual(1, await self.places(store, phone.number))
        await remove(store, heir)
        self.assertEqual(0, await self.places(store, phone.number))
        count = await store.database.read(lambda tx: store.messages.count(tx, phone.number))
        self.assertEqual(0, count)
        self.assertEqual([], await store.database.read(store.accounts.leaving))
        self.assertEqual([ana], await store.database.read(store.accounts.all))

    async def test_a_message_on_its_way_makes_a_new_device_or_goes_with_the_old(self) -> None:
        """Before and after the last of it is gone; the new one has nothing of the old."""
        store, ana, phone = await self.filled()
        await store.database.commit(lambda tx: store.desk.dress(tx, phone.number, LOOK, NOW))
        heir = await self.leave(store, phone.number)
        late = source(ana, device=phone)
        fact = Reported(source=late, location=location(NOW + 5), may_repeat=False)
        await store.journal.record([fact, self.note(ana, phone)])
        (kept,) = await kept_of(store, [self.place(ana, NOW + 6)])
        assert kept.device is not None
        self.assertNotEqual(phone.number, kept.device.number)
        await store.journal.record([fact])
        await remove(store, heir)
        await store.journal.record([fact, self.note(ana, phone)])
        states = await self.states(store)
        self.assertEqual([kept.device], [state.device for state in states.values()])
        self.assertEqual(Look(), states["phone"].look)
        self.assertEqual(0, await self.places(store, phone.number))

    async def test_what_a_device_was_called_goes_with_its_account(self) -> None:
        """It is kept elsewhere, and may tell whose it was."""
        store, ana, phone = await self.filled()
        await store.database.commit(lambda tx: store.desk.dress(tx, phone.number, LOOK, NOW))
        self.assertEqual([LOOK.label], list((await store.database.read(labels)).values()))
        await remove(store, ana.number)
        self.assertEqual({}, await store.database.read(labels))

    async def test_it_can_be_done_again_with_the_next_of_that_name(self) -> None:
        """As often as somebody likes, before the first one is all gone."""
        store, ana, phone = await self.filled()
        heirs = [await self.leave(store, phone.number)]
        for at in (1, 2):
            (kept,) = await kept_of(store, [self.place(ana, NOW + at)])
            assert kept.device is not None
            heirs.append(await self.leave(store, kept.device.number))
        self.assertEqual({}, await self.states(store))
        for heir in heirs:
            await remove(store, heir)
        self.assertEqual([], await store.database.read(store.accounts.leaving))


class MessageTests(DeskCase):
    """Read back."""

    async def test_the_newest_first_in_pages(self) -> None:
        """Of this device only."""
        store, ana, phone = await self.filled()
        await store.journal.record([self.note(ana, phone, NOW + at) for at in (1, 2)])
        other = Noted(
            source=source(ana, "tablet"), kind="odd", topic="u", body=b"\xff", received=NOW
        )
        (kept,) = await kept_of(store, [other])
        assert kept.device is not None
        tablet = kept.device.number

        async def page(number: int, limit: int, offset: int) -> list[tuple[int, str, bytes]]:
            found = await store.database.read(
                lambda tx: store.messages.page(tx, number, limit=limit, offset=offset)
            )
            return [(each.received - NOW, each.kind, each.body) for each in found]

        self.assertEqual([2, 1], [at for at, _, _ in await page(phone.number, 2, 0)])
        self.assertEqual([0], [at for at, _, _ in await page(phone.number, 2, 2)])
        self.assertEqual([(0, "other", b"\xff")], await page(tablet, 9, 0))
        count = await store.database.read(lambda tx: store.messages.count(tx, phone.number))
        self.assertEqual(3, count)
