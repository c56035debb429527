"""Devices in the database. Implements `tracks.ports.Devices`; makes them on their first message."""

from collections.abc import Collection, Mapping, Sequence
from enum import IntFlag
from typing import Final

from attrs import define, evolve
from sqlalchemy import and_, bindparam, case, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from mytracks.sharing.identity import Device
from mytracks.store.accounts import NAME_OF, PRESENT
from mytracks.store.database import sql
from mytracks.store.labels import labels, name_of
from mytracks.store.schema import device, user_account
from mytracks.store.several import among, groups
from mytracks.store.statements import Rows, Statement, Values
from mytracks.tracks.ports import DeviceState, Look
from mytracks.transaction import Transaction


class Flags(IntFlag):
    """What is noted of a device. Stored: never renumber."""

    OWN_TID = 1
    """Its `tid` is its owner's, whatever it says itself."""


_with_owner: Final = select(
    device.c.id,
    device.c.user_id,
    user_account.c.name,
    device.c.name.label("device_name"),
    device.c.tid,
    device.c.created,
    device.c.seen,
    device.c.last_tst,
    device.c.last_seq,
    device.c.locations,
    device.c.color,
    device.c.flags,
    device.c.encryption_key.is_not(None),
).join_from(device, user_account, and_(user_account.c.id == device.c.user_id, PRESENT))

ALL: Final = Statement(_with_owner.order_by(device.c.id))
NUMBERED: Final = Statement(_with_owner.where(device.c.id == bindparam("number")))
THOSE: Final = Statement(_with_owner.where(among(device.c.id)))
NAMED: Final = Statement(
    select(device.c.id).where(
        device.c.user_id == bindparam("owner"), device.c.name == bindparam("name")
    )
)
MAKE: Final = Statement(
    insert(device)
    .values(
        user_id=bindparam("owner"),
        name=bindparam("name"),
        created=bindparam("created"),
        seen=bindparam("seen"),
    )
    .on_conflict_do_nothing(index_elements=["user_id", "name"])
    .returning(device.c.id)
)

_mark: Final = insert(device).values(
    {
        name: bindparam(name)
        for name in (
            *("id", "user_id", "name", "tid", "created", "seen"),
            *("last_tst", "last_seq", "locations"),
        )
    }
)
_newer: Final = or_(
    device.c.last_tst.is_(None),
    # Of two in one second the later arrival is the newer: that is what viewers were shown.
    _mark.excluded.last_tst >= device.c.last_tst,
)
HAS_OWN_TID: Final = device.c.flags.op("&")(literal_column(str(int(Flags.OWN_TID)))) != (
    literal_column("0")
)
MARK: Final = Rows(
    _mark.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "tid": case(
                (HAS_OWN_TID, device.c.tid),
                else_=func.coalesce(_mark.excluded.tid, device.c.tid),
            ),
            "seen": case(
                (_mark.excluded.seen > device.c.seen, _mark.excluded.seen), else_=device.c.seen
            ),
            "last_tst": case(
                (and_(_mark.excluded.last_tst.is_not(None), _newer), _mark.excluded.last_tst),
                else_=device.c.last_tst,
            ),
            "last_seq": case(
                (and_(_mark.excluded.last_tst.is_not(None), _newer), _mark.excluded.last_seq),
                else_=device.c.last_seq,
            ),
            "locations": device.c.locations + _mark.excluded.locations,
        },
    )
)


@define
class Mark:
    """What a batch says of a device. `seen`: UTC seconds; `last`: (time, seq) of its newest fix;
    `locations`: how many new ones it has, repeated fixes not counted."""

    device: Device
    seen: int
    tid: str | None = None
    last: tuple[int, int] | None = None
    locations: int = 0

    @property
    def row(self) -> Values:
        """In the order of `MARK`."""
        at, seq = self.last or (None, None)
        device, seen = self.device, self.seen
        first = (device.number, device.owner, device.name, self.tid, seen, seen)
        return (*first, at, seq, self.locations)


class StoredDevices:
    """The devices."""

    async def all(self, tx: Transaction) -> Sequence[DeviceState]:
        """Every device, by number."""
        known = await labels(tx)
        return [
            _labelled(state, known.get(name_of(state.device.number)))
            for state in map(_state, await sql(tx).all(ALL))
        ]

    async def numbered(self, tx: Transaction, number: int) -> Device | None:
        """The device with this number."""
        row = await sql(tx).one(NUMBERED, number=number)
        return None if row is None else _state(row).device

    async def those(self, tx: Transaction, numbers: Collection[int]) -> Mapping[int, Device]:
        """The devices with these numbers, those that are there."""
        if len(numbers) == 1:
            rows = await sql(tx).all(NUMBERED, number=next(iter(numbers)))
        else:
            rows = [
                row
                for group in groups(sorted(numbers))
                for row in await sql(tx).all(THOSE, **group)
            ]
        return {row[0]: _state(row).device for row in rows}

    async def made(self, tx: Transaction, owner: int, name: str, now: int) -> Device | None:
        """The device of this name, made if need be; None when there is no such account."""
        account = await sql(tx).one(NAME_OF, number=owner)
        if account is None:
            return None
        row = await sql(tx).one(NAMED, owner=owner, name=name)
        if row is None:
            row = await sql(tx).one(MAKE, owner=owner, name=name, created=now, seen=now)
        if row is None:
            # Another process made it between our two looks.
            row = await sql(tx).one(NAMED, owner=owner, name=name)
        assert row is not None
        return Device(row[0], owner, account[0], name)

    async def mark(self, tx: Transaction, marks: Sequence[Mark]) -> None:
        """Note when devices, all of which are stored, were seen and where they were last."""
        await sql(tx).insert(MARK, sorted(mark.row for mark in marks))


def _state(row: Values) -> DeviceState:
    number, owner, owner_name, name, tid, created, seen, last_at, last_seq, locations = row[:10]
    color, flags, sealed = row[10:]
    return DeviceState(
        device=Device(number, owner, owner_name, name),
        tid=tid,
        created=created,
        seen=seen,
        last_at=last_at,
        last_seq=last_seq,
        locations=locations,
        look=Look(tid=tid if flags & Flags.OWN_TID else None, color=color, sealed=bool(sealed)),
    )


def _labelled(state: DeviceState, label: str | None) -> DeviceState:
    return state if label is None else evolve(state, look=evolve(state.look, label=label))
