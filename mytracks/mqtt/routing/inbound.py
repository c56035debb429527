"""The publishes of one client between their arrival and the end of their delivery, in order.

Each is recorded at once; they are delivered in the order of their arrival, whatever they waited
for [MQTT-4.6.0-5]. While the store takes nothing, nothing is acknowledged: the oldest is tried
again and again, and when it gets through the others follow. What is being stored goes its way to
the end when its client hangs up; what is not is forgotten then, for it was never acknowledged.
"""

from functools import partial
from typing import Final, Generic, Protocol

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.parcel import Parcel, Step
from mytracks.mqtt.routing.ports import Facts, Kept, Who

LONGEST_WAIT: Final = 5.0
"""Seconds between two attempts at most; the first ones wait 1, 2, 3, 4."""

# Looking a member up on its Enum takes Python 3.11 longer than all the rest of a step.
_STORING: Final = Step.STORING
_STORED: Final = Step.STORED


class Publisher(Protocol):
    """Whose publishes these are, and who is told how they fare."""

    def stored(self, packet_id: int | None) -> None:
        """It is durable: acknowledge it."""

    def progressed(self) -> None:
        """There is room for more."""

    def broken(self) -> None:
        """One of them cannot be stored, through a fault of ours: close the connection."""


class Inbound(Generic[Who, Facts, Kept]):
    """One client's line. `load` and `bytes`: how much is in it, deliveries under way included."""

    __slots__ = (
        "_exchange",
        "_failures",
        "_hung_up",
        "_line",
        "_probe",
        "_publisher",
        "_retry",
        "bytes",
        "load",
    )

    log = Logger()

    def __init__(self, exchange: Exchange[Who, Facts, Kept], publisher: Publisher) -> None:
        self._exchange = exchange
        self._publisher = publisher
        self._line: list[Parcel[Who, Facts]] = []
        self._failures = 0
        self._probe: Parcel[Who, Facts] | None = None
        self._retry: IDelayedCall | None = None
        self._hung_up = False
        self.load = 0
        self.bytes = 0

    def take(self, parcel: Parcel[Who, Facts]) -> None:
        """Record `parcel`, have it acknowledged, then delivered."""
        self._line.append(parcel)
        self.load += 1
        self.bytes += parcel.size
        if self._failures:
            parcel.step = Step.UNSTORED
        else:
            self._store(parcel)

    def hang_up(self) -> None:
        """The client is gone: what is not being stored is forgotten."""
        self._hung_up = True
        self._calm()
        for parcel in self._unstored():
            self._line.remove(parcel)
            self._count_off(parcel.size)
        self._advance()

    def _store(self, parcel: Parcel[Who, Facts]) -> None:
        changes = self._exchange.prepare(parcel)
        if changes is None:
            self._stored(parcel)
        else:
            parcel.step = _STORING
            self._exchange.record(parcel, changes, self._stored, self._failed)

    def _stored(self, parcel: Parcel[Who, Facts]) -> None:
        parcel.step = _STORED
        if parcel is self._probe:
            self._recover()
        self._publisher.stored(parcel.packet_id)
        self._advance()

    def _advance(self) -> None:
        """Hand on what nothing before it still waits."""
        line = self._line
        while line and line[0].step is _STORED:
            parcel = line.pop(0)
            self._exchange.hand_on(parcel, partial(self._done, parcel.size))

    def _done(self, size: int) -> None:
        self._count_off(size)
        self._publisher.progressed()

    def _count_off(self, size: int) -> None:
        self.load -= 1
        self.bytes -= size

    def _failed(self, failure: Failure, parcel: Parcel[Who, Facts]) -> None:
        self._exchange.terms.counters.unstored += 1
        if failure.check(Unavailable) and not self._hung_up:
            parcel.step = Step.UNSTORED
            if self._retry is None:
                self._failures += 1
                wait = min(float(self._failures), LONGEST_WAIT)
                self._retry = self._exchange.terms.clock.later(wait, self._try_again)
            return
        self._line.remove(parcel)
        self._count_off(parcel.size)
        if failure.check(Unavailable, CancelledError) is None:
            self.log.failure("a message could not be stored", failure)
            self._publisher.broken()
        self._advance()

    def _try_again(self) -> None:
        self._retry = None
        self._probe = self._unstored()[0]
        self._store(self._probe)

    def _recover(self) -> None:
        """The store takes again: what waited goes after the one that got through."""
        self._calm()
        for parcel in self._unstored():
            self._store(parcel)

    def _calm(self) -> None:
        self._probe = None
        self._failures = 0
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _unstored(self) -> list[Parcel[Who, Facts]]:
        return [each for each in self._line if each.step is Step.UNSTORED]
