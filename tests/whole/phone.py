"""A phone's MQTT connection: blocking, byte by byte, every wait bounded."""

import select
import socket
import time
from collections import deque
from typing import Protocol

from tests.whole import packets
from tests.whole.packets import Delivery, Received, Will

PATIENCE = 10.0
"""Seconds to wait for an answer, on a busy machine."""


class Closed(AssertionError):
    """The server closed the connection while an answer was awaited."""


class Wire(Protocol):
    """What a phone needs of a socket."""

    def fileno(self) -> int: ...
    def settimeout(self, seconds: float) -> None: ...
    def sendall(self, data: bytes) -> None: ...
    def recv(self, size: int) -> bytes: ...
    def close(self) -> None: ...


class Phone:
    """One TCP connection to an MQTT port, or one over a `wire` that stands already."""

    def __init__(self, place: int | Wire, address: str = "127.0.0.1") -> None:
        self.socket: Wire
        if isinstance(place, int):
            made = socket.create_connection((address, place), PATIENCE)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = made
        else:
            self.socket = place
        self._buffer = b""
        self._deliveries: deque[Delivery] = deque()
        self._ids = 0
        self.present: int | None = None
        """The first byte of the CONNACK that came: 1 when the session was there (3.2.2.2)."""

    # Bytes

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.socket.settimeout(PATIENCE)
        self.socket.sendall(raw)

    def read(self, within: float = PATIENCE) -> Received:
        """The next packet. Raises Closed at the connection's end and TimeoutError in silence."""
        end = time.monotonic() + within
        while True:
            received, self._buffer = packets.split(self._buffer)
            if received is not None:
                return received
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError(f"nothing came within {within:g} s; so far {self._buffer!r}")
            try:
                data = self.socket.recv(65536)
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed(f"closed by the server; unread: {self._buffer!r}")
            self._buffer += data

    def closed_within(self, within: float) -> list[Received]:
        """Wait until the server closes; returns what it still sent. Raises TimeoutError."""
        end, seen = time.monotonic() + within, []
        while True:
            try:
                seen.append(self.read(max(0.01, end - time.monotonic())))
            except Closed:
                return seen

    def close(self) -> None:
        """Vanish, without DISCONNECT."""
        self.socket.close()

    def disconnect(self) -> None:
        """Leave as the protocol says."""
        self.send(packets.DISCONNECT)
        self.closed_within(PATIENCE)
        self.close()

    # Conversations

    def connect(
        self,
        client_id: str,
        user: str | None = None,
        password: str | bytes | None = None,
        *,
        level: int = 4,
        clean: bool = True,
        keepalive: int = 60,
        will: Will | None = None,
    ) -> int:
        """CONNECT; returns the CONNACK's code (3.2.2.3)."""
        self.send(
            packets.connect(
                client_id,
                user,
                password,
                level=level,
                clean=clean,
                keepalive=keepalive,
                will=will,
            )
        )
        return self.connack()

    def connack(self) -> int:
        """The code of the CONNACK, which must be the next packet."""
        received = self.read()
        assert received.first == 0x20, received
        assert len(received.body) == 2, received
        self.present = received.body[0]
        return received.body[1]

    def next_id(self) -> int:
        """An unused packet id."""
        self._ids = self._ids % 65535 + 1
        return self._ids

    def post(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, dup: bool = False
    ) -> int:
        """PUBLISH without waiting; returns the packet id (0 at QoS 0)."""
        number = self.next_id() if qos else 0
        self.send(packets.publish(topic, payload, number, qos=qos, retain=retain, dup=dup))
        return number

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """PUBLISH at QoS 1 and wait for its PUBACK."""
        number = self.post(topic, payload, retain=retain)
        acknowledged = self.expect(packets.PUBACK)
        assert acknowledged.body == number.to_bytes(2, "big"), acknowledged

    def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        """SUBSCRIBE; returns the codes of the SUBACK."""
        number = self.next_id()
        self.send(packets.subscribe(number, *filters, qos=qos))
        answer = self.expect(packets.SUBACK)
        assert answer.packet_id == number, answer
        return list(answer.body[2:])

    def unsubscribe(self, *filters: str) -> None:
        """UNSUBSCRIBE and wait for its UNSUBACK."""
        number = self.next_id()
        self.send(packets.unsubscribe(number, *filters))
        answer = self.expect(packets.UNSUBACK)
        assert answer.body == number.to_bytes(2, "big"), answer

    def ping(self) -> None:
        """PINGREQ and wait for PINGRESP."""
        self.send(packets.PINGREQ)
        self.expect(packets.PINGRESP)

    def expect(self, kind: int, within: float = PATIENCE) -> Received:
        """The next packet of this kind; deliveries that come before it are kept for `delivery`."""
        end = time.monotonic() + within
        while True:
            received = self.read(max(0.01, end - time.monotonic()))
            if received.kind == kind:
                return received
            if received.kind != packets.PUBLISH:
                raise AssertionError(f"{received} came instead of type {kind}")
            self._deliveries.append(self._take(received))

    def delivery(self, within: float = PATIENCE) -> Delivery:
        """The next application message, acknowledged if it asks for that."""
        if self._deliveries:
            return self._deliveries.popleft()
        received = self.read(within)
        if received.kind != packets.PUBLISH:
            raise AssertionError(f"{received} came instead of a message")
        return self._take(received)

    def _take(self, received: Received) -> Delivery:
        message = packets.delivery(received)
        if message.packet_id is not None:
            self.send(packets.packet(0x40, message.packet_id.to_bytes(2, "big")))
        return message
