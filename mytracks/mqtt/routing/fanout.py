"""Hands stored messages to the sessions that subscribed, a bounded number of them in one turn.

All messages go through one line, so that whatever was stored first is delivered first to
everybody [MQTT-4.6.0-5]; a large fan-out makes those behind it wait, not the reactor.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, Generic, TypeAlias

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.parcel import Parcel
from mytracks.mqtt.routing.ports import Facts, Message, Who
from mytracks.mqtt.routing.session import CleanSession
from mytracks.mqtt.routing.subscriptions import Subscriptions
from mytracks.mqtt.routing.terms import Terms

SLICE: Final = 200
"""Deliveries between two pauses: about 5 ms."""

_Receivers: TypeAlias = Iterator[tuple[CleanSession[Who] | DurableSession[Who], int]]


class Fanout(Generic[Who, Facts]):
    """The line of stored messages that wait for their receivers."""

    log = Logger()

    def __init__(self, subscriptions: Subscriptions[Who], terms: Terms[Who]) -> None:
        self._subscriptions = subscriptions
        self._gatekeeper = terms.gatekeeper
        self._clock = terms.clock
        self._line: deque[tuple[Parcel[Who, Facts], Message, Callable[[], None]]] = deque()
        self._receivers: _Receivers[Who] | None = None
        self._allowance = SLICE
        self._delivering = False
        self._pause: IDelayedCall | None = None

    def deliver(
        self, parcel: Parcel[Who, Facts], message: Message, done: Callable[[], None]
    ) -> None:
        """Hand `message` to all who subscribed and may have it, but for the queues in which it is
        already; unless its owner goes before that begins. Calls `done` after the last.
        """
        self._line.append((parcel, message, done))
        if not self._delivering and self._pause is None:
            self._run()

    def close(self) -> None:
        """Nothing is handed over any more."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._line.clear()

    def _run(self) -> None:
        self._delivering = True
        try:
            while self._line:
                parcel, message, done = self._line[0]
                if self._receivers is None:
                    self._receivers = self._find(parcel, message.topic)
                if not self._hand_over(parcel, message, self._receivers):
                    self._pause = self._clock.later(0, self._go_on)
                    return
                self._receivers = None
                self._line.popleft()
                done()
        finally:
            self._delivering = False

    def _find(self, parcel: Parcel[Who, Facts], topic: str) -> _Receivers[Who]:
        if parcel.owner.gone:
            return iter(())
        subscriptions = self._subscriptions
        clean = subscriptions.clean(topic)
        if not subscriptions.durables:
            return iter(clean)
        waiting, durable = parcel.references, subscriptions.durable(topic)
        here = [pair for pair in durable if pair[0].online and pair[0] not in waiting]
        return chain(clean, here)

    def _go_on(self) -> None:
        self._pause = None
        self._allowance = SLICE
        self._run()

    def _hand_over(
        self, parcel: Parcel[Who, Facts], message: Message, receivers: _Receivers[Who]
    ) -> bool:
        """False: this turn has done enough; the rest of `receivers` is for the next."""
        owner = parcel.owner
        for session, qos in receivers:
            try:
                who = session.who
                visible = None if who is None else self._gatekeeper.may_receive(who, message)
                if visible is not None:
                    session.deliver(owner, visible, qos)
            except Exception:  # noqa: BLE001
                # One receiver's trouble, a fault of the host, must not reach the others.
                self.log.failure("a delivery to {client} failed", client=session.client_id)
            self._allowance -= 1
            if self._allowance <= 0:
                return False
        return True
