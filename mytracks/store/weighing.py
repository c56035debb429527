"""How many bytes, roughly, facts carry while they wait to be stored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mytracks.phones.facts import Fact, Reported
from mytracks.tracks.locations import Location

_EACH: Final = 8
"""Bytes of any value, at least."""


def weight_of(facts: Sequence[Fact]) -> int:
    """Bytes, roughly, that facts carry: bodies, and what may be large in a location."""
    return sum(
        _size(fact.location) if isinstance(fact, Reported) else len(fact.body) for fact in facts
    )


def _size(location: Location) -> int:
    size = sum(map(len, location.in_regions))
    if not location.extra:
        return size
    # Not by recursion: a phone may nest as deep as it likes.
    inside: list[Any] = [location.extra]
    while inside:
        value = inside.pop()
        size += _EACH
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, Mapping):
            inside += value
            inside += value.values()
        elif isinstance(value, list | tuple):
            inside += value
    return size
