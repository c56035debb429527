"""A Location as a row and back, with nothing lost.

Columns hold whole numbers. What a column cannot hold goes verbatim, under its wire name, into the
JSON of `extra`, which is merged over the columns when reading. Members that a phone repeats from
report to report are the row's context: stored once for many rows, unless it is large.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from attrs import evolve

from mytracks.store import json_text
from mytracks.store.statements import Values
from mytracks.tracks.locations import Flags, Location, Via

COLUMNS: Final = (
    "device_id",
    "tst",
    "seq",
    "lat",
    "lon",
    "acc",
    "alt",
    "vac",
    "vel",
    "cog",
    "batt",
    "bs",
    "conn",
    "mode",
    "trig",
    "source",
    "via",
    "flags",
    "delay",
    "message_id",
    "reported",
    "context_id",
    "extra",
)
FLAGS: Final = COLUMNS.index("flags")
CONTENT: Final = tuple(
    number
    for number, name in enumerate(COLUMNS)
    if name not in ("device_id", "tst", "seq", "via", "flags", "delay", "context_id")
)
"""The columns that say what was reported, not how, when and whence it came. What a context says was
reported is in `seq` as well."""

_PER_DEGREE: Final = 10_000_000
_HALF: Final = 2**31
_MOST: Final = _HALF - 1
_SOURCES: Final = ("gps", "fused", "network", "passive")
_VIAS: Final = {int(via): via for via in Via}
_SOURCE_NUMBERS: Final = {name: number for number, name in enumerate(_SOURCES, 1)}

_IN_CONTEXT: Final = ("inrids", "tag", "motionactivities")
_FIELDS: Final = {
    "acc": "accuracy",
    "alt": "altitude",
    "vac": "vertical_accuracy",
    "vel": "velocity",
    "cog": "course",
    "batt": "battery",
    "bs": "battery_status",
    "conn": "connection",
    "m": "mode",
    "t": "trigger",
    "source": "source",
    "_id": "message_id",
    "created_at": "created_at",
    "received": "received",
}
"""The fields of what `extra` may hold for the columns' sake, by their names there."""
_RESERVED: Final = frozenset({*_FIELDS, "context"})
"""Those names, and that of a context that stays in its row."""
_ESCAPE: Final = "$"
"""Put before a member of `Location.extra` that has a reserved name, or begins like this."""


LARGEST: Final = 1024
"""Characters of a context that is stored once for many; a larger one stays in its row. Part of the
layout: the same message must always give the same row."""


class Context(NamedTuple):
    """What a phone repeats: its place among regions and networks, its short name, its address.

    `members`: JSON of those of the `extra` members that belong here; empty: none. A tuple because
    one is made and looked up for every location.
    """

    tid: str | None
    in_regions: tuple[str, ...]
    ssid: str | None
    bssid: str | None
    members: str
    address: str | None = None

    @property
    def large(self) -> bool:
        """Whether it stays in its row. Each region counts its quotes and comma as well."""
        regions = sum(len(name) + 3 for name in self.in_regions) + 1
        names = len(self.tid or "") + len(self.ssid or "") + len(self.bssid or "")
        return regions + names + len(self.members) > LARGEST

    def body(self) -> str:
        """The JSON that is stored."""
        return json_text.write(self.parts())

    def parts(self) -> Mapping[str, Any]:
        """What there is of it."""
        parts = {
            "tid": self.tid,
            "inregions": self.in_regions or None,
            "ssid": self.ssid,
            "bssid": self.bssid,
            "extra": json_text.read(self.members) if self.members else None,
            "address": self.address,
        }
        return {name: part for name, part in parts.items() if part is not None}


EMPTY: Final = Context(None, (), None, None, "")


def context_of(location: Location) -> Context:
    """The part of a location that is stored once for many."""
    extra = location.extra
    members = {name: extra[name] for name in _IN_CONTEXT if name in extra} if extra else None
    return Context(
        location.tid,
        location.in_regions,
        location.ssid,
        location.bssid,
        json_text.write(members) if members else "",
        location.address,
    )


