"""What the broker must not forget. Implements `mqtt.routing.ports.Journal` for phones' facts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred

from mytracks.phones.facts import Fact, Kept, Reported
from mytracks.store.database import Database
from mytracks.store.recording import Recorder
from mytracks.tracks.locations import Location
from mytracks.transaction import Transaction

_EACH: Final = 8
"""Bytes of any value, at least."""


@frozen
class Recording:
    """A unit: the facts of one message. Neighbours are stored together."""

    recorder: Recorder
    facts: Sequence[Fact]
    weight: int

    async def apply(self, tx: Transaction) -> Sequence[Kept]:
        """Alone, with care."""
        return [await self.recorder.carefully(tx, fact) for fact in self.facts]

    async def apply_many(
        self, tx: Transaction, units: "Sequence[Recording]"
    ) -> Sequence[Sequence[Kept]]:
        """All together, or not at all."""
        facts = [fact for unit in units for fact in unit.facts]
        kept = iter(await self.recorder.quickly(tx, facts))
        return [[next(kept) for _ in unit.facts] for unit in units]


class StoredJournal:
    """Records facts, each message's in one transaction."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database = database
        self._recorder = recorder

    def record(self, facts: Sequence[Fact]) -> Deferred[Sequence[Kept]]:
        """Store all in one transaction; fires when durable, in the order of the calls.

        Raises errors.Unavailable when nothing was stored.
        """
        return self._database.commit(Recording(self._recorder, tuple(facts), weight_of(facts)))


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
