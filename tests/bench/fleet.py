"""A hundred phones and what they report, for the parts that measure the store without a network."""

from collections.abc import Sequence
from typing import Final

from mytracks.people.ports import Account
from mytracks.phones.facts import Reported, Source
from mytracks.sharing.identity import Device
from mytracks.store.open import Store
from mytracks.tracks.locations import Location, Via

PHONES: Final = 100
FIRST: Final = 1_767_225_600
"""UTC seconds of the first report."""


def location(number: int) -> Location:
    """As an Android phone sends it."""
    return Location(
        at=FIRST + number,
        seq=hash((number, 7)) % 2**31,
        latitude=48.85833 + number % 1000 / 1e5,
        longitude=2.29513,
        received=FIRST + 5 + number,
        via=Via.MQTT,
        accuracy=12,
        altitude=35,
        vertical_accuracy=3,
        velocity=4,
        course=270,
        battery=81,
        battery_status=1,
        connection="w",
        mode=1,
        trigger="u",
        source="fused",
        tid="l8",
        message_id="3fa91c07",
        created_at=FIRST + 5 + number,
        in_regions=("Home",),
        ssid="lan",
        bssid="02:00:00:00:00:00",
    )


class Fleet:
    """Phones of one account, each with its own device, that report in turn."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = devices
        self._sources = [
            Source(owner=each.owner, owner_name=each.owner_name, name=each.name, device=each)
            for each in devices
        ]
        self._number = 0

    def facts(self, count: int) -> list[Reported]:
        """The next so many, none of which was there before."""
        first, self._number = self._number + 1, self._number + count
        return [
            Reported(
                source=self._sources[number % len(self._sources)],
                location=location(number),
                may_repeat=False,
            )
            for number in range(first, self._number + 1)
        ]


async def joined(store: Store, phones: int = PHONES) -> Fleet:
    """Make an account and its phones in an empty store; each has sent one report."""
    wanted = Account(
        number=0,
        name="ana",
        display="",
        admin=False,
        disabled=False,
        password="",
        email="",
        created=FIRST,
    )
    ana = await store.database.commit(lambda tx: store.accounts.add(tx, wanted))
    sources = [
        Source(owner=ana.number, owner_name=ana.name, name=f"phone{number}", device=None)
        for number in range(phones)
    ]
    first = [Reported(source=each, location=location(0), may_repeat=False) for each in sources]
    kept = (await store.journal.record(first)).kept
    return Fleet([each.device for each in kept if each.device is not None])
