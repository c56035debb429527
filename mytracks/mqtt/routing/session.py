"""What the broker keeps for one client: the messages on their way to it.

It decides what goes out now, what waits for room and what is dropped when there is none. What the
packets look like and how many may be unacknowledged is the connection machine's.

Three kinds of messages wait: live QoS 1 ones in `_queue`, because the client's window or its
transport is full; retained ones, which are looked up only when their turn comes, so that ever so
many cost nothing and none is cut off by the limit of the queue; and QoS 0 ones nowhere but in the
transport, up to a limit. Live ones go first: a retained message sent after them is never older.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.routing.link import Link
from mytracks.mqtt.routing.ports import Message, Who
from mytracks.mqtt.routing.terms import Terms

SLICE: Final = 100
"""Messages sent, or retained ones looked at, between two pauses: about 3 ms."""

OVERHEAD: Final = 100
"""Bytes that a queued message costs beyond its topic and payload, about."""


class Session(Generic[Who]):
    """What the broker keeps for one client. In this broker it lives as long as its connection."""

    __slots__ = (
        "_buffered",
        "_full",
        "_link",
        "_machine",
        "_overflowed",
        "_pause",
        "_queue",
        "_queued_bytes",
        "_replays",
        "_terms",
        "client_id",
        "namespace",
        "who",
    )

    log = Logger()

    def __init__(
        self,
        who: Who,
        namespace: str,
        client_id: str,
        machine: Connection,
        link: Link,
        terms: Terms[Who],
    ) -> None:
        self.who = who
        self.namespace = namespace
        self.client_id = client_id
        self._machine = machine
        self._link: Link | None = link
        self._terms = terms
        self._queue: deque[tuple[Message, bool]] | None = None
        self._queued_bytes = 0
        self._overflowed = False
        self._replays: dict[str, tuple[int, Iterator[Message | None]]] | None = None
        self._full = False
        self._buffered = 0
        self._pause: IDelayedCall | None = None

    @property
    def clogged(self) -> bool:
        """The client takes nothing and as much as may waits in its transport already."""
        return self._full and self._buffered >= self._terms.limits.max_buffered_out

    def deliver(self, message: Message, granted: int) -> None:
        """Send a live message at the lower QoS [MQTT-3.8.4-6], RETAIN 0 [MQTT-3.3.1-9]."""
        if self._link is None:
            return
        if message.qos == 0 or granted == 0:
            if self._full and self._buffered + len(message.payload) > (
                self._terms.limits.max_buffered_out
            ):
                self._terms.counters.unsent += 1
                return
            self._send(message, 0, False)
        elif self._queue or self._full or not self._send(message, 1, False):
            self._enqueue(message, False)

    def replay(self, topic_filter: str, granted: int, found: Iterator[Message | None]) -> None:
        """Send the retained messages `found` for a new subscription [MQTT-3.3.1-6], as fast as the
        client takes them. A replay of the same filter that still runs is replaced [MQTT-3.8.4-3].
        """
        if self._replays is None:
            self._replays = {}
        self._replays[topic_filter] = (granted, found)
        self._go_on()

    def cease(self, topic_filter: str) -> None:
        """The subscription is gone: what is retained for it is not sent any more."""
        if self._replays is not None:
            self._replays.pop(topic_filter, None)

    def acknowledged(self) -> None:
        """The client's window has room again."""
        if self._queue or self._replays:
            self._go_on()

    def full(self) -> None:
        """The transport has enough to send for now. May be called more than once."""
        self._full = True

    def drained(self) -> None:
        """The transport has sent all it had."""
        self._full = False
        self._buffered = 0
        if self._queue or self._replays:
            self._go_on()

    def write(self, data: bytes) -> None:
        """Send an answer at once: answers are never queued behind messages."""
        if self._link is not None:
            self._link.write(data)
            if self._full:
                self._buffered += len(data)

    def close(self) -> None:
        """Nothing more is sent; what waited is forgotten."""
        self._link = None
        self._full = False
        self._queue = self._replays = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _send(self, message: Message, qos: int, retain: bool) -> bool:
        data = self._machine.deliver(message.topic, message.payload, qos, retain, False)
        if data is None:
            return False
        self._terms.counters.delivered += 1
        self.write(data)
        return True

    def _enqueue(self, message: Message, retain: bool) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append((message, retain))
        self._queued_bytes += _weight(message)
        limits = self._terms.limits
        while len(self._queue) > limits.max_queued or self._queued_bytes > limits.max_queued_bytes:
            # For places the newest count most, so the oldest go.
            self._queued_bytes -= _weight(self._queue.popleft()[0])
            self._terms.counters.overflowed += 1
            if not self._overflowed:
                self._overflowed = True
                self.log.warn("{client} does not keep up", client=self.client_id)

    def _go_on(self) -> None:
        """Send what waits, until there is no room, nothing left, or enough done for this turn."""
        if self._pause is not None:
            return
        steps = SLICE
        while self._link is not None and not self._full and (self._queue or self._replays):
            if steps == 0:
                self._pause = self._terms.clock.later(0, self._resumed)
                return
            steps -= 1
            if not (self._next_queued() if self._queue else self._next_retained()):
                return

    def _resumed(self) -> None:
        self._pause = None
        self._go_on()

    def _next_queued(self) -> bool:
        """False: the window is full."""
        assert self._queue is not None
        message, retain = self._queue[0]
        if not self._send(message, 1, retain):
            return False
        self._queue.popleft()
        self._queued_bytes -= _weight(message)
        if not self._queue:
            self._queue = None
        return True

    def _next_retained(self) -> bool:
        """False: the window is full; the message found waits in the queue."""
        assert self._replays is not None
        topic_filter, (granted, found) = next(iter(self._replays.items()))
        try:
            message = next(found)
        except StopIteration:
            del self._replays[topic_filter]
            return True
        visible = None if message is None else self._terms.gatekeeper.may_receive(self.who, message)
        if visible is None or self._send(visible, min(visible.qos, granted), True):
            return True
        self._enqueue(visible, True)
        return False


def _weight(message: Message) -> int:
    return len(message.payload) + len(message.topic) + OVERHEAD
