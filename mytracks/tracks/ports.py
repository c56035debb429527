"""What tracks needs stored. `store/locations.py` and `store/devices.py` implement it."""

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen

from mytracks.sharing.identity import Device
from mytracks.tracks.locations import Recorded
from mytracks.transaction import Transaction


@frozen(kw_only=True)
class Look:
    """How its owner wants to see a device. `label`: what they call it, empty: as its topic does.
    `tid`: in place of what it says itself. `color`: `#rrggbb`. `sealed`: whether there is a key for
    what it encrypts."""

    label: str = ""
    tid: str | None = None
    color: str | None = None
    sealed: bool = False


AS_IT_COMES: Final = Look()
"""Of a device whose owner has no wishes."""


@frozen(kw_only=True)
class DeviceState:
    """A device and what is known of it. UTC seconds; `tid`: its owner's or its own; `last_at`: time
    of its newest fix; `locations`: how many it has, repeated fixes not counted."""

    device: Device
    tid: str | None
    created: int
    seen: int
    last_at: int | None
    last_seq: int | None
    locations: int = 0
    look: Look = AS_IT_COMES


class Devices(Protocol):
    """All devices: a household's fit in memory."""

    async def all(self, tx: Transaction) -> Sequence[DeviceState]:
        """Every device, by number."""


@frozen(kw_only=True)
class Position:
    """A place in the time order of locations: (at, device, seq), which is total."""

    at: int
    device: int
    seq: int


@frozen(kw_only=True)
class Selection:
    """Which locations: of these device numbers, with `since <= at <= until` (UTC seconds)."""

    devices: Sequence[int]
    since: int | None = None
    until: int | None = None
    repeats: bool = False


class Locations(Protocol):
    """Stored locations, read back. Writing is part of the message's own commit."""

    async def page(
        self,
        tx: Transaction,
        selection: Selection,
        *,
        newest_first: bool,
        limit: int,
        offset: int = 0,
        after: Position | None = None,
    ) -> Sequence[Recorded]:
        """`limit` locations in time order (ties by device, then seq), beyond `after` if given."""

    async def count(self, tx: Transaction, selection: Selection) -> int:
        """How many there are."""

    async def one(self, tx: Transaction, position: Position) -> Recorded | None:
        """The location at exactly this position."""

    async def last(self, tx: Transaction, devices: Sequence[int]) -> Sequence[Recorded]:
        """The newest fix of each device that has one: one seek a device."""
