"""The stored half of the tracks room, in memory, and people and devices to fill it with."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred

from mytracks.sharing.identity import Device, Door, Principal
from mytracks.tracks.identifiers import position_of
from mytracks.tracks.locations import Flags, Location, Recorded, Via
from mytracks.tracks.ports import DeviceState, Position, Selection
from mytracks.transaction import Transaction, Unit

T = TypeVar("T")

NOW = 1_767_229_200

ANA = Principal(1, "ana", False, Door.WEB)
BEN = Principal(2, "ben", True, Door.WEB)

PHONE = Device(1, 1, "ana", "phone")
TABLET = Device(2, 1, "ana", "tablet")
BENS = Device(3, 2, "ben", "phone")


def fix(at: int, seq: int = 0, **members: Any) -> Location:
    """A location of time `at`."""
    plain = Location(
        at=at, seq=seq, latitude=1.5, longitude=2.5, received=max(at, NOW), via=Via.MQTT
    )
    return evolve(plain, **members)


def state(device: Device, last: tuple[int, int] | None = None, seen: int = NOW) -> DeviceState:
    """A device as the store knows it."""
    at, seq = last or (None, None)
    return DeviceState(device=device, tid=None, created=9, seen=seen, last_at=at, last_seq=seq)


class MemoryTransaction:
    """Nothing to see: the rows are in the ports' own memory."""

    dialect = "memory"


class MemoryTransactions:
    """Runs each unit at once, and counts."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` now."""
        self.reads += 1
        return Deferred.fromCoroutine(unit(MemoryTransaction()))

    def commit(self, unit: Unit[T]) -> Deferred[T]:
        """The same: there is nothing to make durable."""
        return self.read(unit)


class MemoryDevices:
    """Implements `tracks.ports.Devices`."""

    def __init__(self, states: Sequence[DeviceState]) -> None:
        self.states = list(states)

    async def all(self, tx: Transaction) -> Sequence[DeviceState]:
        """Every device."""
        return list(self.states)


class MemoryLocations:
    """Implements `tracks.ports.Locations`."""

    def __init__(self, rows: Iterable[Recorded] = ()) -> None:
        self.rows = list(rows)

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
        """In time order, as the port says."""
        rows = sorted(self._matching(selection), key=_order, reverse=newest_first)
        if after is not None:
            place = (after.at, after.device, after.seq)
            rows = [
                row
                for row in rows
                if (_order(row) < place if newest_first else _order(row) > place)
            ]
        return rows[offset : offset + limit]

    async def count(self, tx: Transaction, selection: Selection) -> int:
        """How many match."""
        return len(self._matching(selection))

    async def one(self, tx: Transaction, position: Position) -> Recorded | None:
        """The one at exactly this place."""
        return next((row for row in self.rows if position_of(row) == position), None)

    async def last(self, tx: Transaction, devices: Sequence[int]) -> Sequence[Recorded]:
        """The newest of each."""
        newest = {
            row.device.number: row for row in sorted(self.rows, key=_order) if not _is_repeat(row)
        }
        return [newest[number] for number in devices if number in newest]

    def _matching(self, selection: Selection) -> list[Recorded]:
        return [
            row
            for row in self.rows
            if row.device.number in selection.devices
            and (selection.since is None or row.location.at >= selection.since)
            and (selection.until is None or row.location.at <= selection.until)
            and (selection.repeats or not _is_repeat(row))
        ]


def _is_repeat(row: Recorded) -> bool:
    return bool(row.location.flags & Flags.REPEAT)


def _order(row: Recorded) -> tuple[int, int, int]:
    return row.location.at, row.device.number, row.location.seq
