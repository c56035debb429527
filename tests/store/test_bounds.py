"""Tables of messages that are bounded, whatever happens beside it."""

from unittest import skipUnless

from attrs import evolve

from mytracks.phones.facts import Noted
from mytracks.sharing.identity import Device
from mytracks.store.limits import Limits
from mytracks.store.open import Store
from mytracks.transaction import Transaction
from tests import databases
from tests.store.cases import NOW, account, remove, source
from tests.store.test_recording import RecordingCase, rows


class BoundTests(RecordingCase):
    """The oldest give way; see `QuarantineTests` as well."""

    async def test_the_oldest_messages_go_at_the_limits_of_count_and_bytes(self) -> None:
        """A phone that floods us with beacons fills no disk; at the limit all stay."""
        for limits, bodies, left in (
            (Limits(ballast=0, message_count=3), [b"0", b"1", b"2"], [b"0", b"1", b"2"]),
            (Limits(ballast=0, message_count=3), [b"3"], [b"1", b"2", b"3"]),
            (
                Limits(ballast=0, message_bytes=10),
                [b"4444444", b"5"],
                [b"2", b"3", b"4444444", b"5"],
            ),
            (Limits(ballast=0, message_bytes=10), [b"6"], [b"3", b"4444444", b"5", b"6"]),
        ):
            store, device = await self.again(limits)
            for body in bodies:
                await store.journal.record([_beacon(device, body)])
            kept = [body for (body,) in await rows(store, "SELECT body FROM message ORDER BY id")]
            self.assertEqual(left, kept)
            await store.close()

    @skipUnless(databases.ON_SQLITE, "SQLite alone tells what it was asked")
    async def test_a_full_table_is_not_counted_for_each_message(self) -> None:
        """Counting takes milliseconds of the only writer: a twentieth goes at once instead."""
        store, device = await self.again(Limits(ballast=0, message_count=100))
        asked: list[str] = []

        async def listen(tx: Transaction) -> None:
            tx._execute.__self__.set_trace_callback(asked.append)  # type: ignore[attr-defined]

        await store.database.commit(listen)
        for number in range(150):
            await store.journal.record([_beacon(device, b"%d" % number)])
        self.assertLessEqual(sum("count(" in text for text in asked), 1 + 50 // 5 + 1)
        ((held,),) = await rows(store, "SELECT count(*) FROM message")
        self.assertLessEqual(95, held)
        self.assertLessEqual(held, 100)

    async def test_what_was_undone_or_deleted_does_not_count(self) -> None:
        """The memory of what a table holds may be wrong; nothing goes because of that."""
        limits = Limits(ballast=0, message_count=5)
        store, device = await self.again(limits)
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        tablet = source(ben, "tablet")
        for number in range(4):
            each = _beacon(device, b"%d" % number)
            await store.journal.record([evolve(each, source=tablet) if number % 2 else each])
        await remove(store, ben.number)
        for number in range(4, 7):
            await store.journal.record([_beacon(device, b"%d" % number)])
        left = [body for (body,) in await rows(store, "SELECT body FROM message ORDER BY id")]
        self.assertEqual([b"0", b"2", b"4", b"5", b"6"], left)

    async def again(self, limits: Limits) -> tuple[Store, Device]:
        """The store of this test with other limits, and its phone."""
        if self._database is None:
            store, _, device = await self.phone(limits)
            return store, device
        store = await self.opened(limits)
        (state,) = await store.database.read(store.devices.all)
        return store, state.device


def _beacon(device: Device, body: bytes) -> Noted:
    owner = account(device.owner_name, number=device.owner)
    return Noted(
        source=source(owner, device.name, device), kind="beacon", topic="t", body=body, received=NOW
    )
