"""`_type: location`: what a phone says of where it is (OwnTracks 7.2), lenient in, strict out."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from mytracks.owntracks.members import sort_out
from mytracks.owntracks.numbers import number_of
from mytracks.owntracks.reading import Unreadable, canonical

TOLERATED: Final = 300
"""Seconds that a phone's clock may be ahead of ours: "more than a few minutes" is the future."""

_FAR: Final = 4_102_444_800
"""The year 2100: what is later is no time of a fix, whatever our own clock says."""

_MILLISECONDS: Final = 100_000_000_000
"""A time above this (the year 5138 in seconds, 1973 in milliseconds) is in milliseconds."""

_TRANSPORT: Final = ("topic", "qos", "retained")
"""How a message travelled; no part of what it says."""

_MISSING: Final = object()


@frozen(kw_only=True)
class LocationMessage:
    """A phone's report. Degrees WGS 84 with seven decimals, metres, km/h, percent, UTC seconds.

    `at`: time of the fix, made plausible; `time_corrected` says that the phone's was not. `seq`:
    signed 32-bit hash of all that it says, equal for the same message however it came. `extra`:
    members without a field, and the originals of those that a field holds only in part. None: not
    said.
    """

    at: int
    time_corrected: bool
    seq: int
    latitude: float
    longitude: float
    accuracy: float | None = None
    altitude: float | None = None
    vertical_accuracy: float | None = None
    velocity: float | None = None
    course: float | None = None
    battery: int | None = None
    battery_status: int | None = None
    connection: str | None = None
    mode: int | None = None
    trigger: str | None = None
    source: str | None = None
    tid: str | None = None
    message_id: str | None = None
    created_at: int | None = None
    in_regions: tuple[str, ...] = ()
    ssid: str | None = None
    bssid: str | None = None
    extra: Mapping[str, Any] = field(factory=dict)

    @property
    def kind(self) -> str:
        """Its `_type`."""
        return "location"


def read_location(members: dict[str, Any], now: int, *, dated: bool = True) -> LocationMessage:
    """What `members` (used up by this) say. `now`: time of arrival; `dated`: whether that is
    believed, so that a later time is the phone's mistake and not ours. Raises Unreadable.
    """
    for name in _TRANSPORT:
        members.pop(name, None)
    members, spelled = canonical(members)
    seq = zlib.crc32(spelled)
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    latitude, longitude = _position(members)
    members.pop("_type", None)
    raw_time = members.pop("tst", None)
    at, corrected, exact = _time(raw_time, now, now + TOLERATED if dated else _FAR)
    if not exact and raw_time is not None:
        extra["tst"] = raw_time
    sort_out(members, fields, extra)
    return LocationMessage(
        at=at,
        time_corrected=corrected,
        seq=seq - 2**32 if seq >= 2**31 else seq,
        latitude=latitude,
        longitude=longitude,
        extra=extra,
        **fields,
    )


def _position(members: dict[str, Any]) -> tuple[float, float]:
    """Latitude and longitude. New Android apps leave out what is exactly 0 (OwnTracks 7.1)."""
    latitude = members.pop("lat", _MISSING)
    longitude = members.pop("lon", _MISSING)
    if longitude is _MISSING:
        longitude = members.pop("long", _MISSING)
    if latitude is _MISSING and longitude is _MISSING:
        raise Unreadable("a location without a position")
    if latitude is _MISSING or longitude is _MISSING:
        if "tst" not in members:
            raise Unreadable("a location with half a position and no time")
        latitude = 0 if latitude is _MISSING else latitude
        longitude = 0 if longitude is _MISSING else longitude
    return _degrees(latitude, 90, "latitude"), _degrees(longitude, 180, "longitude")


def _degrees(value: Any, most: int, what: str) -> float:
    number = value if type(value) is float else number_of(value)
    if number is None:
        raise Unreadable(f"the {what} is not a number")
    if not -most <= number <= most:
        raise Unreadable(f"the {what} is not between -{most} and {most}")
    return round(number * 10_000_000) / 10_000_000


def _time(raw: Any, now: int, latest: int) -> tuple[int, bool, bool]:
    """When the fix was made; whether that was corrected; whether it says all that `raw` does.

    `latest`: a time after this is no time of a fix.
    """
    number = raw if type(raw) is int else number_of(raw)
    if number is None or number <= 0:
        return now, True, False
    if number <= latest:
        at = int(number)
        return at, False, at == number
    if number >= _MILLISECONDS and number / 1000 <= latest:
        return int(number / 1000), True, False
    return now, True, False


_WHOLE: Final = {
    "acc": "accuracy",
    "alt": "altitude",
    "vac": "vertical_accuracy",
    "vel": "velocity",
    "cog": "course",
    "batt": "battery",
    "bs": "battery_status",
    "m": "mode",
    "created_at": "created_at",
}
_WORDS: Final = {
    "t": "trigger",
    "conn": "connection",
    "source": "source",
    "_id": "message_id",
    "SSID": "ssid",
    "BSSID": "bssid",
}


def write_location(message: LocationMessage, tid: str) -> dict[str, Any]:
    """The members of a location as every app version reads them (OwnTracks 9.4).

    Whole numbers where whole numbers are expected, no null, always `tid`; nothing out of `extra`.
    """
    members: dict[str, Any] = {
        "_type": "location",
        "lat": message.latitude,
        "lon": message.longitude,
        "tst": message.at,
        "tid": tid,
    }
    for name, attribute in _WHOLE.items():
        number = getattr(message, attribute)
        if number is not None:
            members[name] = round(number)
    for name, attribute in _WORDS.items():
        text = getattr(message, attribute)
        if text is not None:
            members[name] = text
    if message.in_regions:
        members["inregions"] = list(message.in_regions)
    return members
