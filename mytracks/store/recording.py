"""What becomes of a message's facts, in one commit: locations, messages, things set aside.

The quick way takes the facts of many messages and needs a few statements for all of them. It gives
up, having stored nothing, where a fact needs a look of its own: a location that is there already,
an account or a device that is gone. Then each message is done with care, alone.
"""

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen

from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside, Source
from mytracks.sharing.identity import Device
from mytracks.store.accounts import NAME_OF
from mytracks.store.contexts import Contexts
from mytracks.store.database import sql
from mytracks.store.devices import Mark, StoredDevices
from mytracks.store.location_rows import CONTENT, FLAGS, context_of, row_of
from mytracks.store.locations import ADD, AT, RESENT, SAME_PLACE
from mytracks.store.messages import Messages, message_row
from mytracks.store.quarantine import DOORS, Quarantine
from mytracks.store.statements import Values
from mytracks.tracks.locations import Flags, Location
from mytracks.transaction import Transaction

_SEQS: Final = 2**32
_LOWEST_SEQ: Final = -(2**31)
_RESENT_WITHIN: Final = 24 * 60 * 60
"""Seconds in which a message without a time of use is known again."""


class NeedsCare(Exception):
    """Not a case for the quick way; never leaves the store."""


@frozen
class Recorder:
    """Stores facts."""

    devices: StoredDevices
    contexts: Contexts
    messages: Messages
    quarantine: Quarantine

    async def quickly(self, tx: Transaction, facts: Sequence[Fact]) -> Sequence[Kept]:
        """Store them all; raises when one needs care."""
        batch = _Batch(self)
        kept = [await batch.add(tx, fact) for fact in facts]
        await batch.store(tx)
        return kept

    async def carefully(self, tx: Transaction, fact: Fact) -> Kept:
        """Store one, whatever is or is no longer there."""
        if isinstance(fact, SetAside):
            return await self._set_aside(tx, fact)
        device = await self._surely(tx, fact.source, _received(fact))
        if device is None:
            # The account was deleted while this was on its way: there is nobody to keep it for.
            return Kept(fact=fact, device=None, new=False)
        if isinstance(fact, Noted):
            await self.messages.add(tx, [_message(device, fact)])
            kept = Kept(fact=fact, device=device, new=True)
        else:
            kept = await self._locate(tx, fact, device)
        mark = Mark(device, _received(fact))
        if isinstance(kept.fact, Reported) and kept.new:
            _advance(mark, kept.fact.location, kept.repeat)
        await self.devices.mark(tx, [mark])
        return kept

    async def repeats(self, tx: Transaction, row: Values) -> bool:
        """Whether another stored location has the time and place of this row."""
        device, at, seq, lat, lon, *_ = row
        values = {"device": device, "tst": at, "lat": lat, "lon": lon, "seq": seq}
        return await sql(tx).one(SAME_PLACE, **values) is not None

    async def resent(self, tx: Transaction, device: Device, location: Location) -> bool:
        """Whether the same message is stored at another time: its own was of no use, so that each
        arrival gave it a new one (OwnTracks 1, rule 14). Without a time and an id it has nothing to
        be known by."""
        known_by = location.message_id is not None or "tst" in location.extra
        if Flags.TIME_CORRECTED not in location.flags or not known_by:
            return False
        span = {"since": location.at - _RESENT_WITHIN, "until": location.at - 1}
        values = {"device": device.number, "seq": location.seq, **span}
        return await sql(tx).one(RESENT, **values) is not None

    async def _locate(self, tx: Transaction, fact: Reported, device: Device) -> Kept:
        """Store a location unless it is there; another one in its place gets the next `seq`."""
        location = fact.location
        if await self.resent(tx, device, location):
            return Kept(fact=fact, device=device, new=False)
        context = await self.contexts.place(tx, device.number, context_of(location))
        row = row_of(device.number, location, int(location.flags), context)
        repeat = await self.repeats(tx, row)
        if repeat:
            location = evolve(location, flags=location.flags | Flags.REPEAT)
        while True:
            row = row_of(device.number, location, int(location.flags), context)
            if await sql(tx).insert(ADD, [row]) == 1:
                fact = evolve(fact, location=location)
                return Kept(fact=fact, device=device, new=True, repeat=repeat)
            there = await sql(tx).one(AT, device=device.number, tst=location.at, seq=location.seq)
            if there is not None and _comparable(there) == _comparable(row):
                repeat = bool(there[FLAGS] & Flags.REPEAT)
                return Kept(fact=fact, device=device, new=False, repeat=repeat)
            following = (location.seq - _LOWEST_SEQ + 1) % _SEQS + _LOWEST_SEQ
            location = evolve(location, seq=following)

    async def _set_aside(self, tx: Transaction, fact: SetAside) -> Kept:
        device = None
        if fact.device_name is not None:
            device = await self.devices.made(tx, fact.user, fact.device_name, fact.received)
        owner = fact.user if device is not None or await self._is_there(tx, fact.user) else None
        await self.quarantine.add(tx, [_aside(fact, owner, device)])
        if device is not None:
            await self.devices.mark(tx, [Mark(device, fact.received)])
        return Kept(fact=fact, device=device, new=True)

    async def _is_there(self, tx: Transaction, user: int) -> bool:
        return await sql(tx).one(NAME_OF, number=user) is not None

    async def _surely(self, tx: Transaction, source: Source, now: int) -> Device | None:
        """The device as it is stored now."""
        if source.device is not None:
            device = await self.devices.numbered(tx, source.device.number)
            if device is not None:
                return device
        return await self.devices.made(tx, source.owner, source.name, now)


