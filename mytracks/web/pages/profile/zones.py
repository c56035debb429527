"""The time zones that are offered for choice."""

from collections.abc import Sequence
from functools import cache
from zoneinfo import available_timezones

_OLD_NAMES = ("Etc/", "US/", "SystemV/", "Brazil/", "Canada/", "Chile/", "Mexico/")
"""Kept for old settings; each has a name by continent and city as well."""


@cache
def names() -> Sequence[str]:
    """IANA names by continent and city, sorted, and UTC. Reads the system's files once, which takes
    a while: asked for before anybody is served."""
    cities = (name for name in available_timezones() if "/" in name)
    return ["UTC", *sorted(name for name in cities if not name.startswith(_OLD_NAMES))]
