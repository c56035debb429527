"""What becomes of a message's facts in one commit."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import text
from twisted.internet.defer import gatherResults

from mytracks.people.ports import Account
from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside
from mytracks.sharing.identity import Device, Door
from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.location_rows import LARGEST
from mytracks.store.open import Store
from mytracks.store.statements import Statement
from mytracks.tracks.locations import Flags, Location, Recorded, Via
from mytracks.tracks.ports import DeviceState, Selection
from mytracks.transaction import Transaction
from tests.store.cases import NOW, QUICK, StoreCase, location, remove, source

DAY = 86_400


async def stored(store: Store, *devices: Device) -> list[Location]:
    """All locations of these devices, oldest first, repeats too."""
    chosen = Selection(devices=[device.number for device in devices], repeats=True)
    found: Sequence[Recorded] = await store.database.read(
        lambda tx: store.locations.page(tx, chosen, newest_first=False, limit=10_000)
    )
    return [recorded.location for recorded in found]


async def rows(store: Store, query: str) -> list[Any]:
    """What the database itself says."""

    async def unit(tx: Transaction) -> list[Any]:
        return list(await sql(tx).all(Statement(text(query))))

    return await store.database.read(unit)


async def kept_of(store: Store, facts: Sequence[Fact]) -> Sequence[Kept]:
    """Record facts; what became of them."""
    return (await store.journal.record(facts)).kept


class RecordingCase(StoreCase):
    """A store with ana's phone, which has sent its first location."""

    async def phone(self, limits: Limits = QUICK) -> tuple[Store, Account, Device]:
        store, ana = await self.with_ana(limits)
        first = Reported(source=source(ana), location=location(NOW, 1), may_repeat=False)
        (kept,) = await kept_of(store, [first])
        assert kept.device is not None
        return store, ana, kept.device

    def reported(
        self, device: Device, each: Location, *, may_repeat: bool = False, known: bool = True
    ) -> Reported:
        owner = Account(
            number=device.owner,
            name=device.owner_name,
            display="",
            admin=False,
            disabled=False,
            password="",
            email="",
            created=0,
        )
        phone = source(owner, device.name, device if known else None)
        return Reported(source=phone, location=each, may_repeat=may_repeat)

    async def together(self, store: Store, facts: Sequence[Fact]) -> list[Kept]:
        """Each fact a message of its own, handed in at once."""
        answers = await gatherResults([store.journal.record([fact]) for fact in facts])
        return [kept for answer in answers for kept in answer.kept]


