"""What becomes of messages that are no locations, and of what could not be understood."""

from attrs import evolve

from mytracks.phones.facts import Fact, Kept, Noted, SetAside
from mytracks.sharing.identity import Device, Door
from mytracks.store.limits import Limits
from mytracks.store.open import Store
from tests.store.cases import NOW, source
from tests.store.test_recording import RecordingCase, rows

DAY = 86_400


class NotedTests(RecordingCase):
    """Messages other than locations."""

    async def test_a_message_is_kept_as_it_came(self) -> None:
        """For what a later version makes of it."""
        store, ana, device = await self.phone()
        body = b'{"_type":"lwt","tst":1}'
        fact = Noted(source=source(ana), kind="lwt", topic="o/ana/phone", body=body, received=NOW)
        odd = evolve(fact, kind="never heard of")
        kept = await self.together(store, [fact, odd])
        self.assertEqual([(fact, device, True), (odd, device, True)], [_short(k) for k in kept])
        self.assertEqual(
            [(device.number, NOW, 1, "o/ana/phone", body), (device.number, NOW, 0, *_tail(odd))],
            await rows(store, "SELECT device_id, received, type, topic, body FROM message"),
        )

    async def test_old_messages_go_after_their_days(self) -> None:
        """Nothing grows for ever."""
        store, ana, _ = await self.phone(Limits(ballast=0, message_days=10))
        for day in (0, 9, 11):
            received = NOW + day * DAY
            await store.journal.record(
                [Noted(source=source(ana), kind="lwt", topic="t", body=b"", received=received)]
            )
        left = await rows(store, "SELECT received FROM message ORDER BY received")
        self.assertEqual([(NOW + 9 * DAY,), (NOW + 11 * DAY,)], left)

    async def test_what_came_while_the_clock_was_not_set_is_not_old(self) -> None:
        """Setting it by fifty years must not remove what phones said an hour ago."""
        store, ana, _ = await self.phone(Limits(ballast=0, message_days=10))
        for received in (3600, NOW, NOW + 11 * DAY):
            await store.journal.record(
                [Noted(source=source(ana), kind="lwt", topic="t", body=b"", received=received)]
            )
        left = await rows(store, "SELECT received FROM message ORDER BY received")
        self.assertEqual([(3600,), (NOW + 11 * DAY,)], left)


class QuarantineTests(RecordingCase):
    """What could not be understood."""

    def aside(self, body: bytes, device: str | None = "phone") -> SetAside:
        return SetAside(
            user=1,
            device_name=device,
            door=Door.HTTP,
            topic="owntracks/ana/phone",
            reason="not JSON",
            body=body,
            received=NOW,
        )

    async def bodies(self, store: Store) -> list[bytes]:
        return [b for (b,) in await rows(store, "SELECT body FROM quarantine ORDER BY id")]

    async def test_junk_is_kept_whole(self) -> None:
        """The administrator can look at it, and hand it in again."""
        store, _, device = await self.phone()
        kept = await self.together(store, [self.aside(b"\xff\x00"), self.aside(b"{", None)])
        self.assertEqual([device, None], [each.device for each in kept])
        self.assertEqual(
            [
                (NOW, 2, 1, device.number, "owntracks/ana/phone", "not JSON", b"\xff\x00"),
                (NOW, 2, 1, None, "owntracks/ana/phone", "not JSON", b"{"),
            ],
            await rows(
                store,
                "SELECT received, source, user_id, device_id, topic, reason, body"
                " FROM quarantine ORDER BY id",
            ),
        )

    async def test_the_oldest_go_at_the_limit_of_count(self) -> None:
        """At it all stay; one past it the first goes."""
        store, _, _ = await self.phone(Limits(ballast=0, quarantine_messages=3))
        for number in range(3):
            await store.journal.record([self.aside(b"%d" % number)])
        self.assertEqual([b"0", b"1", b"2"], await self.bodies(store))
        await store.journal.record([self.aside(b"3")])
        self.assertEqual([b"1", b"2", b"3"], await self.bodies(store))
        await self.together(store, [self.aside(b"%d" % number) for number in range(4, 14)])
        self.assertEqual([b"11", b"12", b"13"], await self.bodies(store))

    async def test_the_oldest_go_at_the_limit_of_bytes(self) -> None:
        """The newest stays, however large it is."""
        store, _, _ = await self.phone(Limits(ballast=0, quarantine_bytes=10))
        for body in (b"aaaa", b"bbbbbb"):
            await store.journal.record([self.aside(body)])
        self.assertEqual([b"aaaa", b"bbbbbb"], await self.bodies(store))
        await store.journal.record([self.aside(b"c")])
        self.assertEqual([b"bbbbbb", b"c"], await self.bodies(store))
        await store.journal.record([self.aside(b"d" * 99)])
        self.assertEqual([b"d" * 99], await self.bodies(store))


def _short(kept: Kept) -> tuple[Fact, Device | None, bool]:
    return kept.fact, kept.device, kept.new


def _tail(fact: Noted) -> tuple[str, bytes]:
    return fact.topic, fact.body
