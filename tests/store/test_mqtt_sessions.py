"""What a message takes: in memory while it waits, on the disk for ever."""

from typing import Any

from mytracks.phones.facts import Noted, Reported
from mytracks.store.files import FILE
from mytracks.store.weighing import weight_of
from mytracks.tracks.locations import Location
from tests import databases
from tests.bench.fleet import location as android
from tests.store.cases import NOW, account, location, source
from tests.store.test_recording import RecordingCase


class SizeTests(RecordingCase):
    """Years of places are kept for ever: bytes count."""

    skip = databases.ONLY_SQLITE

    async def test_a_location_of_an_android_phone_takes_seventy_bytes_at_most(self) -> None:
        """All in: keys, pages that are not full, its context; several phones in between."""
        store, ana = await self.with_ana()
        names = [f"phone{number}" for number in range(6)]

        async def filled(first: int, last: int) -> int:
            nonlocal store
            facts = [
                Reported(
                    source=source(ana, names[number % len(names)]),
                    location=android(number),
                    may_repeat=False,
                )
                for number in range(first, last)
            ]
            await self.together(store, facts)
            await store.close()
            size = (self.folder / FILE).stat().st_size
            store = await self.opened()
            return size

        before = await filled(0, 1_000)
        self.assertLessEqual((await filled(1_000, 11_000) - before) / 10_000, 70)


class WeightTests(RecordingCase):
    """What waits to be stored is held back by its bytes as well."""

    async def test_what_is_large_in_a_location_weighs(self) -> None:
        """Odd members may be megabytes; thousands of those would fill the memory."""
        large = "x" * 100_000
        for extra in ({"a": large}, {"a": {"b": [1, [large]]}}, {large: None}, {"tag": large}):
            self.assertGreaterEqual(self.weight(location(extra=extra)), 100_000)
        self.assertGreaterEqual(self.weight(location(in_regions=(large, large))), 200_000)
        self.assertGreaterEqual(self.weight(location(extra={"a": [0] * 10_000})), 10_000)
        deep: list[Any] = []
        for _ in range(5_000):
            deep = [deep]
        self.assertGreater(self.weight(location(extra={"a": deep})), 5_000)

    async def test_a_usual_location_weighs_next_to_nothing(self) -> None:
        """They are bounded by their number."""
        usual = location(tid="ab", ssid="lan", extra={"inrids": ["6da9cf"], "p": 99.5})
        self.assertLess(self.weight(usual), 200)

    async def test_the_bytes_of_bodies_weigh(self) -> None:
        """Of several facts together."""
        owner = source(account())
        noted = Noted(source=owner, kind="lwt", topic="t", body=b"x" * 50, received=NOW)
        self.assertEqual(100, weight_of([noted, noted]))

    def weight(self, each: Location) -> int:
        return weight_of([Reported(source=source(account()), location=each, may_repeat=False)])
