"""What is sent over one connection, and how much of it waits in its transport."""

from typing import Any

from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.routing.link import Link
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.terms import Terms


class Wire:
    """The way out of one connection, from CONNACK to its end.

    `open`: whether anything is sent at all. `full`: the transport has enough to send for now; what
    can wait is not sent.
    """

    __slots__ = ("_buffered", "_link", "_machine", "_terms", "full", "open")

    def __init__(self, machine: Connection, link: Link, terms: Terms[Any]) -> None:
        self._machine = machine
        self._link = link
        self._terms = terms
        self._buffered = 0
        self.open = True
        self.full = False

    @property
    def clogged(self) -> bool:
        """The client takes nothing and as much as may waits in its transport already."""
        return self.full and self._buffered >= self._terms.limits.max_buffered_out

    def takes(self, message: Message) -> bool:
        """Whether a full transport has room for `message` at QoS 0; if not, that is counted."""
        if self._buffered + len(message.payload) > self._terms.limits.max_buffered_out:
            self._terms.counters.unsent += 1
            return False
        return True

    def write(self, data: bytes, packets: int = 1) -> None:
        """Send an answer at once: answers are never queued behind messages. `packets`: how many
        `data` holds; none may be due.
        """
        if self.open and data:
            counters = self._terms.counters
            counters.answered += packets
            counters.bytes_sent += len(data)
            self._link.write(data)
            if self.full:
                self._buffered += len(data)

    def send(
        self,
        message: Message,
        qos: int,
        retain: bool,
        dup: bool = False,
        packet_id: int | None = None,
    ) -> bool:
        """Send a message. False: the client's window is full. `packet_id`: None: any free one."""
        data = self._machine.deliver(message.topic, message.payload, qos, retain, dup, packet_id)
        if data is None:
            return False
        counters = self._terms.counters
        counters.delivered += 1
        counters.bytes_sent += len(data)
        if self.open:
            self._link.write(data)
            if self.full:
                self._buffered += len(data)
        return True

    def release(self, packet_id: int) -> None:
        """Send PUBREL."""
        self.write(self._machine.release(packet_id))

    def fill(self) -> None:
        """The transport has enough to send for now. May be called more than once."""
        if self.open:
            self.full = True

    def drain(self) -> None:
        """The transport has sent all it had."""
        self.full = False
        self._buffered = 0

    def close(self) -> None:
        """Nothing more is sent."""
        self.open = False
        self.full = False
