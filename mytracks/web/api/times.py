"""Dates as the API reads them: ISO 8601 in UTC (`clock.iso` writes them)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNESCAPED_PLUS: Final = re.compile(r"(T\S+) (\d\d:?\d\d)$")
"""`+02:00` in a query string that nobody escaped arrives with a blank."""


def seconds(text: str, *, end_of_day: bool = False) -> int:
    """UTC epoch seconds of an ISO 8601 date or time; without a zone it is UTC. A date alone is its
    first second, or its last with `end_of_day`. Raises ValueError."""
    parsed = datetime.fromisoformat(_UNESCAPED_PLUS.sub(r"\1+\2", text.strip()))
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    if end_of_day and len(text.strip()) <= len("2026-11-24"):
        parsed += timedelta(days=1, seconds=-1)
    return int(parsed.timestamp())
