"""What the broker keeps for a client with a clean session: the messages on their way to it.

It lasts as long as the connection. Three kinds of messages wait: live QoS 1 and 2 ones in `_queue`,
because the client's window or its transport is full; retained ones, which are looked up only when
their turn comes, so that ever so many cost nothing and none is cut off by the limit of the queue;
and QoS 0 ones nowhere but in the transport, up to a limit. Live ones go first: a retained message
sent after them is never older.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.mqtt.routing.changes import weight
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message, Who
from mytracks.mqtt.routing.terms import Terms
from mytracks.mqtt.routing.wire import Wire

SLICE: Final = 100
"""Messages sent, or retained ones looked at, between two pauses: about 3 ms."""


class Outgoing(Protocol):
    """The messages on their way to a client, whatever its session."""

    @property
    def waiting(self) -> int:
        """How many wait here, and will be gone with the connection."""

    def deliver(self, owner: Owner, message: Message, granted: int) -> None:
        """A live message that does not wait for the client already."""

    def replay(
        self, topic_filter: str, granted: int, found: Iterator[tuple[Message, Owner] | None]
    ) -> None:
        """Send the retained messages `found` for a new subscription [MQTT-3.3.1-6], as fast as the
        client takes them. A replay of the same filter that still runs is replaced [MQTT-3.8.4-3].
        """

    def cease(self, topic_filter: str) -> None:
        """The subscription is gone: what is retained for it is not sent any more."""

    def begin(self) -> None:
        """The client's first SUBSCRIBE is answered: it is ready to hear."""

    def acknowledged(self, packet_id: int) -> None:
        """PUBACK came."""

    def received(self, packet_id: int) -> None:
        """PUBREC came."""

    def completed(self, packet_id: int) -> None:
        """PUBCOMP came."""

    def drained(self) -> None:
        """The transport has sent all it had."""

    def close(self) -> None:
        """The connection is over: nothing more is sent."""


class CleanSession(Generic[Who]):
    """Implements `Outgoing`."""

    __slots__ = (
        "_overflowed",
        "_pause",
        "_queue",
        "_queued_bytes",
        "_replays",
        "_terms",
        "_wire",
        "client_id",
        "namespace",
        "who",
    )

    log = Logger()

    def __init__(
        self, who: Who, namespace: str, client_id: str, wire: Wire, terms: Terms[Who]
    ) -> None:
        self.who = who
        self.namespace = namespace
        self.client_id = client_id
        self._wire = wire
        self._terms = terms
        self._queue: deque[tuple[Message, int, bool]] | None = None
        self._queued_bytes = 0
        self._overflowed = False
        self._replays: dict[str, tuple[int, Iterator[tuple[Message, Owner] | None]]] | None = None
        self._pause: IDelayedCall | None = None

    @property
    def waiting(self) -> int:
        """As `Outgoing` says."""
        return 0 if self._queue is None else len(self._queue)

    def deliver(self, owner: Owner, message: Message, granted: int) -> None:
        """Send a live message at the lower QoS [MQTT-3.8.4-6], RETAIN 0 [MQTT-3.3.1-9]."""
        wire = self._wire
        if not wire.open:
            return
        if message.qos == 0 or granted == 0:
            if not wire.full or wire.takes(message):
                wire.send(message, 0, False)
            return
        qos = min(message.qos, granted)
        if self._queue or wire.full or not wire.send(message, qos, False):
            self._enqueue(message, qos, False)

    def replay(
        self, topic_filter: str, granted: int, found: Iterator[tuple[Message, Owner] | None]
    ) -> None:
        """As `Outgoing` says."""
        if self._replays is None:
            self._replays = {}
        self._replays[topic_filter] = (granted, found)
        self._go_on()

    def cease(self, topic_filter: str) -> None:
        """As `Outgoing` says."""
        if self._replays is not None:
            self._replays.pop(topic_filter, None)

    def begin(self) -> None:
        """Nothing was sent before: there was no subscription."""

    def acknowledged(self, packet_id: int) -> None:
        """The client's window has room again."""
        if self._queue or self._replays:
            self._go_on()

    def received(self, packet_id: int) -> None:
        """It is not to be kept any longer than the connection: PUBREL at once [MQTT-4.3.3-1]."""
        self._wire.release(packet_id)

    def completed(self, packet_id: int) -> None:
        """The client's window has room again."""
        self.acknowledged(packet_id)

    def drained(self) -> None:
        """As `Outgoing` says."""
        if self._queue or self._replays:
            self._go_on()

    def close(self) -> None:
        """Nothing more is sent; what waited is forgotten."""
        self._queue = self._replays = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _enqueue(self, message: Message, qos: int, retain: bool) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append((message, qos, retain))
        self._queued_bytes += weight(message)
        limits = self._terms.limits
        while len(self._queue) > limits.max_queued or self._queued_bytes > limits.max_queued_bytes:
            # For places the newest count most, so the oldest go.
            self._queued_bytes -= weight(self._queue.popleft()[0])
            self._terms.counters.overflowed += 1
            if not self._overflowed:
                self._overflowed = True
                self.log.warn("{client} does not keep up", client=self.client_id)

    def _go_on(self) -> None:
        """Send what waits, until there is no room, nothing left, or enough done for this turn."""
        if self._pause is not None:
            return
        wire = self._wire
        steps = SLICE
        while wire.open and not wire.full and (self._queue or self._replays):
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
        message, qos, retain = self._queue[0]
        if not self._wire.send(message, qos, retain):
            return False
        self._queue.popleft()
        self._queued_bytes -= weight(message)
        if not self._queue:
            self._queue = None
        return True

    def _next_retained(self) -> bool:
        """False: the window is full; the message found waits in the queue."""
        assert self._replays is not None
        topic_filter, (granted, found) = next(iter(self._replays.items()))
        try:
            held = next(found)
        except StopIteration:
            del self._replays[topic_filter]
            return True
        visible = None if held is None else self._terms.gatekeeper.may_receive(self.who, held[0])
        if visible is None:
            return True
        qos = min(visible.qos, granted)
        if self._wire.send(visible, qos, True):
            return True
        self._enqueue(visible, qos, True)
        return False
