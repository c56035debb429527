"""Hands stored messages to the sessions that subscribed, a bounded number of them in one turn.

All messages go through one line, so that whatever was stored first is delivered first to
everybody [MQTT-4.6.0-5]; a large fan-out makes those behind it wait, not the reactor.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.mqtt.protocol.topics import SubscriptionTree
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message, Who
from mytracks.mqtt.routing.session import Session
from mytracks.mqtt.routing.terms import Terms

SLICE: Final = 200
"""Deliveries between two pauses: about 5 ms."""


class Fanout(Generic[Who]):
    """The line of stored messages that wait for their receivers."""

    log = Logger()

    def __init__(self, tree: SubscriptionTree[Session[Who]], terms: Terms[Who]) -> None:
        self._tree = tree
        self._gatekeeper = terms.gatekeeper
        self._clock = terms.clock
        self._line: deque[tuple[Owner, Message, Callable[[], None]]] = deque()
        self._receivers: Iterator[tuple[Session[Who], int]] | None = None
        self._allowance = SLICE
        self._delivering = False
        self._pause: IDelayedCall | None = None

    def deliver(self, owner: Owner, message: Message, done: Callable[[], None]) -> None:
        """Hand `message` to all who subscribed and may have it, unless `owner` goes before that
        begins; calls `done` after the last.
        """
        self._line.append((owner, message, done))
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
                owner, message, done = self._line[0]
                if self._receivers is None:
                    receivers = {} if owner.gone else self._tree.match(message.topic)
                    self._receivers = iter(receivers.items())
                if not self._hand_over(message, self._receivers):
                    self._pause = self._clock.later(0, self._go_on)
                    return
                self._receivers = None
                self._line.popleft()
                done()
        finally:
            self._delivering = False

    def _go_on(self) -> None:
        self._pause = None
        self._allowance = SLICE
        self._run()

    def _hand_over(self, message: Message, receivers: Iterator[tuple[Session[Who], int]]) -> bool:
        """False: this turn has done enough; the rest of `receivers` is for the next."""
        for session, qos in receivers:
            try:
                visible = self._gatekeeper.may_receive(session.who, message)
                if visible is not None:
                    session.deliver(visible, qos)
            except Exception:  # noqa: BLE001
                # One receiver's trouble, a fault of the host, must not reach the others.
                self.log.failure("a delivery to {client} failed", client=session.client_id)
            self._allowance -= 1
            if self._allowance <= 0:
                return False
        return True
