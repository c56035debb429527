"""A client that keeps its session by the book (3.1.1, sections 4.3 and 4.4), as good libraries do.

Its memory outlasts its connections: what it has sent and not finished, and which QoS 2 messages it
has received and not released. Written from the specification alone; used by one thread at a time.
"""

import time
from contextlib import suppress

from attrs import define

from tests.whole import packets
from tests.whole.packets import PUBACK, PUBCOMP, PUBREC, PUBREL, Delivery, Received, Will
from tests.whole.phone import PATIENCE, Phone


@define
class Sending:
    """A message on its way to the broker. `passed`: the broker has it (PUBREC), PUBREL was sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    passed: bool = False


class Resident:
    """One client id of one user, for as long as the test lasts."""

    def __init__(
        self, client_id: str, user: str, password: str, *, level: int = 4, ids: int = 65535
    ) -> None:
        """`ids`: how many packet ids it uses, again and again."""
        self._span = ids
        self._door = (client_id, user, password, level)
        self._phone: Phone | None = None
        self._ids = 0
        self._granted: dict[int, list[int]] = {}
        self._pinged = False
        self.owed: dict[int, Sending] = {}
        """Not finished yet, by packet id, in the order of sending."""
        self.unreleased: set[int] = set()
        """Ids of QoS 2 messages that were received; such an id again is the same message again."""
        self.received: list[Delivery] = []
        """Every application message, in order; a QoS 2 message once [MQTT-4.3.3-2]."""
        self.accepted: list[bytes] = []
        """Payloads that the broker acknowledged, by PUBACK or PUBREC."""

    @property
    def phone(self) -> Phone:
        """Its connection."""
        assert self._phone is not None, "not connected"
        return self._phone

    @property
    def payloads(self) -> list[bytes]:
        """Of all that it received."""
        return [each.payload for each in self.received]

    # Connections

    def connect(self, port: int, *, will: Will | None = None, keepalive: int = 60) -> int:
        """CONNECT with clean session 0, then all that was not finished again [MQTT-4.4.0-1].

        Returns the first byte of the CONNACK.
        """
        client_id, user, password, level = self._door
        self._phone = Phone(port)
        code = self.phone.connect(
            client_id, user, password, level=level, clean=False, keepalive=keepalive, will=will
        )
        assert code == 0, code
        for number, sending in list(self.owed.items()):
            self._send(number, sending, dup=True)
        assert self.phone.present is not None
        return self.phone.present

    def vanish(self) -> None:
        """Close the socket without a word."""
        if self._phone is not None:
            self._phone.close()
        self._phone = None

    def leave(self) -> None:
        """DISCONNECT."""
        self.phone.disconnect()
        self._phone = None

    def ping(self) -> None:
        """PINGREQ, and hear until PINGRESP: what was on its way has come."""
        self._pinged = False
        self.phone.send(packets.PINGREQ)
        end = time.monotonic() + PATIENCE
        while not self._pinged:
            self.hear(max(0.01, end - time.monotonic()))

    # What it says

    def subscribe(self, *filters: str, qos: int = 2) -> list[int]:
        """SUBSCRIBE; returns the codes granted. What comes before the SUBACK is received."""
        number = self._next_id()
        self.phone.send(packets.subscribe(number, *filters, qos=qos))
        end = time.monotonic() + PATIENCE
        while number not in self._granted:
            self.hear(max(0.01, end - time.monotonic()))
        return self._granted.pop(number)

    def say(self, topic: str, payload: bytes, *, qos: int = 2, retain: bool = False) -> None:
        """PUBLISH, without waiting."""
        number = self._next_id()
        self.owed[number] = Sending(topic, payload, qos, retain)
        self._send(number, self.owed[number], dup=False)

    def _next_id(self) -> int:
        self._ids = self._ids % self._span + 1
        while self._ids in self.owed:
            self._ids = self._ids % self._span + 1
        return self._ids

    def _send(self, number: int, sending: Sending, *, dup: bool) -> None:
        if sending.passed:
            self.phone.send(packets.answer(PUBREL, number))
            return
        self.phone.send(
            packets.publish(
                sending.topic,
                sending.payload,
                number,
                qos=sending.qos,
                retain=sending.retain,
                dup=dup,
            )
        )

    # What it hears

    def hear(self, within: float = PATIENCE) -> Received:
        """Take one packet and do what the protocol asks. Raises TimeoutError and Closed."""
        received = self.phone.read(within)
        match received.kind:
            case packets.PUBLISH:
                self._take(packets.delivery(received))
            case packets.PUBREL:
                self.unreleased.discard(received.packet_id)
                self.phone.send(packets.answer(PUBCOMP, received.packet_id))
            case packets.PUBACK | packets.PUBREC | packets.PUBCOMP:
                self._advance(received.kind, received.packet_id)
            case packets.PINGRESP:
                self._pinged = True
            case packets.SUBACK:
                self._granted[received.packet_id] = list(received.body[2:])
            case _:
                raise AssertionError(received)
        return received

    def _take(self, message: Delivery) -> None:
        if message.packet_id is None:
            self.received.append(message)
        elif message.qos == 1:
            self.received.append(message)
            self.phone.send(packets.answer(PUBACK, message.packet_id))
        else:
            if message.packet_id not in self.unreleased:
                self.unreleased.add(message.packet_id)
                self.received.append(message)
            self.phone.send(packets.answer(PUBREC, message.packet_id))

    def _advance(self, kind: int, number: int) -> None:
        sending = self.owed.get(number)
        if sending is None:
            return
        if kind != PUBCOMP and not sending.passed:
            self.accepted.append(sending.payload)
        if kind == PUBREC:
            sending.passed = True
            self.phone.send(packets.answer(PUBREL, number))
        else:
            del self.owed[number]

    def finish(self, within: float = PATIENCE) -> None:
        """Hear until nothing is owed to the broker any more."""
        end = time.monotonic() + within
        while self.owed:
            self.hear(max(0.01, end - time.monotonic()))

    def drain(self, silence: float = 0.5) -> None:
        """Hear until nothing has come for `silence` seconds."""
        end = time.monotonic() + 60
        with suppress(TimeoutError):
            while time.monotonic() < end:
                self.hear(silence)

    def collect(self, count: int, within: float = PATIENCE) -> list[Delivery]:
        """Hear until `count` messages were received in all; returns them."""
        end = time.monotonic() + within
        while len(self.received) < count:
            self.hear(max(0.01, end - time.monotonic()))
        return self.received
