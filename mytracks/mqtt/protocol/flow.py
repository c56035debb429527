"""QoS 1 in both directions: PUBACKs that we owe, and packet ids that we have in use.

Pure bookkeeping, without a connection's states: `connection` asks, and says what comes of it.
"""

from collections import deque


class Misused(RuntimeError):
    """Our own side asked for what the protocol does not allow here: a bug."""


class Owed:
    """PUBACKs leave in the order in which the PUBLISHes came [MQTT-4.6.0-2].

    The same packet id may wait more than once: each PUBLISH is a message [MQTT-4.3.2-2].
    """

    __slots__ = ("_arrived", "_stored_early")

    def __init__(self) -> None:
        self._arrived: deque[int] = deque()
        self._stored_early: dict[int, int] = {}
        """How often an id was stored while a PUBLISH in front of it was not."""

    def arrived(self, packet_id: int) -> None:
        """A PUBLISH with QoS 1 came."""
        self._arrived.append(packet_id)

    def stored(self, packet_id: int) -> bytes:
        """The oldest unstored PUBLISH with this id is durable: the PUBACKs now due."""
        arrived, early = self._arrived, self._stored_early
        if not arrived or arrived[0] != packet_id:
            if arrived.count(packet_id) <= early.get(packet_id, 0):
                raise Misused(f"no PUBACK is owed for packet id {packet_id}")
            early[packet_id] = early.get(packet_id, 0) + 1
            return b""
        arrived.popleft()
        due = b"\x40\x02" + packet_id.to_bytes(2)
        while arrived and arrived[0] in early:
            following = arrived.popleft()
            due += b"\x40\x02" + following.to_bytes(2)
            early[following] -= 1
            if not early[following]:
                del early[following]
        return due


class Window:
    """Deliveries that the peer has not acknowledged: at most `size`, each with its own id."""

    __slots__ = ("_last", "_size", "_used")

    def __init__(self, size: int) -> None:
        self._size = size
        self._used: set[int] = set()
        self._last = 0

    def __len__(self) -> int:
        return len(self._used)

    @property
    def full(self) -> bool:
        """Nothing more may be sent until something is acknowledged."""
        return len(self._used) >= self._size

    def take(self, packet_id: int | None) -> int:
        """Use this packet id, or the next that is free [MQTT-2.3.1-4]. Only while not `full`."""
        if packet_id is None:
            packet_id = self._next()
        elif packet_id in self._used:
            raise Misused(f"packet id {packet_id} is in use")
        self._used.add(packet_id)
        return packet_id

    def free(self, packet_id: int) -> bool:
        """The peer acknowledged this id. False: it was not in use."""
        if packet_id not in self._used:
            return False
        self._used.remove(packet_id)
        return True

    def _next(self) -> int:
        while True:
            self._last = self._last % 65535 + 1
            if self._last not in self._used:
                return self._last