class LocationTests(RecordingCase):
    """Reports of places."""

    async def test_a_device_is_made_on_its_first_message(self) -> None:
        """Nobody registers a phone beforehand."""
        store, ana, device = await self.phone()
        self.assertEqual(("ana/phone", ana.number), (device.path, device.owner))
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual(device, state.device)
        self.assertEqual((NOW + 2, NOW + 2), (state.created, state.seen))

    async def test_one_device_is_made_for_many_first_messages(self) -> None:
        """A phone that comes back with a queue sends them all before it is known."""
        store, ana = await self.with_ana()
        facts = [
            Reported(source=source(ana), location=location(NOW + n, n), may_repeat=False)
            for n in range(20)
        ]
        kept = await self.together(store, facts)
        self.assertEqual(1, len({each.device for each in kept}))
        self.assertEqual(20, len(await stored(store, *[k.device for k in kept[:1] if k.device])))

    async def test_everybody_gets_their_own_answer_in_order(self) -> None:
        """Merged or not: a PUBACK belongs to its own message."""
        store, _, device = await self.phone()
        facts = [self.reported(device, location(NOW + n, n)) for n in range(1, 300)]
        kept = await self.together(store, facts)
        self.assertEqual(facts, [each.fact for each in kept])
        self.assertTrue(all(each.new and each.device == device for each in kept))
        self.assertEqual(300, len(await stored(store, device)))

    async def test_several_facts_of_one_message_come_back_in_order(self) -> None:
        """`record` takes a list and gives one back."""
        store, _, device = await self.phone()
        facts = [self.reported(device, location(NOW + n, n)) for n in (3, 1, 2)]
        self.assertEqual(facts, [kept.fact for kept in await kept_of(store, facts)])
        self.assertEqual([], list(await kept_of(store, [])))

    async def test_the_same_message_again_is_one_location(self) -> None:
        """Phones send again what was not acknowledged; over another door too."""
        store, _, device = await self.phone()
        again = location(NOW, 1, received=NOW + 900, via=Via.HTTP)
        (kept,) = await kept_of(store, [self.reported(device, again, may_repeat=True)])
        self.assertEqual((False, False), (kept.new, kept.repeat))
        self.assertEqual([location(NOW, 1)], await stored(store, device))
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual(NOW + 900, state.seen)

    async def test_the_same_message_from_another_network_is_one_location(self) -> None:
        """The answer was lost, the phone left the house, and sends it again."""
        store, _, device = await self.phone()
        again = evolve(location(NOW, 1), address="192.0.2.9")
        (kept,) = await kept_of(store, [self.reported(device, again, may_repeat=True)])
        self.assertFalse(kept.new)
        self.assertEqual([location(NOW, 1)], await stored(store, device))

    async def test_the_address_comes_back(self) -> None:
        """For its owner's eyes."""
        store, _, device = await self.phone()
        sent = evolve(location(NOW + 5, 5), address="2001:db8::1", ssid="lan")
        await store.journal.record([self.reported(device, sent)])
        self.assertEqual(sent, (await stored(store, device))[-1])

    async def test_a_message_without_a_time_of_use_is_known_again(self) -> None:
        """Each arrival gives it a new time, so it is its id that counts (rule 14)."""
        store, _, device = await self.phone()

        def arrived(after: int, **members: Any) -> Reported:
            fix = evolve(location(NOW + after, 9), flags=Flags.TIME_CORRECTED, **members)
            return self.reported(device, fix, may_repeat=True)

        marked = [arrived(10, message_id="0000cafe"), arrived(11, message_id="0000cafe")]
        kept = [(await kept_of(store, [fact]))[0].new for fact in marked]
        self.assertEqual([True, False], kept)
        dated = [arrived(20, extra={"tst": 0}), arrived(3000, extra={"tst": 0})]
        self.assertEqual([False, False], [k.new for k in await self.together(store, dated)])

    async def test_what_has_nothing_to_be_known_by_is_new_each_time(self) -> None:
        """A simple tracker at rest sends the same over and over: it is there, and is to be seen."""
        store, _, device = await self.phone()
        for after in (10, 400):
            fix = evolve(location(NOW + after, 9), flags=Flags.TIME_CORRECTED)
            (kept,) = await kept_of(store, [self.reported(device, fix)])
            self.assertTrue(kept.new)

    async def test_of_two_in_one_second_the_later_arrival_is_the_newest(self) -> None:
        """A page that is loaded anew must not move a pin back."""
        store, _, device = await self.phone()
        for together in ([5, 9, 7], [8], [6]):
            facts = [self.reported(device, location(NOW + 9, seq)) for seq in together]
            await self.together(store, facts)
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual((NOW + 9, 6), (state.last_at, state.last_seq))

    async def test_a_device_knows_how_many_locations_it_has(self) -> None:
        """Counting them would take a second for each million; neither doubles nor pings count."""
        store, _, device = await self.phone()
        facts = [self.reported(device, location(NOW + n, n)) for n in range(1, 10)]
        await self.together(store, facts)
        ping = self.reported(device, location(NOW, 77), may_repeat=True)
        double = self.reported(device, location(NOW, 1), may_repeat=True)
        await self.together(store, [ping, double])
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual(10, state.locations)

    async def test_a_double_among_others_costs_them_nothing(self) -> None:
        """Handed in at once, in one batch."""
        store, _, device = await self.phone()
        seqs = [2, 3, 3, 1, 4]
        facts = [
            self.reported(device, location(NOW + (seq > 1) * seq, seq), may_repeat=seq == 1)
            for seq in seqs
        ]
        kept = await self.together(store, facts)
        self.assertEqual([True, True, False, False, True], [each.new for each in kept])
        self.assertEqual([1, 2, 3, 4], [each.seq for each in await stored(store, device)])

    async def test_two_different_messages_with_one_hash_are_both_kept(self) -> None:
        """One in four thousand million; it gets the next number, round the end as well."""
        store, _, device = await self.phone()
        top = 2**31 - 1
        first = location(NOW + 1, top, latitude=1.0)
        other = evolve(first, latitude=2.0)
        one, two = await self.together(
            store, [self.reported(device, first), self.reported(device, other)]
        )
        self.assertEqual((True, True), (one.new, two.new))
        assert isinstance(two.fact, Reported)
        self.assertEqual(-(2**31), two.fact.location.seq)
        found = (await stored(store, device))[1:]
        self.assertEqual([evolve(other, seq=-(2**31)), first], found)
        (again,) = await kept_of(store, [self.reported(device, other)])
        self.assertFalse(again.new)

    async def test_a_ping_is_kept_as_a_repeat(self) -> None:
        """Same time and place, other message: seen, never drawn, never the newest position."""
        store, _, device = await self.phone()
        ping = location(NOW, 9, received=NOW + 600, trigger="p", message_id="x")
        (kept,) = await kept_of(store, [self.reported(device, ping, may_repeat=True)])
        self.assertEqual((True, True), (kept.new, kept.repeat))
        assert isinstance(kept.fact, Reported)
        self.assertEqual(Flags.REPEAT, kept.fact.location.flags)
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual((1, NOW + 600), (state.last_seq, state.seen))
        drawn = await store.database.read(
            lambda tx: store.locations.count(tx, Selection(devices=[device.number]))
        )
        self.assertEqual((1, 2), (drawn, len(await stored(store, device))))

    async def test_a_ping_beside_its_fix_in_one_batch_is_a_repeat(self) -> None:
        """The fix is not stored yet when we look."""
        store, _, device = await self.phone()
        fix, ping = location(NOW + 5, 5), location(NOW + 5, 6, trigger="p")
        kept = await self.together(
            store, [self.reported(device, fix), self.reported(device, ping, may_repeat=True)]
        )
        self.assertEqual([False, True], [each.repeat for each in kept])

    async def test_another_place_at_the_same_time_is_no_repeat(self) -> None:
        """Two fixes in a second happen while driving."""
        store, _, device = await self.phone()
        moved = location(NOW, 9, latitude=52.53)
        (kept,) = await kept_of(store, [self.reported(device, moved, may_repeat=True)])
        self.assertEqual((True, False), (kept.new, kept.repeat))

    async def test_the_newest_fix_is_known_whatever_the_order(self) -> None:
        """A queue from an outage arrives behind a live fix."""
        store, _, device = await self.phone()
        for at in (NOW + 50, NOW + 10, NOW + 30):
            await store.journal.record([self.reported(device, location(at, 5, tid="ab"))])
        facts = [self.reported(device, location(NOW + n, 6)) for n in (20, 60, 40)]
        await self.together(store, facts)
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual((NOW + 60, 6, "ab"), (state.last_at, state.last_seq, state.tid))

    async def test_contexts_are_stored_once(self) -> None:
        """And found again after a restart, and after a unit that was undone."""
        store, _, device = await self.phone()
        at_home = [location(NOW + n, n, ssid="lan", in_regions=("Home",)) for n in range(1, 20)]
        # An account that does not exist fails the whole merged group, new context and all.
        lost = evolve(device, number=99, owner=99, owner_name="nobody")
        facts = [self.reported(lost, at_home[0])] + [self.reported(device, e) for e in at_home]
        await self.together(store, facts)
        await store.close()
        store = await self.opened()
        await store.journal.record([self.reported(device, location(NOW + 99, 1, ssid="lan"))])
        await store.journal.record([self.reported(device, at_home[5]), *facts[2:3]])
        bodies = {body for (body,) in await rows(store, "SELECT body FROM context")}
        self.assertEqual({'{"inregions":["Home"],"ssid":"lan"}', '{"ssid":"lan"}'}, bodies)
        self.assertEqual(at_home[3], (await stored(store, device))[4])

    async def test_a_context_belongs_to_its_device(self) -> None:
        """So that it goes with it; the same words of another phone are its own."""
        store, ana, device = await self.phone()
        other = Reported(
            source=source(ana, "tablet"), location=location(ssid="lan"), may_repeat=False
        )
        facts = [self.reported(device, location(NOW + n, n, ssid="lan")) for n in (1, 2)]
        kept = await self.together(store, [*facts, other])
        owners = await rows(store, "SELECT device_id FROM context ORDER BY device_id")
        tablet = kept[-1].device
        assert tablet is not None
        self.assertEqual([(device.number,), (tablet.number,)], owners)

    async def test_a_large_context_stays_with_its_location(self) -> None:
        """It is hardly a repetition, and memory holds thousands of contexts: at the limit one is
        stored once, one past it in the row. Either way nothing is lost."""
        store, _, device = await self.phone()
        at_limit = location(NOW + 1, 1, in_regions=("r" * (LARGEST - 4),))
        beyond = [location(NOW + n, n, in_regions=("r" * (LARGEST - 3),)) for n in (2, 3)]
        many = location(NOW + 4, 4, in_regions=("",) * 1000, tid="ab")
        wide = location(NOW + 5, 5, extra={"tag": "t" * 100_000, "other": 1})
        each = [at_limit, *beyond, many, wide]
        await self.together(store, [self.reported(device, one) for one in each])
        self.assertEqual(1, len(await rows(store, "SELECT id FROM context")))
        self.assertEqual(each, (await stored(store, device))[1:])
        (again,) = await kept_of(store, [self.reported(device, wide)])
        self.assertFalse(again.new)


