"""What becomes of the broker's memory: values that a Journal makes durable, in the order given.

Sessions have numbers, which the broker gives and never gives twice while it runs. A change that
speaks of a session that is not there (its account was deleted meanwhile) changes nothing; so does
one that takes away what is not there.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from attrs import frozen

from mytracks.mqtt.routing.ports import Message, Standing

OVERHEAD: Final = 100
"""Bytes that a queued message costs beyond its topic and payload, about."""


def weight(message: Message) -> int:
    """Bytes for which `message` counts in a queue."""
    return len(message.topic) + len(message.payload) + OVERHEAD


@frozen
class Began:
    """A session that did not exist: nothing of an older one with this client id is left.

    `mark`: by which its owner is known again. `at`: UTC epoch seconds.
    """

    session: int
    namespace: str
    client_id: str
    level: int
    mark: str
    at: float


@frozen
class Seen:
    """The session's client was here at `at` (UTC epoch seconds), at this level, with this mark."""

    session: int
    level: int
    mark: str
    at: float


@frozen
class Ended:
    """The session is no more, nor its subscriptions, queue and packet ids. Its Will is not part of
    it."""

    session: int


@frozen
class Subscribed:
    """The session has this subscription, instead of the one with the same filter if there is."""

    session: int
    topic_filter: str
    qos: int


@frozen
class Unsubscribed:
    """The session has no subscription to exactly this filter any more. Its queue stays."""

    session: int
    topic_filter: str


@frozen
class Reference:
    """A place in a session's queue. `qos` (1 or 2) and `retain`: as it will be delivered.

    `ordinal`: above those of all references that the session ever had; there may be gaps.
    """

    session: int
    ordinal: int
    qos: int
    retain: bool
    standing: Standing


@frozen
class Enqueued:
    """`message`, of which there is one copy, waits in the queues of many sessions.

    The copy goes with its last reference. `publisher`: the namespace whose message it is.
    `at`: UTC epoch seconds.
    """

    publisher: str
    message: Message
    at: float
    references: Sequence[Reference]


@frozen
class Settled:
    """The session's references with these ordinals are done with, released ones too: delivered and
    acknowledged, displaced by newer ones, or withheld. Some may be gone already."""

    session: int
    ordinals: Sequence[int]


@frozen
class Trim:
    """Delete the session's references until at least `count` of them and `size` bytes (by `weight`)
    are gone, or there are no more that may go.

    The oldest first, but all that are KEPT after others, and those that go LAST after these. Only
    ordinals above `beyond` (the rest may be on the wire), and none that is released.
    """

    session: int
    count: int
    size: int
    beyond: int


@frozen
class Sent:
    """Nothing of the session's queue above this ordinal was ever sent, nor will be before it says
    so of a higher one. It may be lower than it was."""

    session: int
    ordinal: int


@frozen
class Released:
    """The client has received this QoS 2 message (PUBREC): it must never be sent again, only
    PUBREL until it is settled."""

    session: int
    ordinal: int


@frozen
class Arrived:
    """The client's QoS 2 message with this packet id was taken: it is not taken again until the id
    has departed. It may be there already."""

    session: int
    packet_id: int


@frozen
class Departed:
    """The client has released this packet id (PUBREL): it may be used for a new message."""

    session: int
    packet_id: int


@frozen
class Retained:
    """The topic of `message` holds it, instead of what it held. Its payload is not empty."""

    publisher: str
    message: Message
    at: float


@frozen
class Unretained:
    """The topic holds nothing."""

    topic: str


@frozen
class Willed:
    """The Will of a connection, instead of an older one of the same client id. `mark`: by which
    its owner is known again."""

    namespace: str
    client_id: str
    mark: str
    message: Message


@frozen
class WillGone:
    """The connection with this client id has no Will any more."""

    namespace: str
    client_id: str


@frozen
class Forgotten:
    """The namespace is no more: its sessions, what it retained, its Wills, and what it published
    and still waits in the queues of others."""

    namespace: str


@frozen
class Withdrawn:
    """What the namespace published to the topics of this filter neither waits in anybody's queue
    nor is retained any more."""

    namespace: str
    topic_filter: str


Change: TypeAlias = (
    Began
    | Seen
    | Ended
    | Subscribed
    | Unsubscribed
    | Enqueued
    | Settled
    | Trim
    | Sent
    | Released
    | Arrived
    | Departed
    | Retained
    | Unretained
    | Willed
    | WillGone
    | Forgotten
    | Withdrawn
)