def row_of(device: int, location: Location, flags: int, context: int | Context | None) -> Values:
    """The row of a location, in the order of `COLUMNS`.

    `context`: the number under which it is stored; itself when the row holds it; None: it is empty.
    """
    odd: dict[str, Any] = {}
    if isinstance(context, Context):
        odd["context"] = context.parts()
        context = None
    row = (
        device,
        location.at,
        location.seq,
        round(location.latitude * _PER_DEGREE),
        round(location.longitude * _PER_DEGREE),
        _whole(location.accuracy, "acc", odd),
        _whole(location.altitude, "alt", odd),
        _whole(location.vertical_accuracy, "vac", odd),
        _whole(location.velocity, "vel", odd),
        _whole(location.course, "cog", odd),
        _whole(location.battery, "batt", odd),
        _whole(location.battery_status, "bs", odd),
        _letter(location.connection, "conn", odd),
        _whole(location.mode, "m", odd),
        _letter(location.trigger, "t", odd),
        _source(location.source, odd),
        int(location.via),
        flags,
        _since(location.at, location.received, "received", odd) or 0,
        _identity(location.message_id, odd),
        _since(location.at, location.created_at, "created_at", odd),
        context,
    )
    if location.extra:
        odd.update(_escaped(location.extra))
    return (*row, json_text.write(odd) if odd else None)


def location_of(row: Values, context: str | None) -> Location:
    """The location of a row; `context`: the body of its context."""
    (_, at, seq, lat, lon, *columns, via, flags, delay, identity, reported, _, text) = row
    acc, alt, vac, vel, cog, batt, bs, conn, mode, trig, source = columns
    odd: dict[str, Any] = json_text.read(text) if text else {}
    repeated: dict[str, Any] = json_text.read(context) if context else odd.pop("context", {})
    location = Location(
        at=at,
        seq=seq,
        latitude=lat / _PER_DEGREE,
        longitude=lon / _PER_DEGREE,
        received=at + delay,
        via=_VIAS[via],
        flags=Flags(flags) if flags else Flags.NONE,
        accuracy=acc,
        altitude=alt,
        vertical_accuracy=vac,
        velocity=vel,
        course=cog,
        battery=batt,
        battery_status=bs,
        connection=None if conn is None else chr(conn),
        mode=mode,
        trigger=None if trig is None else chr(trig),
        source=None if source is None else _SOURCES[source - 1],
        tid=repeated.get("tid"),
        message_id=None if identity is None else f"{identity % (2 * _HALF):08x}",
        created_at=None if reported is None else at + reported,
        in_regions=tuple(repeated.get("inregions", ())),
        ssid=repeated.get("ssid"),
        bssid=repeated.get("bssid"),
        address=repeated.get("address"),
        extra=repeated.get("extra", {}),
    )
    return _with(location, odd) if odd else location


def _with(location: Location, odd: Mapping[str, Any]) -> Location:
    """The location with what its columns could not hold: in few rows there is any."""
    verbatim = {field: odd[name] for name, field in _FIELDS.items() if name in odd}
    rest = {name: value for name, value in odd.items() if name not in _FIELDS}
    return evolve(location, **verbatim, extra={**location.extra, **_unescaped(rest)})


def _whole(value: float | None, name: str, odd: dict[str, Any]) -> int | None:
    """The whole number for a column; what that loses goes into `odd`."""
    if value is None:
        return None
    if -_MOST <= value <= _MOST:
        whole = int(value)
        if whole == value:
            return whole
        odd[name] = value
        return round(value)
    odd[name] = value
    return None


def _since(start: int, value: int | None, name: str, odd: dict[str, Any]) -> int | None:
    """The seconds from `start` to `value`; a time too far away goes into `odd`."""
    if value is None:
        return None
    seconds = value - start
    if -_MOST <= seconds <= _MOST:
        return seconds
    odd[name] = value
    return None


def _letter(value: str | None, name: str, odd: dict[str, Any]) -> int | None:
    """The code of an ASCII letter; anything else goes into `odd`."""
    if value is None:
        return None
    if len(value) == 1 and value.isascii():
        return ord(value)
    odd[name] = value
    return None


def _identity(value: str | None, odd: dict[str, Any]) -> int | None:
    """Eight hexadecimal digits as a signed number of 32 bits; anything else goes into `odd`."""
    if value is None:
        return None
    try:
        number = int(value, 16)
    except ValueError:
        odd["_id"] = value
        return None
    # Also true of signs, spaces and capitals: only what reads back the same is a number.
    if f"{number:08x}" != value or len(value) != 8:
        odd["_id"] = value
        return None
    return number if number < _HALF else number - 2 * _HALF


def _source(value: str | None, odd: dict[str, Any]) -> int | None:
    if value is None:
        return None
    number = _SOURCE_NUMBERS.get(value)
    if number is None:
        odd["source"] = value
    return number


def _escaped(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members that stay with the row, out of the way of those of the columns."""
    return {
        _ESCAPE + name if name in _RESERVED or name.startswith(_ESCAPE) else name: value
        for name, value in extra.items()
        if name not in _IN_CONTEXT
    }


def _unescaped(odd: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name.removeprefix(_ESCAPE): value for name, value in odd.items()}
