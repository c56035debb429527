"""Locations read back: in time order, over several devices, a page at a time."""

from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.phones.facts import Reported
from mytracks.sharing.identity import Device
from mytracks.store.open import Store
from mytracks.tracks.locations import Flags, Recorded
from mytracks.tracks.ports import Position, Selection
from tests.store.cases import NOW, StoreCase, location, source

Key = tuple[int, int, int]


def key(recorded: Recorded) -> Key:
    """Its place in the order of all."""
    return recorded.location.at, recorded.device.number, recorded.location.seq


def position(recorded: Recorded) -> Position:
    """The same, as a port's value."""
    at, device, seq = key(recorded)
    return Position(at=at, device=device, seq=seq)


class LocationsTests(StoreCase):
    """Implements `tracks.ports.Locations`. Three phones, many fixes in the same seconds."""

    async def phones(self) -> tuple[Store, list[Device]]:
        store, ana = await self.with_ana()
        names = ("one", "two", "three")
        # Repeats are rows too: every seventh.
        facts = [
            Reported(
                source=source(ana, name),
                location=location(
                    NOW + number // 3,
                    (number * 7919) % 1000 - 500,
                    flags=Flags.REPEAT if number % 7 == 0 else Flags.NONE,
                    extra={"name": name},
                ),
                may_repeat=False,
            )
            for name in names
            for number in range(40)
        ]
        await store.journal.record(facts)
        states = await store.database.read(store.devices.all)
        return store, [state.device for state in states]

    async def page(self, store: Store, selection: Selection, **how: Any) -> Sequence[Recorded]:
        how = {"newest_first": False, "limit": 1000} | how
        return await store.database.read(lambda tx: store.locations.page(tx, selection, **how))

    async def count(self, store: Store, selection: Selection) -> int:
        return await store.database.read(lambda tx: store.locations.count(tx, selection))

    async def one(self, store: Store, where: Position) -> Recorded | None:
        return await store.database.read(lambda tx: store.locations.one(tx, where))

    def chosen(self, devices: Sequence[Device], **how: Any) -> Selection:
        return Selection(devices=[device.number for device in devices], **how)

    async def test_all_devices_come_merged_in_time_order(self) -> None:
        """Ties by device, then seq: an order that is the same at every reading."""
        store, devices = await self.phones()
        found = await self.page(store, self.chosen(devices))
        self.assertEqual(sorted(map(key, found)), [key(each) for each in found])
        self.assertEqual(3 * (40 - 6), len(found))
        self.assertTrue(all(each.location.extra == {"name": each.device.name} for each in found))
        backwards = await self.page(store, self.chosen(devices), newest_first=True)
        self.assertEqual(list(found), list(reversed(backwards)))

    async def test_pages_join_without_gap_or_double(self) -> None:
        """Whichever way, however small the page, from whichever position."""
        store, devices = await self.phones()
        for newest_first in (True, False):
            whole = await self.page(store, self.chosen(devices), newest_first=newest_first)
            after: Position | None = None
            read: list[Recorded] = []
            while page := await self.page(
                store, self.chosen(devices), newest_first=newest_first, limit=5, after=after
            ):
                read += page
                after = position(page[-1])
            self.assertEqual(list(whole), read)

    async def test_an_offset_skips_as_many(self) -> None:
        """From the start or from a position."""
        store, devices = await self.phones()
        whole = await self.page(store, self.chosen(devices))
        for offset in (0, 1, 50, len(whole) - 1, len(whole), 5000):
            found = await self.page(store, self.chosen(devices), offset=offset, limit=3)
            self.assertEqual(list(whole[offset : offset + 3]), list(found))
        found = await self.page(
            store, self.chosen(devices), after=position(whole[9]), offset=2, limit=1
        )
        self.assertEqual([whole[12]], list(found))

    async def test_repeats_are_listed_only_on_demand(self) -> None:
        """A resting phone pings; its place is told once."""
        store, devices = await self.phones()
        self.assertEqual(120, len(await self.page(store, self.chosen(devices, repeats=True))))
        for repeats, count in ((True, 120), (False, 102)):
            chosen = self.chosen(devices, repeats=repeats)
            self.assertEqual(count, await self.count(store, chosen))

    async def test_a_range_includes_both_its_ends(self) -> None:
        """As the port says."""
        store, devices = await self.phones()
        chosen = self.chosen(devices[:1], since=NOW + 2, until=NOW + 4, repeats=True)
        times = [each.location.at - NOW for each in await self.page(store, chosen)]
        self.assertEqual([2, 2, 2, 3, 3, 3, 4, 4, 4], times)
        self.assertEqual(9, await store.database.read(lambda tx: store.locations.count(tx, chosen)))

    async def test_only_the_chosen_devices_are_read(self) -> None:
        """A device named twice is still one; an unknown one has nothing."""
        store, devices = await self.phones()
        chosen = Selection(devices=[devices[1].number, devices[1].number, 999])
        found = await self.page(store, chosen)
        self.assertEqual({devices[1]}, {each.device for each in found})
        self.assertEqual(34, len(found))
        self.assertEqual([], list(await self.page(store, Selection(devices=[]))))

    async def test_one_is_found_at_its_position_only(self) -> None:
        """An id in a link leads to one location or none."""
        store, devices = await self.phones()
        (first, *_) = await self.page(store, self.chosen(devices))
        at, device, seq = key(first)
        for where, expected in (
            (Position(at=at, device=device, seq=seq), first),
            (Position(at=at, device=device + 99, seq=seq), None),
            (Position(at=at - 1, device=device, seq=seq), None),
        ):
            found = await self.one(store, where)
            self.assertEqual(expected and key(expected), found and key(found))

    async def test_the_last_of_each_device_is_one_seek(self) -> None:
        """The start view of the map, after years."""
        store, devices = await self.phones()
        numbers = [device.number for device in devices]
        found = await store.database.read(lambda tx: store.locations.last(tx, [*numbers, 999]))
        newest = [
            max(map(key, await self.page(store, self.chosen([device], repeats=True))))
            for device in devices
        ]
        self.assertEqual(newest, [key(each) for each in found])


class PortTests(SynchronousTestCase):
    """What mypy checks where the daemon joins them, checked here already."""

    def test_nouns_fit_the_ports_of_the_services(self) -> None:
        """A port that changes breaks here first."""
        from mytracks.mqtt.routing import journal as broker
        from mytracks.people import ports as people
        from mytracks.phones.facts import Fact, Kept
        from mytracks.tracks import ports as tracks
        from mytracks.transaction import Transactions

        def fits(store: Store) -> Sequence[object]:
            accounts: people.Accounts = store.accounts
            passwords: people.DevicePasswords = store.device_passwords
            sessions: people.WebSessions = store.web_sessions
            devices: tracks.Devices = store.devices
            locations: tracks.Locations = store.locations
            journal: broker.Journal[Fact, Kept] = store.journal
            transactions: Transactions = store.database
            return accounts, passwords, sessions, devices, locations, journal, transactions

        self.assertTrue(callable(fits))
