"""A Location: one report of where a device was, and its identity. Decides nothing about doors."""

from collections.abc import Mapping
from enum import IntEnum, IntFlag
from typing import Any

from attrs import field, frozen

from mytracks.sharing.identity import Device


class Via(IntEnum):
    """How a report reached us."""

    MQTT = 1
    HTTP = 2


class Flags(IntFlag):
    """What is special about a stored location."""

    NONE = 0
    REPEAT = 1
    """A ping: same time and place as a stored fix. Counts as seen, is never drawn."""
    TIME_CORRECTED = 2
    """The phone's time was missing, zero, in milliseconds or in the future."""


@frozen(kw_only=True)
class Location:
    """Where a device was. Degrees WGS 84 (seven decimals are kept), metres, km/h, percent.

    `at`: UTC seconds of the fix, already plausible. `seq`: 32-bit (signed) hash of the normalised
    payload; (device, at, seq) identifies a location for ever. `received`: UTC seconds of arrival.
    `address`: the IP address that it came from, for nobody but the owner.
    `extra`: members without a field of their own, and verbatim originals that a field cannot hold
    (fractions, odd text, an implausible `tst`). None means that the phone did not say.
    """

    at: int
    seq: int
    latitude: float
    longitude: float
    received: int
    via: Via
    flags: Flags = Flags.NONE
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
    address: str | None = None
    extra: Mapping[str, Any] = field(factory=dict)


@frozen
class Recorded:
    """A stored location of a device."""

    device: Device
    location: Location
