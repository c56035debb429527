"""Locations in the database. Implements `tracks.ports.Locations`: reading them back.

Each device's rows lie in their own time order; several devices are merged here, a page at a time.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from mytracks.store.database import sql
from mytracks.store.devices import StoredDevices
from mytracks.store.location_rows import COLUMNS, location_of
from mytracks.store.schema import context, device, location
from mytracks.store.several import among, groups
from mytracks.store.statements import Rows, Statement, Values
from mytracks.tracks.locations import Flags, Recorded
from mytracks.tracks.ports import Position, Selection
from mytracks.transaction import Transaction

_MOST: Final = 2**62
_BEFORE_ANY_SEQ: Final = -(2**31) - 1
_AFTER_ANY_SEQ: Final = 2**31
_KEYS_AT_ONCE: Final = 5_000

_columns: Final = [location.c[name] for name in COLUMNS]
_rows: Final = select(*_columns, context.c.body).join_from(
    location, context, context.c.id == location.c.context_id, isouter=True
)
_key: Final = tuple_(location.c.tst, location.c.seq)
_cursor: Final = tuple_(
    bindparam("after_tst", type_=BigInteger), bindparam("after_seq", type_=BigInteger)
)
_of_device: Final = location.c.device_id == bindparam("device", type_=BigInteger)
_in_time: Final = location.c.tst.between(
    bindparam("since", type_=BigInteger), bindparam("until", type_=BigInteger)
)
_shown: Final[ColumnElement[bool]] = (
    location.c.flags.bitwise_and(bindparam("hidden", type_=Integer)) == 0
)
_limit: Final = bindparam("page", type_=Integer)
_exactly: Final = (
    _of_device,
    location.c.tst == bindparam("tst", type_=BigInteger),
    location.c.seq == bindparam("seq", type_=Integer),
)

ADD: Final = Rows(
    insert(location).values({name: bindparam(name) for name in COLUMNS}).on_conflict_do_nothing()
)
AT: Final = Statement(_rows.where(*_exactly))
SAME_PLACE: Final = Statement(
    select(location.c.seq)
    .where(
        _of_device,
        location.c.tst == bindparam("tst", type_=BigInteger),
        location.c.lat == bindparam("lat", type_=Integer),
        location.c.lon == bindparam("lon", type_=Integer),
        location.c.seq != bindparam("seq", type_=Integer),
    )
    .limit(1)
)
RESENT: Final = Statement(
    select(location.c.tst)
    .where(_of_device, _in_time, location.c.seq == bindparam("seq", type_=Integer))
    .order_by(location.c.tst)
    .limit(1)
)
LAST: Final = Statement(
    _rows.join(
        device,
        (device.c.id == location.c.device_id)
        & (device.c.last_tst == location.c.tst)
        & (device.c.last_seq == location.c.seq),
    ).where(among(device.c.id))
)
COUNT: Final = Statement(select(func.count()).where(_of_device, _in_time, _shown))


def _page(what: Any, *, newest_first: bool) -> Statement:
    beyond = _key < _cursor if newest_first else _key > _cursor
    order = (
        (location.c.tst.desc(), location.c.seq.desc())
        if newest_first
        else (location.c.tst, location.c.seq)
    )
    chosen = what.where(_of_device, _in_time, _shown, beyond)
    return Statement(chosen.order_by(*order).limit(_limit), {"after_tst": 1, "after_seq": 2})


_keys: Final = select(location.c.device_id, location.c.tst, location.c.seq)
PAGE: Final = {first: _page(_rows, newest_first=first) for first in (True, False)}
KEYS: Final = {first: _page(_keys, newest_first=first) for first in (True, False)}


class StoredLocations:
    """The locations."""

    def __init__(self, devices: StoredDevices) -> None:
        self._devices = devices

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
        while offset > 0:
            step = min(offset, _KEYS_AT_ONCE)
            keys = await _merged(tx, KEYS[newest_first], selection, newest_first, step, after)
            if len(keys) < step:
                return []
            after = _position(keys[-1])
            offset -= step
        rows = await _merged(tx, PAGE[newest_first], selection, newest_first, limit, after)
        return await self._recorded(tx, rows)

    async def count(self, tx: Transaction, selection: Selection) -> int:
        """How many there are."""
        total = 0
        for number in set(selection.devices):
            row = await sql(tx).one(COUNT, device=number, **_range(selection))
            total += 0 if row is None else int(row[0])
        return total

    async def one(self, tx: Transaction, position: Position) -> Recorded | None:
        """The location at exactly this position."""
        row = await sql(tx).one(AT, device=position.device, tst=position.at, seq=position.seq)
        found = await self._recorded(tx, [row] if row else [])
        return found[0] if found else None

    async def last(self, tx: Transaction, devices: Sequence[int]) -> Sequence[Recorded]:
        """The newest fix of each device that has one, in the order of `devices`: a seek each."""
        rows = {
            row[0]: row for group in groups(devices) for row in await sql(tx).all(LAST, **group)
        }
        return await self._recorded(tx, [rows[number] for number in devices if number in rows])

    async def _recorded(self, tx: Transaction, rows: Sequence[Values]) -> Sequence[Recorded]:
        devices = await self._devices.those(tx, {row[0] for row in rows})
        return [
            Recorded(owner, location_of(row[:-1], row[-1]))
            for row in rows
            if (owner := devices.get(row[0])) is not None
        ]


async def _merged(
    tx: Transaction,
    statement: Statement,
    selection: Selection,
    newest_first: bool,
    limit: int,
    after: Position | None,
) -> list[Values]:
    """The first `limit` rows of all devices beyond `after`."""
    runs = []
    for number in sorted(set(selection.devices)):
        at, seq = _cursor_of(number, after, newest_first)
        values = {"device": number, "after_tst": at, "after_seq": seq, "page": limit}
        runs.append(await sql(tx).all(statement, **values, **_range(selection)))
    key: Callable[[Values], Values] = _order
    merged: Iterator[Values] = heapq.merge(*runs, key=key, reverse=newest_first)
    return [row for row, _ in zip(merged, range(limit), strict=False)]


def _order(row: Values) -> Values:
    return (row[1], row[0], row[2])


def _position(row: Values) -> Position:
    return Position(at=row[1], device=row[0], seq=row[2])


def _range(selection: Selection) -> dict[str, int]:
    return {
        "since": -_MOST if selection.since is None else selection.since,
        "until": _MOST if selection.until is None else selection.until,
        "hidden": 0 if selection.repeats else int(Flags.REPEAT),
    }


def _cursor_of(device: int, after: Position | None, newest_first: bool) -> tuple[int, int]:
    """Where the rows of `device` go on: among equal times the devices come in their order."""
    if after is None:
        return (_MOST, _AFTER_ANY_SEQ) if newest_first else (-_MOST, _BEFORE_ANY_SEQ)
    if device == after.device:
        return after.at, after.seq
    comes_later = device > after.device
    return after.at, _BEFORE_ANY_SEQ if comes_later else _AFTER_ANY_SEQ
