"""Times as pages tell them: in the viewer's time zone, and with what it is off UTC.

An offset says which of two hours of the same name is meant when clocks are turned back; letters
such as CST or IST mean several zones. What programs read (REST, CSV) is UTC and made elsewhere.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_NOTHING: Final = timedelta()
_WRITTEN: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", re.ASCII)
"""As `clock.iso` does."""


class Times:
    """Writes times of one zone; templates know it as `times`, and make elements of what it says.
    `name`: an IANA name."""

    def __init__(self, name: str) -> None:
        self.zone: tzinfo = UTC
        self.name = "UTC"
        if name:
            # A zone that was chosen on another machine may be missing among this one's files.
            with suppress(ValueError, OSError, KeyError):
                self.zone, self.name = ZoneInfo(name), name

    def text(self, at: float) -> str:
        """`at` (UTC seconds) to the minute: `2026-11-24 19:40 UTC+13:00`."""
        local = self._local(at)
        return f"{local:%Y-%m-%d %H:%M} {_offset(local)}"

    def date(self, at: float) -> str:
        """The day of `at`: `2026-11-24`."""
        return f"{self._local(at):%Y-%m-%d}"

    @staticmethod
    def pieces(text: str) -> Sequence[str | int]:
        """A sentence that was written for a log as well, and the moments in it (UTC seconds)."""
        return [_moment(piece) for piece in _WRITTEN.split(text)]

    def _local(self, at: float) -> datetime:
        told = datetime.fromtimestamp(int(at), UTC)
        try:
            return told.astimezone(self.zone)
        except OverflowError:
            # A certificate that never ends does so in the calendar's last second.
            return told


def _moment(piece: str) -> str | int:
    if _WRITTEN.fullmatch(piece) is None:
        return piece
    try:
        return int(datetime.fromisoformat(piece).timestamp())
    except ValueError:
        # Others' sentences are in ours, with whatever they take for a time.
        return piece


def _offset(local: datetime) -> str:
    off = local.utcoffset() or _NOTHING
    if not off:
        return "UTC"
    minutes, seconds = divmod(int(abs(off).total_seconds()), 60)
    # Before there were time zones, noon was when the sun was highest, to the second.
    odd = f":{seconds:02}" if seconds else ""
    return f"UTC{'-' if off < _NOTHING else '+'}{minutes // 60:02}:{minutes % 60:02}{odd}"
