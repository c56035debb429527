"""What the broker must not forget. Implements `mqtt.routing.journal.Journal` for phones' facts."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Final

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.routing.changes import Change, Enqueued, weight
from mytracks.mqtt.routing.journal import Queued, Recorded, Remembered, Removed
from mytracks.mqtt.routing.ports import Message
from mytracks.phones.facts import Fact, Kept
from mytracks.store import mqtt_statements as statements
from mytracks.store.database import Database, sql
from mytracks.store.mqtt_changes import Gone, Numbered, change
from mytracks.store.mqtt_loading import Loaded, load, swept
from mytracks.store.mqtt_statements import Flags
from mytracks.store.recording import Recorder
from mytracks.store.several import groups
from mytracks.store.weighing import weight_of
from mytracks.transaction import Transaction, Unit

_EACH_CHANGE: Final = 100
"""Bytes that a change takes while it waits, about."""
_ORPHANS: Final = 64
_ORPHANED_BYTES: Final = 1024 * 1024
"""Payloads that nobody waits for any more; at so many, or so much, they are deleted."""


@frozen
class Stored:
    """What a record came to."""

    kept: Sequence[Kept]
    gone: Sequence[Gone]


@frozen
class Recording:
    """A unit: the facts and the changes of one record. Neighbours are stored together."""

    recorder: Recorder
    facts: Sequence[Fact]
    changes: Sequence[Change | Numbered]
    weight: int

    async def apply(self, tx: Transaction) -> Stored:
        """Alone, with care."""
        kept = [await self.recorder.carefully(tx, fact) for fact in self.facts]
        gone = await change(tx, [self.changes], careful=True) if self.changes else ()
        return Stored(kept, gone)

    async def apply_many(self, tx: Transaction, units: "Sequence[Recording]") -> Sequence[Stored]:
        """All together, or not at all."""
        facts = [fact for unit in units for fact in unit.facts]
        kept = iter(await self.recorder.quickly(tx, facts))
        gone: list[list[Gone]] = [[] for _ in units]
        if any(unit.changes for unit in units):
            for each in await change(tx, [unit.changes for unit in units], careful=False):
                gone[each.record].append(each)
        return [
            Stored([next(kept) for _ in unit.facts], what)
            for unit, what in zip(units, gone, strict=True)
        ]


@define
class _Payload:
    """A message that waits in queues: how many references it has, and its weight."""

    size: int
    references: int = 0


class StoredJournal:
    """Records facts and changes, each record in one transaction."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database = database
        self._recorder = recorder
        self._payloads: dict[int, _Payload] = {}
        self._orphans: list[int] = []
        self._orphaned_bytes = 0
        self._numbers = count(1)

    def load(self) -> Deferred[Remembered]:
        """What was durable when the last broker ended; also sweeps what nobody waits for, unless
        nothing can be stored just now."""
        sweeping = self._database.commit(swept).addErrback(lambda found: found.trap(Unavailable))
        reading: Deferred[Loaded] = sweeping.addCallback(lambda _: self._database.read(load))
        return reading.addCallback(self._loaded)

    def record(
        self, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        """Store all in one transaction; fires when durable, in the order of the calls.

        Raises errors.Unavailable when nothing was stored.
        """
        numbered = [self._numbered(each) for each in changes] if changes else ()
        size = weight_of(facts) + sum(_weight(each) for each in numbered)
        unit = Recording(self._recorder, tuple(facts), numbered, size)
        stored = self._database.commit(unit)
        if not numbered:
            return stored.addCallback(_plain)
        return stored.addCallbacks(
            self._recorded, self._not_recorded, (numbered,), {}, (numbered,), {}
        )

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        """A page of what waits for `session`, by ordinal."""
        return self._database.read(
            partial(_page, session=session, after=after, most=most, most_bytes=most_bytes)
        )

    def _loaded(self, loaded: Loaded) -> Remembered:
        self._payloads = {
            number: _Payload(size, references) for number, size, references in loaded.payloads
        }
        self._numbers = count(loaded.last_payload + 1)
        return loaded.remembered

    def _numbered(self, each: Change) -> Change | Numbered:
        if not isinstance(each, Enqueued):
            return each
        number = next(self._numbers)
        self._payloads[number] = _Payload(weight(each.message))
        return Numbered(number, each)

    def _recorded(self, stored: Stored, changes: Sequence[Change | Numbered]) -> Recorded[Kept]:
        for each in changes:
            if isinstance(each, Numbered):
                payload = self._payloads.get(each.payload)
                if payload is not None:
                    payload.references += len(each.change.references)
        removed = self._removed(stored.gone) if stored.gone else ()
        return Recorded(stored.kept, removed)

    def _not_recorded(self, failure: Failure, changes: Sequence[Change | Numbered]) -> Failure:
        for each in changes:
            if isinstance(each, Numbered):
                self._payloads.pop(each.payload, None)
        return failure

    def _removed(self, gone: Sequence[Gone]) -> Sequence[Removed]:
        """Count what went; a payload that nobody waits for any more goes with the next of them."""
        counts: Counter[int] = Counter()
        sizes: Counter[int] = Counter()
        trimmed: Counter[int] = Counter()
        for each in gone:
            size = self._released(each.payload)
            if each.session is not None:
                counts[each.session] += 1
                sizes[each.session] += size
                trimmed[each.session] += each.trimmed
        if len(self._orphans) >= _ORPHANS or self._orphaned_bytes >= _ORPHANED_BYTES:
            self._sweep()
        return [
            Removed(session, number, sizes[session], trimmed[session])
            for session, number in counts.items()
        ]

    def _released(self, number: int) -> int:
        """One reference less; the weight of the message."""
        payload = self._payloads.get(number)
        if payload is None:
            return 0
        payload.references -= 1
        if payload.references <= 0:
            del self._payloads[number]
            self._orphans.append(number)
            self._orphaned_bytes += payload.size
        return payload.size

    def _sweep(self) -> None:
        orphans, self._orphans, self._orphaned_bytes = self._orphans, [], 0
        self._database.commit(_forgetting(orphans)).addErrback(self._not_swept, orphans)

    def _not_swept(self, failure: Failure, orphans: Sequence[int]) -> None:
        """Nothing can be stored: another time, at the latest at the next start."""
        failure.trap(Unavailable)
        self._orphans += orphans


def _plain(stored: Stored) -> Recorded[Kept]:
    return Recorded(stored.kept)


def _weight(each: Change | Numbered) -> int:
    return weight(each.change.message) if isinstance(each, Numbered) else _EACH_CHANGE


def _forgetting(payloads: Sequence[int]) -> Unit[None]:
    async def unit(tx: Transaction) -> None:
        for some in groups(payloads):
            await sql(tx).run(statements.FORGET_PAYLOADS, **some)

    return unit


async def _page(
    tx: Transaction, session: int, after: int, most: int, most_bytes: int
) -> Sequence[Queued]:
    """As many as there may be: their sizes are looked at before their bodies."""
    sizes = await sql(tx).all(statements.SIZES, session=session, after=after, page=most)
    last = after
    for ordinal, size in sizes:
        last, most_bytes = ordinal, most_bytes - size
        if most_bytes <= 0:
            break
    if last == after:
        return []
    rows = await sql(tx).all(statements.QUEUED, session=session, after=after, last=last)
    return [
        Queued(
            ordinal,
            publisher,
            Message(topic, bytes(body), qos, bool(flags & Flags.RETAIN)),
            bool(flags & Flags.RELEASED),
        )
        for ordinal, qos, flags, publisher, topic, body in rows
    ]
