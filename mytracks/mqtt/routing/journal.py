"""What the broker asks of its memory: the port by which nothing that it promised is forgotten.

The broker works from its own memory; the journal is written ahead of every answer, read once at
the start, and read for what waits in a queue, a page at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from mytracks.mqtt.routing.changes import Change, Retained, Willed
from mytracks.mqtt.routing.ports import Facts_contra, Kept, Message


@frozen
class Removed:
    """What a record took out of the queue of one session, by Settled, Trim, Forgotten or
    Withdrawn.

    `count` references in all, `size` bytes by `changes.weight`; `trimmed`: how many of them Trim
    took.
    """

    session: int
    count: int
    size: int
    trimmed: int


@frozen
class Recorded(Generic[Kept]):
    """A record is durable. `kept`: one for each fact, in order. `removed`: at most one for each
    session; of those that lost nothing, and of ended ones, none."""

    kept: Sequence[Kept]
    removed: Sequence[Removed] = ()


@frozen
class Queued:
    """A reference and its message, whose `qos` and `retain` are the reference's."""

    ordinal: int
    publisher: str
    message: Message
    released: bool


@frozen(kw_only=True)
class StoredSession:
    """A session as it is remembered. `seen`: UTC epoch seconds, of the latest Began or Seen.

    `subscriptions`: QoS by filter, in any order. `unreleased`: packet ids that arrived and did not
    depart. `next_ordinal`: above those of all its references. `queued`, `queued_size`: how many
    references, and their weights added up. `replaceable`: ordinal and topic of those whose standing
    is REPLACED, oldest first. `trimmed`: how many Trim took of it in all its life. `sent`: the
    ordinal of the latest Sent; `under_way`: ordinals and weights of the references up to it.
    """

    number: int
    namespace: str
    client_id: str
    level: int
    mark: str
    seen: float
    subscriptions: Mapping[str, int]
    unreleased: Sequence[int]
    next_ordinal: int
    queued: int
    queued_size: int
    replaceable: Sequence[tuple[int, str]]
    trimmed: int
    sent: int
    under_way: Sequence[tuple[int, int]]


@frozen(kw_only=True)
class Remembered:
    """Everything but the queues. `next_session`: above the numbers of all sessions."""

    sessions: Sequence[StoredSession]
    retained: Sequence[Retained]
    wills: Sequence[Willed]
    next_session: int


class Journal(Protocol[Facts_contra, Kept]):
    """What must not be forgotten."""

    def load(self) -> Deferred[Remembered]:
        """What was durable when the last broker ended. Called once, before anything is recorded.

        Raises errors.Unavailable when it cannot be read.
        """

    def record(
        self, facts: Sequence[Facts_contra], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        """Store all in one transaction, the changes in their order; fires when durable.

        Whatever the transactions: it is as if each had happened alone, in the order of the calls,
        and they fire in that order. Raises errors.Unavailable when nothing of it was stored but
        could be another time; any other error when it cannot be, at any time.
        """

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        """The references of `session` with ordinals above `after`, lowest first: a page.

        A page has at most `most`, and ends after the one with which their weights reach
        `most_bytes`; so it is empty only where nothing follows, and one that reached neither
        limit holds all that follows. It holds everything whose record had fired before the call,
        and may hold what was recorded meanwhile. Raises errors.Unavailable.
        """
