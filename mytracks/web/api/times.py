"""Dates as they are read: ISO 8601, in UTC by the API (`clock.iso` writes them), in the viewer's
time zone by pages."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

_UNESCAPED_PLUS: Final = re.compile(r"(T\S+) (\d\d:?\d\d)$")
"""`+02:00` in a query string that nobody escaped arrives with a blank."""


def seconds(text: str, *, end_of_day: bool = False, zone: tzinfo = UTC) -> int:
    """UTC epoch seconds of an ISO 8601 date or time; what names no zone is of `zone`. A date alone
    is its first second, or its last with `end_of_day`. Raises ValueError.

    An hour that comes twice, when clocks are turned back, is the first of both, or the last with
    `end_of_day`: nothing between is lost. A time that clocks skip is read as if they had not yet.
    """
    parsed = datetime.fromisoformat(_UNESCAPED_PLUS.sub(r"\1+\2", text.strip()))
    if end_of_day and len(text.strip()) <= len("2026-11-24"):
        parsed = parsed.replace(hour=23, minute=59, second=59)
    local = parsed.replace(tzinfo=parsed.tzinfo or zone)
    twice = [int(local.replace(fold=fold).timestamp()) for fold in (0, 1)]
    found = max(twice) if end_of_day else twice[0]
    # At both ends of the calendar it may be a day that UTC has not.
    datetime.fromtimestamp(found, UTC)
    return found
