"""Backups that the server makes by itself, in a process of their own and one at a time.

That process looks at the folder, writes and removes (`store.care.scheduled`): the folder may be on
a disk that hangs. Here is only when to begin one, and how long it may take.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final

from attrs import asdict
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Overdue
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock, Repeating
from mytracks.settings import PREFIX, Settings
from mytracks.store.care.limits import HOUR

FIRST_LOOK: Final = 5.0
"""Seconds after the start: phones come first."""
BETWEEN_LOOKS: Final = 60.0
"""Seconds."""
AFTER_FAILURE: Final = 3600.0
"""Seconds until a backup that failed is tried again."""
FAREWELL: Final = 1.0
"""Seconds for a backup under way to end when we stop."""

_NICENESS: Final = 10
_MOST_SAID: Final = 4096


class Course(Enum):
    """How a backup under way ends."""

    DONE = "done"
    """By itself, well or not."""
    STOPPED = "stopped"
    """The server ends."""
    LATE = "late"
    """It took too long."""


class ScheduledBackups:
    """Owns the timer and the process of a backup under way."""

    log = Logger()

    def __init__(
        self, settings: Settings, clock: Clock, reactor: Any, first_look: float = FIRST_LOOK
    ) -> None:
        self._settings = settings
        self._limits = settings.backup
        self._clock = clock
        self._reactor = reactor
        self._first_look = first_look
        self._first: IDelayedCall | None = None
        self._looks = Repeating(clock, BETWEEN_LOOKS, self._look, "looking whether to back up")
        self._running: _Child | None = None
        self._not_before = 0.0
        self._newest = 0
        """UTC seconds of the newest backup, as a child has found or made it."""

    def open(self) -> None:
        """Look from time to time whether one is due; never, where none are wanted."""
        if self._limits.every:
            self._first = self._clock.later(self._first_look, self._look)
            self._looks.start()

    async def close(self) -> None:
        """Begin none any more; one that is under way is broken off."""
        self._looks.stop()
        if self._first is not None and self._first.active():
            self._first.cancel()
        if self._running is not None:
            await self._running.end()

    def _look(self) -> None:
        if self._running is None and self._clock.seconds() >= self._not_before and self._due():
            try:
                self._begin()
            except OSError as error:
                self._failed(str(error.strerror or error))

    def _due(self) -> bool:
        """As far as we know: the child looks at the files before it makes one."""
        if self._clock.doubt() is not None:
            # It would be named and sorted after a day that never was.
            return False
        age = self._clock.now() - self._newest
        # A clock that was ahead must not put off all that follow.
        return not 0 <= age < self._limits.every * HOUR

    def _begin(self) -> None:
        words = [sys.executable, "-m", "mytracks.cli", "back-up-if-due", "--json"]
        words += ["--at", str(int(self._clock.now()))]
        child = _Child(self._clock, self._limits.longest * HOUR, self._late, self._ended)
        # What the database is may hold a password: arguments can be read by everybody.
        self._reactor.spawnProcess(child, words[0], words, _environment(self._settings))
        # Only now: where no process could be made, none is under way.
        self._running = child
        child.be_nice()

    def _late(self) -> None:
        # Told now: a process that waits for a disk may not end for a long time.
        self._failed(f"it is broken off, {self._limits.longest:g} hours were not enough")

    def _ended(self, course: Course, said: str) -> None:
        self._running = None
        if course is Course.STOPPED:
            self.log.info("a backup was broken off by our stop")
        elif course is Course.DONE:
            last = (said.strip().splitlines() or ["it ended without a word"])[-1]
            try:
                self._told(json.loads(last))
            except ValueError:
                self._failed(last)

    def _told(self, said: Mapping[str, Any]) -> None:
        if "error" in said:
            self._failed(said["error"]["text"])
            return
        self._newest = said["newest"]
        if said["file"] is not None:
            self.log.info(
                "backed up to {file} ({size} bytes), {gone} older ones removed",
                file=said["file"],
                size=said["size"],
                gone=said["gone"],
            )

    def _failed(self, why: str) -> None:
        self._not_before = self._clock.seconds() + AFTER_FAILURE
        self.log.error("the scheduled backup failed: {why}", why=why)


class _Child(ProcessProtocol):
    """A backup under way. `late`: called after `longest` seconds, when it is broken off; `ended`:
    with what it has said."""

    def __init__(
        self,
        clock: Clock,
        longest: float,
        late: Callable[[], object],
        ended: Callable[[Course, str], object],
    ) -> None:
        self._clock = clock
        self._late = late
        self._ended = ended
        self._said = b""
        self._gone: Deferred[None] = Deferred()
        self._course = Course.DONE
        self._longest = longest
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """It has begun."""
        self._timer = self._clock.later(self._longest, self._too_long)

    def be_nice(self) -> None:
        """Whoever waits for an acknowledgement goes first."""
        pid = self._process().pid
        if pid is not None:
            os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)

    async def end(self) -> None:
        """Break it off, at last by force."""
        if not self._gone.called:
            self._break_off(Course.STOPPED)
            # One that waits for a disk which hangs cannot be ended: it is left behind.
            self._gone.addTimeout(2 * FAREWELL, self._clock.timers)
            with suppress(Overdue):
                await self._gone

    def outReceived(self, data: bytes) -> None:
        """What became of it is said here."""
        self._said = (self._said + data)[-_MOST_SAID:]

    def errReceived(self, data: bytes) -> None:
        """What is refused is said here."""
        self._said = (self._said + data)[-_MOST_SAID:]

    def processEnded(self, reason: Failure) -> None:
        """It is over, and nothing of it is left."""
        self._calm()
        if reason.check(ProcessDone):
            # It was done before it heard of any end.
            self._course = Course.DONE
        self._ended(self._course, self._said.decode("utf-8", "replace"))
        if not self._gone.called:
            self._gone.callback(None)

    def _too_long(self) -> None:
        self._late()
        self._break_off(Course.LATE)

    def _break_off(self, course: Course) -> None:
        self._course = course
        self._calm()
        self._signal("TERM")
        self._timer = self._clock.later(FAREWELL, self._signal, "KILL")

    def _calm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _signal(self, name: str) -> None:
        try:
            self._process().signalProcess(name)
        except ProcessExitedAlready:
            return

    def _process(self) -> Any:
        return self.transport


def _environment(settings: Settings) -> Mapping[str, str]:
    """Ours, but of our settings only those that say whose data it is about, and what is wanted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {"data_dir": str(settings.data_dir), "database": settings.database}
    ours |= {f"backup__{name}": str(value) for name, value in asdict(settings.backup).items()}
    if settings.config is not None:
        ours["config"] = str(settings.config)
    return kept | {PREFIX + name.upper(): value for name, value in ours.items()}
