"""A journal in memory, as faithful as a database's: what a broker without disks is tested with.

`Memory` is what is durable and survives a restart of the broker; `HandJournal` is one broker's way
to it, which can wait for the test's hand and fail.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail

from mytracks.mqtt.protocol.topics import matches
from mytracks.mqtt.routing.changes import (
    Arrived,
    Began,
    Change,
    Departed,
    Ended,
    Enqueued,
    Forgotten,
    Reference,
    Released,
    Retained,
    Seen,
    Sent,
    Settled,
    Subscribed,
    Trim,
    Unretained,
    Unsubscribed,
    Willed,
    WillGone,
    Withdrawn,
    weight,
)
from mytracks.mqtt.routing.journal import (
    Queued,
    Recorded,
    Remembered,
    Removed,
    StoredSession,
)
from mytracks.mqtt.routing.ports import Message, Standing
from mytracks.store.waiting import Waiting


@define
class Place:
    """One place in a queue."""

    publisher: str
    message: Message
    reference: Reference
    released: bool = False


@define
class Remains:
    """What is stored of a session."""

    began: Began
    subscriptions: dict[str, int] = field(factory=dict)
    unreleased: set[int] = field(factory=set)
    queue: dict[int, Place] = field(factory=dict)
    trimmed: int = 0
    sent: int = 0


@define
class Memory:
    """What is durable."""

    facts: list[Any] = field(factory=list)
    sessions: dict[int, Remains] = field(factory=dict)
    retained: dict[str, Retained] = field(factory=dict)
    wills: dict[tuple[str, str], Willed] = field(factory=dict)
    next_session: int = 1

    def remembered(self) -> Remembered:
        """What a broker is told at its start."""
        return Remembered(
            sessions=[_stored(remains) for remains in self.sessions.values()],
            retained=list(self.retained.values()),
            wills=list(self.wills.values()),
            next_session=self.next_session,
        )

    def page(self, session: int, after: int, most: int, most_bytes: int) -> Iterator[Queued]:
        """What waits for a session."""
        remains = self.sessions.get(session)
        places = remains.queue if remains is not None else {}
        for ordinal in sorted(places):
            if ordinal > after:
                if not most or most_bytes <= 0:
                    return
                place = places[ordinal]
                reference = place.reference
                message = evolve(place.message, qos=reference.qos, retain=reference.retain)
                yield Queued(ordinal, place.publisher, message, place.released)
                most -= 1
                most_bytes -= weight(message)

    def apply(self, changes: Sequence[Change]) -> list[Removed]:
        """Store all."""
        removed: dict[int, Removed] = {}
        for change in changes:
            _APPLY[type(change)](self, change, removed)
        return [each for each in removed.values() if each.session in self.sessions]

    def _remove(
        self, session: int, ordinals: Sequence[int], removed: dict[int, Removed], trim: bool
    ) -> None:
        remains = self.sessions.get(session)
        if remains is None:
            return
        gone = [remains.queue.pop(ordinal) for ordinal in ordinals if ordinal in remains.queue]
        if gone:
            so_far = removed.get(session, Removed(session, 0, 0, 0))
            trimmed = len(gone) if trim else 0
            remains.trimmed += trimmed
            removed[session] = Removed(
                session,
                so_far.count + len(gone),
                so_far.size + sum(weight(place.message) for place in gone),
                so_far.trimmed + trimmed,
            )

    def _session(self, change: Any, _: dict[int, Removed]) -> None:
        remains = self.sessions.get(change.session)
        if isinstance(change, Began):
            assert remains is None, "a number given twice"
            taken = [(each.began.namespace, each.began.client_id) for each in self._all()]
            assert (change.namespace, change.client_id) not in taken, "a session too many"
            self.sessions[change.session] = Remains(change)
            self.next_session = max(self.next_session, change.session + 1)
        elif remains is not None:
            self._known(change, remains)

    def _known(self, change: Change, remains: Remains) -> None:
        match change:
            case Seen():
                remains.began = evolve(
                    remains.began, level=change.level, mark=change.mark, at=change.at
                )
            case Ended():
                del self.sessions[change.session]
            case Subscribed():
                remains.subscriptions[change.topic_filter] = change.qos
            case Unsubscribed():
                remains.subscriptions.pop(change.topic_filter, None)
            case Arrived():
                remains.unreleased.add(change.packet_id)
            case Departed():
                remains.unreleased.discard(change.packet_id)
            case Sent():
                remains.sent = change.ordinal
            case Released():
                if change.ordinal in remains.queue:
                    remains.queue[change.ordinal].released = True

    def _enqueued(self, change: Enqueued, _: dict[int, Removed]) -> None:
        for reference in change.references:
            remains = self.sessions.get(reference.session)
            if remains is not None:
                assert reference.ordinal > max(remains.queue, default=0), "an ordinal out of order"
                place = Place(change.publisher, change.message, reference)
                remains.queue[reference.ordinal] = place

    def _settled(self, change: Settled, removed: dict[int, Removed]) -> None:
        self._remove(change.session, change.ordinals, removed, False)

    def _trim(self, change: Trim, removed: dict[int, Removed]) -> None:
        remains = self.sessions.get(change.session)
        if remains is None:
            return
        count, size = change.count, change.size
        going: list[int] = []

        def last(ordinal: int) -> tuple[int, int]:
            standing = remains.queue[ordinal].reference.standing
            return (standing is Standing.KEPT) + 2 * (standing is Standing.LAST), ordinal

        for ordinal in sorted(remains.queue, key=last):
            place = remains.queue[ordinal]
            if (count > 0 or size > 0) and ordinal > change.beyond and not place.released:
                going.append(ordinal)
                count -= 1
                size -= weight(place.message)
        self._remove(change.session, going, removed, True)

    def _topic(self, change: Retained | Unretained, _: dict[int, Removed]) -> None:
        if isinstance(change, Unretained):
            self.retained.pop(change.topic, None)
        else:
            assert change.message.payload, "nothing to retain"
            self.retained[change.message.topic] = change

    def _will(self, change: Willed | WillGone, _: dict[int, Removed]) -> None:
        key = change.namespace, change.client_id
        if isinstance(change, Willed):
            self.wills[key] = change
        else:
            self.wills.pop(key, None)

    def _forgotten(self, change: Forgotten, removed: dict[int, Removed]) -> None:
        gone = change.namespace
        for remains in self._all():
            if remains.began.namespace == gone:
                del self.sessions[remains.began.session]
                continue
            theirs = [n for n, place in remains.queue.items() if place.publisher == gone]
            self._remove(remains.began.session, theirs, removed, False)
        self.retained = {t: each for t, each in self.retained.items() if each.publisher != gone}
        self.wills = {key: will for key, will in self.wills.items() if key[0] != gone}

    def _withdrawn(self, change: Withdrawn, removed: dict[int, Removed]) -> None:
        def concerns(publisher: str, topic: str) -> bool:
            return publisher == change.namespace and matches(change.topic_filter, topic)

        for remains in self._all():
            queue = remains.queue.items()
            theirs = [n for n, at in queue if concerns(at.publisher, at.message.topic)]
            self._remove(remains.began.session, theirs, removed, False)
        self.retained = {
            t: each for t, each in self.retained.items() if not concerns(each.publisher, t)
        }

    def _all(self) -> list[Remains]:
        return list(self.sessions.values())


_APPLY: Final[Mapping[type, Callable[[Memory, Any, dict[int, Removed]], None]]] = {
    **dict.fromkeys(
        (Began, Seen, Sent, Ended, Subscribed, Unsubscribed, Arrived, Departed, Released),
        Memory._session,
    ),
    Enqueued: Memory._enqueued,
    Settled: Memory._settled,
    Trim: Memory._trim,
    Retained: Memory._topic,
    Unretained: Memory._topic,
    Willed: Memory._will,
    WillGone: Memory._will,
    Forgotten: Memory._forgotten,
    Withdrawn: Memory._withdrawn,
}


def _stored(remains: Remains) -> StoredSession:
    began, places = remains.began, remains.queue.values()
    return StoredSession(
        number=began.session,
        namespace=began.namespace,
        client_id=began.client_id,
        level=began.level,
        mark=began.mark,
        seen=began.at,
        subscriptions=dict(remains.subscriptions),
        unreleased=sorted(remains.unreleased),
        next_ordinal=max(remains.queue, default=0) + 1,
        queued=len(remains.queue),
        queued_size=sum(weight(place.message) for place in places),
        replaceable=[
            (place.reference.ordinal, place.message.topic)
            for place in places
            if place.reference.standing is Standing.REPLACED
        ],
        trimmed=remains.trimmed,
        sent=remains.sent,
        under_way=[
            (ordinal, weight(place.message))
            for ordinal, place in remains.queue.items()
            if ordinal <= remains.sent
        ],
    )


@define
class _Waiting:
    done: Deferred[Recorded[Any]]
    facts: Sequence[Any]
    changes: Sequence[Change]


class HandJournal:
    """Stores at once, unless told to wait for the test's hand, or that the disk is full.

    `memory`: what is durable. `poisoned`: facts that cannot be stored. `count`: the store's own
    count of what waits, if it is to hold anybody back. `attempts`, `stored`: facts. `changes`: what
    was recorded beside them. `pages`: how often a queue was read.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = Memory() if memory is None else memory
        self.by_hand = False
        self.slow_pages = False
        self.trouble: Exception | None = None
        self.refusing: Exception | None = None
        """Why nothing more is taken; what waits goes on waiting."""
        self.poisoned: list[Any] = []
        self.attempts: list[Any] = []
        self.changes: list[Change] = []
        self.count: Waiting | None = None
        self.pages = 0
        self._waiting: list[_Waiting] = []
        self._reading: list[Callable[[], None]] = []

    @property
    def stored(self) -> list[Any]:
        return self.memory.facts

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def load(self) -> Deferred[Remembered]:
        done: Deferred[Remembered] = Deferred()
        if self.trouble is not None:
            done.errback(self.trouble)
        else:
            done.callback(self.memory.remembered())
        return done

    def record(
        self, facts: Sequence[Any], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Any]]:
        self.attempts += facts
        if self.refusing is not None:
            return fail(self.refusing)
        if self.count is not None:
            self.count.add(0)
        done: Deferred[Recorded[Any]] = Deferred()
        self._waiting.append(_Waiting(done, facts, tuple(changes)))
        if not self.by_hand:
            self.fire_all()
        return done

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        self.pages += 1
        done: Deferred[Sequence[Queued]] = Deferred()
        if self.trouble is not None:
            done.errback(self.trouble)
            return done
        page = list(self.memory.page(session, after, most, most_bytes))
        self._reading.append(lambda: done.callback(page))
        if not self.slow_pages:
            self.turn_pages()
        return done

    def turn_pages(self) -> None:
        """What is being read has been read: as it was when it was asked for."""
        reading, self._reading = self._reading, []
        for each in reading:
            each()

    def fire(self, failure: Exception | None = None) -> None:
        """The oldest commit ends: durable, or with `failure`."""
        waiting = self._waiting.pop(0)
        if self.count is not None:
            self.count.remove(1, 0)
            self.count.relax()
        failure = failure or self.trouble
        if failure is None and any(fact in self.poisoned for fact in waiting.facts):
            failure = RuntimeError("a fact that cannot be stored")
        if failure is not None:
            waiting.done.errback(failure)
            return
        self.memory.facts += waiting.facts
        self.changes += waiting.changes
        removed = self.memory.apply(waiting.changes)
        waiting.done.callback(Recorded(waiting.facts, removed))

    def fire_all(self) -> None:
        """Every commit under way is durable, and those that follow from it."""
        while self._waiting:
            self.fire()

    def killed(self) -> Memory:
        """What is left after kill -9: what was not durable is lost, nothing is told any more."""
        self._waiting.clear()
        self._reading.clear()
        self.by_hand = True
        return deepcopy(self.memory)
