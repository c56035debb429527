"""Delay from arrival to durable at a rate, CPU a location, and a reactor's tick beside it.

Arrivals come over a pipe from a process of their own (`pacer.py`), so that they wake the reactor as
a socket does. What the load itself costs is measured on a journal that does nothing.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ProcessDone
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.host.garbage import settle
from mytracks.mqtt.routing.journal import Recorded
from mytracks.phones.facts import Fact, Kept, Reported
from mytracks.store.database import Database
from tests.bench.pacer import STAMP
from tests.whole.daemon import PROJECT

_TICK: Final = 0.005
"""Seconds between two ticks; how late each comes is what anything else on the reactor waits."""


class Journal(Protocol):
    """Where the load goes."""

    def record(self, facts: Sequence[Fact]) -> Deferred[Recorded[Kept]]:
        """Store all; fires when durable."""


class Nothing:
    """A journal that stores nothing and answers at once."""

    def record(self, facts: Sequence[Fact]) -> Deferred[Recorded[Kept]]:
        """All kept, in no place."""
        kept = [Kept(fact=fact, device=None, new=True) for fact in facts]
        return succeed(Recorded(kept))


@frozen
class Arrived:
    """Of one run. Delays and ticks in seconds, sorted; `cpu`: of this process, in seconds."""

    delays: Sequence[float]
    ticks: Sequence[float]
    cpu: float
    lasted: float

    @property
    def each(self) -> float:
        """CPU microseconds a location."""
        return self.cpu / len(self.delays) * 1e6

    @property
    def rate(self) -> float:
        """Locations a second."""
        return len(self.delays) / self.lasted


def share(sorted_values: Sequence[float], part: float) -> float:
    """The value below which `part` of them lie."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))]


class Ticks:
    """A timer that notes how late it is called."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.late: list[float] = []
        self._due = 0.0
        self._next()

    def stop(self) -> Sequence[float]:
        """All of them, sorted."""
        self._timer.cancel()
        return sorted(self.late)

    def _next(self) -> None:
        self._due = time.monotonic() + _TICK
        self._timer = self._clock.later(_TICK, self._tick)

    def _tick(self) -> None:
        self.late.append(max(0.0, time.monotonic() - self._due))
        self._next()


class _Load(ProcessProtocol):
    """Hands each arrival to the journal and notes when it is durable."""

    def __init__(self, journal: Journal, facts: Sequence[Reported]) -> None:
        self._journal = journal
        self._facts = iter(facts)
        self._left = len(facts)
        self._part = b""
        self.delays: list[float] = []
        self.first = 0.0
        self.done: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:  # Twisted's name
        """Arrivals, each as its time in nanoseconds."""
        self.first = self.first or time.monotonic()
        data = self._part + data
        whole = len(data) - len(data) % STAMP.size
        self._part = data[whole:]
        for (stamp,) in STAMP.iter_unpack(data[:whole]):
            self._journal.record([next(self._facts)]).addCallback(self._stored, stamp)

    def errReceived(self, data: bytes) -> None:  # Twisted's name
        """Its trouble is ours."""
        sys.stderr.write(data.decode())

    def processEnded(self, reason: Failure) -> None:  # Twisted's name
        """It has ended."""
        reason.trap(ProcessDone, ConnectionDone)
        self.gone.callback(None)

    def _stored(self, _: Recorded[Kept], stamp: int) -> None:
        self.delays.append((time.monotonic_ns() - stamp) / 1e9)
        self._left -= 1
        if self._left == 0:
            self.done.callback(None)


async def at_rate(journal: Journal, clock: Clock, facts: Sequence[Reported], rate: int) -> Arrived:
    """Let all `facts` arrive, so many a second."""
    load = _Load(journal, facts)
    settle()
    ticks, cpu = Ticks(clock), time.process_time()
    words = [sys.executable, "-m", "tests.bench.pacer", str(rate), str(len(facts))]
    cast(IReactorProcess, reactor).spawnProcess(
        load, words[0], words, env={"PYTHONDONTWRITEBYTECODE": "1"}, path=str(PROJECT)
    )
    await load.done
    found = Arrived(
        sorted(load.delays), ticks.stop(), time.process_time() - cpu, time.monotonic() - load.first
    )
    await load.gone
    return found


class _Saturating:
    """As fast as the database lets it: pauses and resumes as connections do."""

    ONE_READ: Final = 50
    """Messages of one turn of the reactor."""

    def __init__(self, journal: Journal, clock: Clock, facts: Sequence[Reported]) -> None:
        self._journal = journal
        self._clock = clock
        self._facts = facts
        self._sent = 0
        self._paused = False
        self.delays: list[float] = []
        self.done: Deferred[None] = Deferred()

    def pauseProducing(self) -> None:
        """Too much waits."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on, in the next turn."""
        self._paused = False
        self._clock.later(0, self.send)

    def send(self) -> None:
        """One turn's messages, and the next turn's later."""
        for fact in self._facts[self._sent : self._sent + self.ONE_READ]:
            self._sent += 1
            self._journal.record([fact]).addCallback(self._stored, time.monotonic())
        if self._sent < len(self._facts) and not self._paused:
            self._clock.later(0, self.send)

    def _stored(self, _: Recorded[Kept], sent: float) -> None:
        self.delays.append(time.monotonic() - sent)
        if len(self.delays) == len(self._facts):
            self.done.callback(None)


async def flat_out(
    journal: Journal, database: Database, clock: Clock, facts: Sequence[Reported]
) -> Arrived:
    """Hand all `facts` over as fast as they are taken."""
    load = _Saturating(journal, clock, facts)
    settle()
    database.attach(cast(Any, load))
    ticks, cpu, start = Ticks(clock), time.process_time(), time.monotonic()
    load.send()
    await load.done
    lasted = time.monotonic() - start
    database.detach(cast(Any, load))
    return Arrived(sorted(load.delays), ticks.stop(), time.process_time() - cpu, lasted)
