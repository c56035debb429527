"""One damaged stream through the machine, and what must be true of it whatever it was."""

from collections import deque
from random import Random
from typing import Final

from attrs import evolve, frozen

from mytracks.mqtt.protocol.codec import KEPT_OF_OVERSIZE, Decoder, PacketSizes
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import (
    Connecting,
    Disconnected,
    Event,
    Pinged,
    Published,
    Received,
    Released,
    ReleaseMissed,
    Repeated,
    Subscribing,
    TooLarge,
    Unsubscribing,
    UnsupportedLevel,
    Violated,
)
from mytracks.mqtt.protocol.packets.connect import ConnackCode
from mytracks.mqtt.protocol.states import State
from tests.mqtt.fuzz.streams import cut, stream

LIMITS: Final = ConnectionLimits(
    sizes=PacketSizes(connect=500, packet=300, read_through=600, filters=3),
    max_early=400,
    max_topic_levels=6,
    max_inflight=4,
    max_unreleased=3,
)
"""Small, so that each of them is met."""
PATIENT: Final = evolve(LIMITS, max_early=1 << 20)
"""How much comes before the answer to CONNECT depends on how it is cut."""

MOST_KEPT: Final = KEPT_OF_OVERSIZE + 1000
"""Bytes: of a PUBLISH that is read through, in front of its payload as well."""
ANSWERS: Final = frozenset({0x20, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0})
PUBLISHES: Final = frozenset({0x30, 0x31, 0x32, 0x33, 0x34, 0x35})


class Found(Exception):
    """Something is wrong with the machine."""


@frozen
class Tale:
    """What came of a stream: the events, and why it ended, if it did."""

    events: tuple[Event, ...]
    state: State


def hunt(seed: int) -> Tale:
    """Play the stream of this seed. Raises Found, or whatever the machine raised."""
    chance = Random(seed)
    data = stream(chance)
    whole = _Talk(None).hear([data])
    pieces = _Talk(None).hear(cut(chance, data))
    if whole != pieces:
        raise Found(f"in pieces it is {pieces}, as a whole {whole}")
    _Talk(chance).hear(cut(chance, data))
    return whole


class _Talk:
    """A client and a host that answers: CONNECT at once and all else at the end, or (with `chance`)
    now and then, in any order.
    """

    def __init__(self, chance: Random | None) -> None:
        self._chance = chance
        self._limits = PATIENT if chance is None else LIMITS
        self._machine = Connection(self._limits)
        self._open: deque[Event] = deque()
        self._events: list[Event] = []

    def hear(self, pieces: list[bytes]) -> Tale:
        for piece in pieces:
            self._heard(self._machine.receive(piece))
            self._bounded()
            self._host()
        while self._open:
            self._answer(self._open.popleft())
        self._finished()
        return Tale(tuple(self._events), self._machine.state)

    def _heard(self, events: list[Event]) -> None:
        ends = [at for at, each in enumerate(events) if isinstance(each, Violated | Disconnected)]
        if ends not in ([], [len(events) - 1]):
            raise Found(f"something comes behind the end: {events}")
        if ends and self._machine.state is not State.CLOSED:
            raise Found(f"it goes on after {events[-1]}")
        self._events += events
        self._open += events

    def _host(self) -> None:
        if self._chance is None:
            if self._open and isinstance(self._open[0], Connecting):
                self._answer(self._open.popleft())
            return
        while self._open and self._chance.random() < 0.7:
            at = self._chance.randrange(len(self._open))
            event = self._open[at]
            del self._open[at]
            self._answer(event)
        if self._machine.state is State.CONNECTED:
            self._deliver(self._chance.randrange(3))

    def _deliver(self, qos: int) -> None:
        data = self._machine.deliver("a", b"x", qos, False)
        if data is not None and data[0] not in PUBLISHES:
            raise Found(f"a delivery is {data!r}")

    def _answer(self, event: Event) -> None:
        machine = self._machine
        match event:
            case Connecting():
                self._decide()
                return
            case UnsupportedLevel():
                said = machine.refuse(ConnackCode.UNACCEPTABLE_LEVEL)
            case Published(publish) | TooLarge(publish):
                said = b"" if publish.packet_id is None else machine.stored(publish.packet_id)
            case Repeated(packet_id):
                said = machine.repeated(packet_id)
            case Released(packet_id):
                said = machine.completed(packet_id)
            case Received(packet_id):
                said = machine.release(packet_id)
            case ReleaseMissed(packet_id):
                said = machine.release_again(packet_id)
            case Subscribing(subscribe):
                codes = [qos for _, qos in subscribe.requests]
                said = machine.suback(subscribe.packet_id, codes)
            case Unsubscribing(unsubscribe):
                said = machine.unsuback(unsubscribe.packet_id)
            case Pinged():
                said = machine.pingresp()
            case _:
                return
        self._well_formed(said)

    def _decide(self) -> None:
        if self._chance is not None and self._chance.random() < 0.1:
            self._well_formed(self._machine.refuse(ConnackCode.NOT_AUTHORISED))
            return
        unreleased = () if self._chance is None else self._chance.sample(range(1, 10), 2)
        said, events = self._machine.accept(self._chance is not None, unreleased)
        self._well_formed(said)
        self._heard(events)

    def _well_formed(self, said: bytes) -> None:
        """A client of ours could read it, and it is nothing but answers."""
        decoder = Decoder(PacketSizes())
        decoder.expect_server()
        decoder.feed(said)
        while decoder.untaken:
            first = said[len(said) - decoder.untaken]
            if first not in ANSWERS or decoder.take() is None:
                raise Found(f"no answer: {said!r}")

    def _bounded(self) -> None:
        machine = self._machine
        most = {State.REFUSING: 0, State.CLOSED: 0, State.DECIDING: self._limits.max_early}
        if machine.kept > most.get(machine.state, MOST_KEPT):
            raise Found(f"{machine.kept} bytes are kept")
        if machine.inflight > LIMITS.max_inflight:
            raise Found(f"{machine.inflight} deliveries are under way")

    def _finished(self) -> None:
        """Everything was answered: nothing may be left that waits for an answer."""
        machine = self._machine
        if machine.state is State.CONNECTED:
            owed, ids = machine._owed, machine._unreleased
            left = [owed._answers, owed._early, owed._again, ids._releasing]
            if any(left):
                raise Found(f"nothing waits any more, but {left} is left")
            if len(ids._unreleased) > LIMITS.max_unreleased:
                raise Found(f"{ids._unreleased} are not released")
