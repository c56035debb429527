"""Each member of a location for itself: which field it fills and what that field can hold.

A member that its field cannot hold never costs the location: it goes into `extra` as it came.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mytracks.owntracks.numbers import number_of

Fields = dict[str, Any]
Extra = dict[str, Any]
Rule = Callable[[Any, Fields, Extra], None]
"""Takes a member's value and puts it where it belongs."""

_MOST_REGIONS: Final = 200
_LONGEST_REGION: Final = 255


def sort_out(members: Mapping[str, Any], fields: Fields, extra: Extra) -> None:
    """Put each member into the field that it fills, or into `extra`; null says nothing."""
    for name, value in members.items():
        rule = RULES.get(name)
        if rule is None:
            extra[name] = value
        elif value is not None:
            rule(value, fields, extra)


def _measure(name: str, field: str, least: float, most: float, *, unknown: bool = False) -> Rule:
    """A quantity, kept with its fraction. `unknown`: -1 means that the phone does not know."""

    def rule(value: Any, fields: Fields, extra: Extra) -> None:
        number = value if type(value) is int or type(value) is float else number_of(value)
        if number is not None and least <= number <= most:
            fields[field] = number
        elif not (unknown and number == -1):
            extra[name] = value

    return rule


def _whole(name: str, field: str, least: int, most: int, *, unknown: bool = False) -> Rule:
    """A whole number; of a fraction the nearest is kept, and the original beside it."""

    def rule(value: Any, fields: Fields, extra: Extra) -> None:
        number = value if type(value) is int else number_of(value)
        if number is None or not least <= number <= most:
            if not (unknown and number == -1):
                extra[name] = value
            return
        fields[field] = round(number)
        if fields[field] != number:
            extra[name] = value

    return rule


def _text(name: str, field: str, longest: int) -> Rule:
    """Text, which databases must be able to hold; empty says nothing, the first spelling counts."""

    def rule(value: Any, fields: Fields, extra: Extra) -> None:
        fits = type(value) is str and len(value) <= longest and "\x00" not in value
        if not fits or (value and fields.setdefault(field, value) != value):
            extra[name] = value

    return rule


def _tracker(value: Any, fields: Fields, extra: Extra) -> None:
    """A tracker id is text; those who chose digits may send a number."""
    _TRACKER_TEXT(str(value) if type(value) is int else value, fields, extra)


_TRACKER_TEXT: Final = _text("tid", "tid", 64)


def _regions(value: Any, fields: Fields, extra: Extra) -> None:
    if (
        type(value) is list
        and len(value) <= _MOST_REGIONS
        and all(type(name) is str and len(name) <= _LONGEST_REGION for name in value)
    ):
        fields["in_regions"] = tuple(value)
    else:
        extra["inregions"] = value


_FAR: Final = 2**31 - 1
"""What a column for whole numbers holds."""

_LATEST: Final = 2**40
"""UTC seconds: some 34,000 years from now."""

RULES: Final[Mapping[str, Rule]] = {
    "acc": _measure("acc", "accuracy", 0, _FAR, unknown=True),
    "alt": _measure("alt", "altitude", -_FAR, _FAR),
    "vac": _measure("vac", "vertical_accuracy", 0, _FAR, unknown=True),
    "vel": _measure("vel", "velocity", 0, _FAR, unknown=True),
    "cog": _measure("cog", "course", 0, 360, unknown=True),
    "batt": _whole("batt", "battery", 0, 100, unknown=True),
    "bs": _whole("bs", "battery_status", 0, 3),
    "m": _whole("m", "mode", -1, 99),
    "created_at": _whole("created_at", "created_at", 1, _LATEST),
    "conn": _text("conn", "connection", 16),
    "t": _text("t", "trigger", 16),
    "source": _text("source", "source", 32),
    "tid": _tracker,
    "_id": _text("_id", "message_id", 64),
    "SSID": _text("SSID", "ssid", 64),
    "ssid": _text("ssid", "ssid", 64),
    "BSSID": _text("BSSID", "bssid", 64),
    "bssid": _text("bssid", "bssid", 64),
    "inregions": _regions,
}
"""OwnTracks 7.1 and 7.2; whatever is not here is kept in `extra` under its own name."""
