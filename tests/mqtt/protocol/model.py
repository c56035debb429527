"""What the specification asks of QoS 1 and 2, as plainly as it can be written: lists, looked
through from the start each time.
"""

from dataclasses import dataclass, field

from mytracks.mqtt.protocol.connection import ConnectionLimits
from mytracks.mqtt.protocol.events import (
    Acknowledged,
    Completed,
    Event,
    Published,
    Received,
    Released,
    ReleaseMissed,
    Repeated,
)
from mytracks.mqtt.protocol.packets.publish import Publish
from tests.mqtt.protocol.machines import pubacks, pubcomps, pubrecs, pubrels


class Broken(Exception):
    """The peer did what is not allowed."""


@dataclass
class Debt:
    """An answer that has its place in a line. `again`: it waits for nothing but its turn."""

    packet_id: int
    answer: bytes
    again: bool = False
    due: bool = False


@dataclass
class Line:
    """Answers leave from the front [MQTT-4.6.0-2, -3, -4]."""

    debts: list[Debt] = field(default_factory=list)

    def pay(self, packet_id: int | None = None) -> bytes:
        """The oldest debt of this id is due; what leaves now."""
        for debt in self.debts:
            if debt.packet_id == packet_id and not debt.again and not debt.due:
                debt.due = True
                break
        paid = b""
        while self.debts and (self.debts[0].due or self.debts[0].again):
            paid += self.debts.pop(0).answer
        return paid


class Model:
    """One connection of a session, after CONNACK."""

    def __init__(self, limits: ConnectionLimits, unreleased: set[int]) -> None:
        self.limits = limits
        self.unreleased = set(unreleased)
        self.answers = Line()
        self.pubrels = Line()
        self.pubcomps: dict[int, int] = {}
        self.sent: dict[int, str] = {}
        self.last = 0

    # What the peer sends.

    def publish(self, publish: Publish) -> list[Event]:
        """[MQTT-4.3.2-2], [MQTT-4.3.3-2]"""
        packet_id = publish.packet_id
        if packet_id is None:
            return [Published(publish)]
        if publish.qos == 1:
            self.answers.debts.append(Debt(packet_id, pubacks(packet_id)))
            return [Published(publish)]
        if packet_id in self.unreleased or packet_id in self.pubcomps:
            if not any(d.again and d.packet_id == packet_id for d in self.answers.debts):
                self.answers.debts.append(Debt(packet_id, pubrecs(packet_id), again=True))
            return [Repeated(packet_id)]
        if len(self.unreleased) >= self.limits.max_unreleased:
            raise Broken
        self.unreleased.add(packet_id)
        self.answers.debts.append(Debt(packet_id, pubrecs(packet_id)))
        return [Published(publish)]

    def pubrel(self, packet_id: int) -> list[Event]:
        """[MQTT-4.3.3-2]"""
        if packet_id in self.pubcomps:
            self.pubcomps[packet_id] = 2
            return []
        self.pubcomps[packet_id] = 1
        known = packet_id in self.unreleased
        self.unreleased -= {packet_id}
        return [Released(packet_id, known)]

    def puback(self, packet_id: int) -> list[Event]:
        """[MQTT-4.3.2-1]"""
        self._must_be(packet_id, "qos 1")
        return [Acknowledged(packet_id)] if self.sent.pop(packet_id, None) else []

    def pubrec(self, packet_id: int) -> list[Event]:
        """[MQTT-4.3.3-1]"""
        self._must_be(packet_id, "qos 2", "received", "released")
        stands = self.sent.get(packet_id)
        if stands == "received":
            return []
        if stands != "qos 2":
            return [ReleaseMissed(packet_id)]
        self.sent[packet_id] = "received"
        self.pubrels.debts.append(Debt(packet_id, pubrels(packet_id)))
        return [Received(packet_id)]

    def pubcomp(self, packet_id: int) -> list[Event]:
        """[MQTT-4.3.3-1]"""
        self._must_be(packet_id, "released")
        return [Completed(packet_id)] if self.sent.pop(packet_id, None) else []

    # What our own side says.

    def answer(self, event: Event) -> bytes:
        """What is said for an event, when whatever it waited for is done."""
        match event:
            case Published(publish):
                return self.answers.pay(publish.packet_id)
            case Repeated():
                return self.answers.pay()
            case Released(packet_id):
                times = self.pubcomps.pop(packet_id)
                self.answers.debts = [
                    d for d in self.answers.debts if not (d.again and d.packet_id == packet_id)
                ]
                first = pubrecs(packet_id)
                if any(d.answer == first and not d.again for d in self.answers.debts):
                    self.answers.debts.append(Debt(packet_id, pubcomps(packet_id), again=True))
                    return b""
                return pubcomps(*[packet_id] * times)
            case Received(packet_id):
                self.sent[packet_id] = "released"
                return self.pubrels.pay(packet_id)
            case ReleaseMissed(packet_id):
                return pubrels(packet_id)
        return b""

    def resume(self, packet_id: int) -> bytes:
        """PUBREL of a delivery that was received over an earlier connection [MQTT-4.4.0-1]."""
        self.sent[packet_id] = "released"
        return pubrels(packet_id)

    def deliver(self, qos: int) -> int | None:
        """The packet id of a new delivery [MQTT-2.3.1-4]; None: not now."""
        if len(self.sent) >= self.limits.max_inflight:
            return None
        self.last = next(
            each for each in range(self.last + 1, self.last + 65_536) if each not in self.sent
        )
        self.sent[self.last] = f"qos {qos}"
        return self.last

    def _must_be(self, packet_id: int, *allowed: str) -> None:
        if self.sent.get(packet_id, allowed[0]) not in allowed:
            raise Broken
