"""Exactly once and in order, whatever happens in between: two clients, kills, slow commits."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.acknowledgements import Pubcomp, Pubrec, Pubrel
from mytracks.mqtt.protocol.packets.publish import Publish
from tests.mqtt.routing.rig import Fact, Rig


class Peer:
    """A client that plays both halves of QoS 2 by the book, and remembers like one: what it has
    received, what it is about, and how far it is with what it sends."""

    def __init__(self, rig: Rig, client_id: str) -> None:
        self.rig = rig
        self.client_id = client_id
        self.received: list[bytes] = []
        self._known: set[int] = set()
        self._sending: dict[int, Publish | Pubrel] = {}
        self._next = 1
        self.phone = rig.resident("a", 2, client_id=client_id)

    def say(self, payload: bytes) -> None:
        packet_id = self._next
        self._next += 1
        self._sending[packet_id] = Publish("a", payload, 2, packet_id=packet_id)
        self.phone.send(self._sending[packet_id])

    def hear(self) -> bool:
        """Whether there was anything."""
        heard = self.phone.hear()
        for packet in heard:
            self._hear(packet)
        return bool(heard)

    def _hear(self, packet: object) -> None:
        match packet:
            case Publish(payload=payload, packet_id=int(packet_id)):
                if packet_id not in self._known:
                    self._known.add(packet_id)
                    self.received.append(payload)
                self.phone.send(Pubrec(packet_id))
            case Pubrel(packet_id):
                self._known.discard(packet_id)
                self.phone.send(Pubcomp(packet_id))
            case Pubrec(packet_id) if packet_id in self._sending:
                self._sending[packet_id] = Pubrel(packet_id)
                self.phone.send(Pubrel(packet_id))
            case Pubcomp(packet_id):
                self._sending.pop(packet_id, None)

    def reconnect(self) -> None:
        """What was not finished is sent again, in order (4.4)."""
        self.phone = self.rig.connect(self.client_id, clean=False)
        assert self.phone.hear(), "not let in"
        for packet in list(self._sending.values()):
            if isinstance(packet, Publish):
                packet = Publish("a", packet.payload, 2, dup=True, packet_id=packet.packet_id)
            self.phone.send(packet)

    @property
    def finished(self) -> bool:
        return not self._sending and not self._known


STEPS = st.lists(
    st.sampled_from(["say", "hear", "deaf", "reconnect", "restart", "commit", "slow", "time"]),
    max_size=40,
)


class AnyHistoryTests(SynchronousTestCase):
    """Whatever happens in between."""

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(STEPS)
    def test_everything_arrives_once_and_in_order(self, steps: list[str]) -> None:
        """Two clients, one broker that is killed, commits that take their time."""
        rig = Rig()
        one, two = Peer(rig, "one"), Peer(rig, "two")
        said: list[bytes] = []
        for number, step in enumerate(steps):
            self.do(step, rig, one, two, b"%d" % number, said)
        rig.journal.by_hand = rig.journal.slow_pages = False
        rig.journal.fire_all()
        rig.journal.turn_pages()
        one.reconnect()
        two.reconnect()
        rig.timers.advance(2)
        for _ in range(50):
            one.hear()
            two.hear()
            rig.timers.advance(1)
        self.assertEqual((said, said), (one.received, two.received))
        self.assertEqual((True, True), (one.finished, two.finished))
        self.assertEqual([Fact("a", each) for each in said], rig.journal.stored)
        self.assertEqual(0, rig.broker.counters.queued)

    def do(
        self, step: str, rig: Rig, one: Peer, two: Peer, payload: bytes, said: list[bytes]
    ) -> None:
        match step:
            case "say":
                one.say(payload)
                said.append(payload)
            case "hear":
                one.hear()
                two.hear()
            case "deaf":
                two.hear()
            case "reconnect":
                rig.journal.fire_all()
                self.back(rig, one, two)
            case "restart":
                rig.restart()
                self.back(rig, one, two)
            case "commit":
                if rig.journal.waiting:
                    rig.journal.fire()
                rig.journal.turn_pages()
            case "slow":
                rig.journal.by_hand = rig.journal.slow_pages = True
            case "time":
                rig.timers.advance(2)

    def back(self, rig: Rig, one: Peer, two: Peer) -> None:
        slow, rig.journal.by_hand = rig.journal.by_hand, False
        one.reconnect()
        two.reconnect()
        rig.journal.by_hand = slow
