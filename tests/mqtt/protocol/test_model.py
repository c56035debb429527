"""The connection machine against a model of QoS 1 and 2 that anybody can check."""

from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.codec import encode
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import (
    Event,
    Published,
    Received,
    Released,
    ReleaseMissed,
    Repeated,
    Violated,
)
from mytracks.mqtt.protocol.packets.publish import Publish
from tests.mqtt.protocol.catalogue import BOTH
from tests.mqtt.protocol.machines import connected, pubacks, pubcomps, pubrecs, pubrels
from tests.mqtt.protocol.model import Broken, Model

LIMITS = ConnectionLimits(max_inflight=3, max_unreleased=3)
ANSWERED = (Published, Repeated, Released, Received, ReleaseMissed)

Step: TypeAlias = tuple[str, int, int]
"""What happens, a packet id or which open question is answered, and a QoS."""

# Few ids, so that they meet; what breaks the protocol ends a sequence, so there is little of it.
_WEIGHTS = {"answer": 12, "publish": 6, "deliver": 6, "right": 6, "pubrel": 5, "wrong": 1}
_what = st.sampled_from([what for what, weight in _WEIGHTS.items() for _ in range(weight)])
steps = st.lists(st.tuples(_what, st.integers(1, 4), st.integers(0, 2)), min_size=20, max_size=60)
quick = settings(derandomize=True, deadline=None, max_examples=400)


class Play:
    """One sequence of steps, done by the machine and by the model."""

    def __init__(self, level: int, unreleased: set[int], released: list[int]) -> None:
        self.machine = connected(level, LIMITS, clean_session=False, unreleased=unreleased)
        self.model = Model(LIMITS, unreleased)
        self.open: list[Event] = []
        self.published: list[Publish] = []
        self.over = False
        for packet_id in released:
            self._same(self.model.resume(packet_id), self.machine.release(packet_id))

    def step(self, step: Step) -> None:
        """Do it with both; they have to agree on all that comes of it."""
        what, number, qos = step
        match what:
            case "publish":
                packet_id = number if qos else None
                self._hear(encode(message := Publish("a", b"", qos, packet_id=packet_id)), message)
            case "answer":
                self._answer(number)
            case "deliver":
                self._deliver(qos)
            case "right":
                self._right(number)
            case "wrong":
                self._reply(("puback", "pubrec", "pubcomp")[qos], number)
            case _:
                self._reply(what, number)

    def end(self) -> None:
        """Answer all that is open, in order; nothing may be left over then."""
        while self.open:
            self._answer(1)
        assert self.over or not self.model.answers.debts

    def _answer(self, number: int) -> None:
        """As the store does: each kind in its order, but any kind before another."""
        if not self.open:
            return
        event = self.open.pop((number - 1) % len(self.open))
        self._same(self.model.answer(event), answer(self.machine, event))

    def _deliver(self, qos: int) -> None:
        if qos:
            packet_id = self.model.deliver(qos)
            data = self.machine.deliver("a", b"", qos, False)
            self._same(packet_id, None if data is None else int.from_bytes(data[-2:]))

    def _right(self, number: int) -> None:
        """The peer answers one of our deliveries as it should."""
        for packet_id in list(self.model.sent)[number - 1 : number]:
            replies = {"qos 1": "puback", "qos 2": "pubrec", "released": "pubcomp"}
            reply = replies.get(self.model.sent[packet_id])
            if reply is not None:
                self._reply(reply, packet_id)

    def _reply(self, what: str, packet_id: int) -> None:
        data = {"puback": pubacks, "pubrec": pubrecs, "pubrel": pubrels, "pubcomp": pubcomps}
        self._hear(data[what](packet_id), what, packet_id)

    def _hear(self, data: bytes, what: Publish | str, packet_id: int = 0) -> None:
        events = self.machine.receive(data)
        try:
            if isinstance(what, Publish):
                expected = self.model.publish(what)
            else:
                expected = getattr(self.model, what)(packet_id)
        except Broken:
            self.over = True
            assert [type(event) for event in events] == [Violated], events
            return
        self._same(expected, events)
        self.open += [event for event in events if isinstance(event, ANSWERED)]
        if isinstance(what, Publish) and what.qos == 0:
            self.open.pop()

    def _same(self, expected: object, came: object) -> None:
        assert expected == came, f"{expected!r} != {came!r}"


def answer(machine: Connection, event: Event) -> bytes:
    """What the machine says for an event, when whatever it waited for is done."""
    match event:
        case Published(Publish(packet_id=int(packet_id))):
            return machine.stored(packet_id)
        case Repeated(packet_id):
            return machine.repeated(packet_id)
        case Released(packet_id):
            return machine.completed(packet_id)
        case Received(packet_id):
            return machine.release(packet_id)
        case ReleaseMissed(packet_id):
            return machine.release_again(packet_id)
    return b""


class ModelTests(SynchronousTestCase):
    """Whatever both sides do, in whatever order."""

    @quick
    @given(
        st.sampled_from(BOTH),
        st.sets(st.integers(1, 4), max_size=2),
        st.lists(st.integers(1, 4), max_size=2, unique=True),
        steps,
    )
    def test_the_machine_does_what_the_model_does(
        self, level: int, unreleased: set[int], released: list[int], steps: list[Step]
    ) -> None:
        """[MQTT-4.3.2-1] to [MQTT-4.3.3-2], [MQTT-4.6.0-2] to [MQTT-4.6.0-4], [MQTT-2.3.1-4]:
        the same events and the same bytes after each step, and nothing left over at the end."""
        play = Play(level, unreleased, released)
        for step in steps:
            if not play.over:
                play.step(step)
        if not play.over:
            play.end()