class GoneTests(RecordingCase):
    """Accounts that are deleted while a message is on its way."""

    async def test_a_message_of_a_deleted_account_is_forgotten(self) -> None:
        """It is acknowledged, announced to nobody, and does not bring the device back."""
        store, ana, device = await self.phone()
        ben = await store.database.commit(
            lambda tx: store.accounts.add(tx, evolve(ana, number=0, name="ben"))
        )
        await remove(store, ana.number)
        aside = SetAside(
            user=ana.number,
            device_name="phone",
            door=Door.MQTT,
            topic="t",
            reason="r",
            body=b"?",
            received=NOW,
        )
        facts: list[Fact] = [
            self.reported(device, location(NOW + 1)),
            self.reported(device, location(NOW + 1), known=False),
            Noted(source=source(ana, device=device), kind="lwt", topic="t", body=b"", received=1),
            Reported(source=source(ben), location=location(), may_repeat=False),
            aside,
        ]
        kept = await self.together(store, facts)
        self.assertEqual([False, False, False, True, True], [each.new for each in kept])
        self.assertEqual(
            [None, None, None, "ben/phone", None],
            [each.device and each.device.path for each in kept],
        )
        states: Sequence[DeviceState] = await store.database.read(store.devices.all)
        self.assertEqual(["ben/phone"], [state.device.path for state in states])
        self.assertEqual([(None, b"?")], await rows(store, "SELECT user_id, body FROM quarantine"))
