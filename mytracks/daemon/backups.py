"""Backups that the server makes by itself, in a process of their own and one at a time.

When the next one is due, the files themselves say: a restart neither skips nor repeats one.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock, Repeating
from mytracks.settings import PREFIX, Settings
from mytracks.store.care import folder

FIRST_LOOK: Final = 5.0
"""Seconds after the start: phones come first."""
BETWEEN_LOOKS: Final = 60.0
"""Seconds."""
AFTER_FAILURE: Final = 3600.0
"""Seconds until a backup that failed is tried again."""
FAREWELL: Final = 1.0
"""Seconds for a backup under way to end when we stop."""

_NICENESS: Final = 10
_HOUR: Final = 3600
_MOST_SAID: Final = 4096


class ScheduledBackups:
    """Owns the timer and the process of a backup under way."""

    log = Logger()

    def __init__(
        self, settings: Settings, clock: Clock, reactor: Any, first_look: float = FIRST_LOOK
    ) -> None:
        self._settings = settings
        self._limits = settings.backup
        self._folder = settings.backup.place(settings.data_dir)
        self._clock = clock
        self._reactor = reactor
        self._first_look = first_look
        self._first: IDelayedCall | None = None
        self._looks = Repeating(clock, BETWEEN_LOOKS, self._look, "looking whether to back up")
        self._running: _Child | None = None
        self._not_before = 0.0

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
            await self._running.end(self._clock)

    def _look(self) -> None:
        if self._running is None and self._clock.seconds() >= self._not_before:
            try:
                if self._due():
                    self._begin()
            except OSError as error:
                self._failed(f"{self._folder}: {error.strerror or error}")

    def _due(self) -> bool:
        if self._clock.doubt() is not None:
            # It would be named and sorted after a day that never was.
            return False
        now = self._clock.now()
        made = [folder.made(path) for path in folder.backups(self._folder, now)]
        # A clock that was ahead must not put off all that follow.
        newest = max((at for at in made if at <= now), default=0)
        return now - newest >= self._limits.every * _HOUR

    def _begin(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.clear(self._folder)
        file = self._folder / folder.name(self._clock.now())
        words = [sys.executable, "-m", "mytracks.cli", "backup", str(file)]
        words += ["--without-keys"] if self._limits.without_keys else []
        child = _Child(lambda code, said: self._ended(file, code, said))
        # What the database is may hold a password: arguments can be read by everybody.
        self._reactor.spawnProcess(child, words[0], words, _environment(self._settings))
        # Only now: where no process could be made, none is under way.
        self._running = child
        child.be_nice()

    def _ended(self, file: Path, code: int | None, said: str) -> None:
        child, self._running = self._running, None
        if child is not None and child.ending and code != 0:
            self.log.info("a backup was broken off by our stop")
            return
        if code != 0:
            last = said.strip().splitlines()[-1:] or [f"it ended with {code}"]
            self._failed(last[0].removeprefix("Error: "))
            return
        try:
            size = file.stat().st_size
            gone = folder.rotate(self._folder, self._limits.keep, folder.made(file))
        except OSError as error:
            self._failed(f"{self._folder}: {error.strerror or error}")
            return
        self.log.info(
            "backed up to {file} ({size} bytes), {gone} older ones removed",
            file=str(file),
            size=size,
            gone=len(gone),
        )

    def _failed(self, why: str) -> None:
        self._not_before = self._clock.seconds() + AFTER_FAILURE
        self.log.error("the scheduled backup failed: {why}", why=why)


class _Child(ProcessProtocol):
    """A backup under way. `ended` is called with its exit status (None: killed) and its words."""

    def __init__(self, ended: Any) -> None:
        self._ended = ended
        self._said = b""
        self._gone: Deferred[None] = Deferred()
        self.ending = False

    def be_nice(self) -> None:
        """Whoever waits for an acknowledgement goes first."""
        pid = self._process().pid
        if pid is not None:
            os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)

    async def end(self, clock: Clock) -> None:
        """Break it off, at last by force."""
        self.ending = True
        self._signal("TERM")
        force = clock.later(FAREWELL, self._signal, "KILL")
        await self._gone
        if force.active():
            force.cancel()

    def errReceived(self, data: bytes) -> None:
        """What is refused is said here."""
        self._said = (self._said + data)[-_MOST_SAID:]

    def processEnded(self, reason: Failure) -> None:
        """It is over, and nothing of it is left."""
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        self._ended(code, self._said.decode("utf-8", "replace"))
        self._gone.callback(None)

    def _signal(self, name: str) -> None:
        try:
            self._process().signalProcess(name)
        except ProcessExitedAlready:
            return

    def _process(self) -> Any:
        return self.transport


def _environment(settings: Settings) -> Mapping[str, str]:
    """Ours, but of our settings only those that say whose data it is about."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {"data_dir": str(settings.data_dir), "database": settings.database}
    if settings.config is not None:
        ours["config"] = str(settings.config)
    return kept | {PREFIX + name.upper(): value for name, value in ours.items()}
