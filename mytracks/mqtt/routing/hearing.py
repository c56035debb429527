"""What a client says, a bounded number of events in one turn, and when it is not listened to."""

from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall

from mytracks.clock import Clock
from mytracks.mqtt.protocol.events import Event
from mytracks.mqtt.routing.link import Link

SLICE: Final = 100
"""Events of one client that are handled between two pauses: about 3 ms."""


SLOWEST: Final = 256
"""Bytes a second, on average: what comes more slowly and completes no packet is no sign of life
[MQTT-3.1.2-24]. The slowest networks that phones know carry four times as much (GSM, 9.6 kbit/s),
so a picture that takes longer than the keepalive still arrives."""


class Hearer(Protocol):
    """Who is told what the client says."""

    @property
    def hears(self) -> bool:
        """Whether the client has, or may have, something to say that is listened to."""

    def choked(self, share: int) -> bool:
        """Whether more than 1/`share` of what may be unfinished is: then hear no more."""

    def react(self, event: Event) -> None:
        """The client says this. Never raises."""

    def heard_all(self) -> None:
        """Nothing that it said is left."""


class Hearing:
    """`waiting`: whether anything that was said has not been heard. `paused`: whether nothing more
    is read from the client."""

    __slots__ = ("_backlog", "_clock", "_hearer", "_link", "_next", "paused")

    def __init__(self, link: Link, hearer: Hearer, clock: Clock) -> None:
        self._link = link
        self._hearer = hearer
        self._clock = clock
        self._backlog: list[Event] = []  # The newest first.
        self._next: IDelayedCall | None = None
        self.paused = False

    @property
    def waiting(self) -> bool:
        return bool(self._backlog)

    def listen(self, events: list[Event]) -> None:
        """Hear this after what was said before, now or in the next turns."""
        events.reverse()
        if self._backlog:
            self._backlog = events + self._backlog
        else:
            self._backlog = events
            self._work()

    def progressed(self) -> None:
        """Less is unfinished; if that is little enough, listen again in the next turn."""
        if self.paused and self._next is None and self._hearer.hears and not self._hearer.choked(2):
            self._next = self._clock.later(0, self._go_on)

    def pause(self) -> None:
        """Read no more: the network holds the client back."""
        if not self.paused:
            self.paused = True
            self._link.pause()

    def resume(self) -> bool:
        """Read again; whether that is a change."""
        if not self.paused:
            return False
        self.paused = False
        self._link.resume()
        return True

    def forget(self) -> None:
        """What was said and not heard is not heard any more."""
        self._backlog = []

    def close(self) -> None:
        """Hear nothing more."""
        self._backlog = []
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _go_on(self) -> None:
        self._next = None
        self._work()

    def _work(self) -> None:
        hearer = self._hearer
        steps = SLICE
        while self._backlog:
            if steps == 0 or hearer.choked(1):
                self.pause()
                self.progressed()
                return
            steps -= 1
            hearer.react(self._backlog.pop())
        hearer.heard_all()