class _Batch:
    """The facts of many messages, gathered into few statements."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._locations: dict[Values, Values] = {}
        self._places: set[Values] = set()
        self._messages: list[Values] = []
        self._aside: list[Values] = []
        self._marks: dict[int, Mark] = {}
        self._made: dict[tuple[int, str], Device] = {}

    async def add(self, tx: Transaction, fact: Fact) -> Kept:
        """Take a fact in; what becomes of it once all is stored."""
        if isinstance(fact, SetAside):
            return await self._set_aside(tx, fact)
        source = fact.source
        device = source.device or await self._device(tx, source.owner, source.name, _received(fact))
        if isinstance(fact, Noted):
            self._messages.append(_message(device, fact))
            self._seen(device, fact.received)
            return Kept(fact=fact, device=device, new=True)
        return await self._locate(tx, fact, device)

    async def store(self, tx: Transaction) -> None:
        """Store what was taken in. Raises NeedsCare when a location is there already."""
        if self._locations:
            rows = sorted(self._locations.values())
            if await sql(tx).insert(ADD, rows) != len(rows):
                raise NeedsCare
        if self._messages:
            await self._recorder.messages.add(tx, self._messages)
        if self._aside:
            await self._recorder.quarantine.add(tx, self._aside)
        # Last: a device that is gone has failed the rows above, and is not made again here.
        await self._recorder.devices.mark(tx, list(self._marks.values()))

    async def _locate(self, tx: Transaction, fact: Reported, device: Device) -> Kept:
        location = fact.location
        if await self._recorder.resent(tx, device, location):
            raise NeedsCare
        context = await self._recorder.contexts.place(tx, device.number, context_of(location))
        row = row_of(device.number, location, int(location.flags), context)
        key, place = row[:3], (row[0], row[1], row[3], row[4])
        if key in self._locations:
            raise NeedsCare
        repeat = fact.may_repeat and (
            place in self._places or await self._recorder.repeats(tx, row)
        )
        if repeat:
            location = evolve(location, flags=location.flags | Flags.REPEAT)
            fact = evolve(fact, location=location)
            row = (*row[:FLAGS], int(location.flags), *row[FLAGS + 1 :])
        self._locations[key] = row
        self._places.add(place)
        _advance(self._seen(device, location.received), location, repeat)
        return Kept(fact=fact, device=device, new=True, repeat=repeat)

    async def _set_aside(self, tx: Transaction, fact: SetAside) -> Kept:
        device = None
        if fact.device_name is not None:
            device = await self._device(tx, fact.user, fact.device_name, fact.received)
            self._seen(device, fact.received)
        self._aside.append(_aside(fact, fact.user, device))
        return Kept(fact=fact, device=device, new=True)

    async def _device(self, tx: Transaction, owner: int, name: str, now: int) -> Device:
        device = self._made.get((owner, name))
        if device is None:
            device = await self._recorder.devices.made(tx, owner, name, now)
            if device is None:
                raise NeedsCare
            self._made[owner, name] = device
        return device

    def _seen(self, device: Device, received: int) -> Mark:
        mark = self._marks.get(device.number)
        if mark is None:
            mark = self._marks[device.number] = Mark(device, received)
        elif received > mark.seen:
            mark.seen = received
        return mark


def _received(fact: Reported | Noted) -> int:
    return fact.location.received if isinstance(fact, Reported) else fact.received


def _advance(mark: Mark, location: Location, repeat: bool) -> None:
    """Note a new location; one that only repeats another is no newer position."""
    if location.tid is not None:
        mark.tid = location.tid
    if not repeat:
        mark.locations += 1
        at = (location.at, location.seq)
        if mark.last is None or location.at >= mark.last[0]:
            mark.last = at


def _comparable(row: Values) -> Values:
    """What is equal in two rows of the same message, whichever way and whenever it came."""
    flags = row[FLAGS] & ~Flags.REPEAT
    return (*(row[column] for column in CONTENT), flags)


def _message(device: Device, fact: Noted) -> Values:
    return message_row(device.number, fact.received, fact.kind, fact.topic, fact.body)


def _aside(fact: SetAside, owner: int | None, device: Device | None) -> Values:
    number = None if device is None else device.number
    door = DOORS[fact.door]
    return (fact.received, door, owner, number, fact.topic, fact.reason, fact.body)
