"""Backups that the server makes by itself, by the real command in a process of its own."""

import errno
import os
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.daemon.backups import ScheduledBackups
from mytracks.settings import load
from mytracks.store.care import folder
from tests.store.care.filled import fill

NOW = 1_900_000_000.0
HOUR = 3600


class Crowded:
    """A reactor of a machine that has no room for another process."""

    def spawnProcess(self, *_: Any) -> None:  # noqa: N802  # Twisted's name
        """Refuse."""
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


class Stuck:
    """A reactor, and the one process on it, which never ends."""

    pid = None

    def __init__(self) -> None:
        self.begun = False
        self.heard: list[str] = []

    def spawnProcess(self, child: Any, *_: Any) -> None:  # noqa: N802  # Twisted's name
        """Begin."""
        self.begun = True
        child.makeConnection(self)

    def signalProcess(self, name: str) -> None:  # noqa: N802  # Twisted's name
        """Do nothing."""
        self.heard.append(name)


class ScheduleTests(TestCase):
    """On a real reactor, with a wall clock that says what we want."""

    def setUp(self) -> None:
        self.now = NOW
        self.data = Path(self.mktemp()).absolute()
        self.data.mkdir()
        self.place = self.data / "backups"
        self.said: list[str] = []
        self._heard: Deferred[str] | None = None
        observer = cast(ILogObserver, self.hear)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def hear(self, event: LogEvent) -> None:
        """What the schedule logs."""
        if event.get("log_namespace") != "mytracks.daemon.backups.ScheduledBackups":
            return
        text = str(event["log_format"]).format(**event)
        self.said.append(text)
        heard, self._heard = self._heard, None
        if heard is not None:
            heard.callback(text)

    def opened(self, **settings: str) -> ScheduledBackups:
        """The schedule of a server with these settings."""
        given = {"MYTRACKS_BACKUP__EVERY": "24"} | {
            f"MYTRACKS_BACKUP__{name.upper()}": value for name, value in settings.items()
        }
        reactor: Any = installed
        chosen = load({"data-dir": str(self.data)}, given)
        made = ScheduledBackups(chosen, Clock(reactor, lambda: self.now), reactor, 0.01)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.close()))
        made.open()
        return made

    async def heard(self) -> str:
        """The next line that it logs."""
        self._heard = Deferred()
        self._heard.addTimeout(20, installed)
        return await self._heard

    async def quiet(self) -> None:
        """It has looked, and found nothing to do."""
        for _ in range(20):
            await self.pause()
        self.assertEqual([], self.said)

    async def pause(self) -> None:
        """Let the reactor turn for a moment."""
        waited: Deferred[None] = Deferred()
        Clock(cast(Any, installed)).later(0.005, waited.callback, None)
        await waited

    def kept(self, hours_ago: float) -> Path:
        """A backup that was made then."""
        self.place.mkdir(exist_ok=True)
        path = self.place / folder.name(self.now - hours_ago * HOUR)
        path.write_text("old")
        return path

    async def test_one_is_made_when_there_is_none(self) -> None:
        """The first day counts as well."""
        fill(self.data)
        self.opened()
        self.assertIn("backed up to", await self.heard())
        (made,) = self.place.iterdir()
        self.assertEqual(folder.name(NOW), made.name)
        self.assertEqual(0o700, self.place.stat().st_mode & 0o777)

    async def test_a_restart_neither_repeats_nor_skips_one(self) -> None:
        """The newest file says when the next one is due."""
        fill(self.data)
        self.kept(23)
        self.opened()
        await self.quiet()
        self.now += 2 * HOUR
        self.opened()
        self.assertIn("backed up to", await self.heard())

    async def test_old_ones_go_after_a_success_and_nothing_else_does(self) -> None:
        """A disk must not fill up; a file that somebody put there is theirs."""
        fill(self.data)
        old = [self.kept(hours) for hours in (30, 60, 90)]
        others = [self.place / "mytracks.tar", self.place / "mytracks-20260101T000000Z.tar.gpg"]
        for other in others:
            other.write_text("theirs")
        half = self.place / f"{old[0].name}.database.part"
        half.write_text("of a run that was killed")
        self.opened(keep="2")
        self.assertIn("2 older ones removed", await self.heard())
        left = {path.name for path in self.place.iterdir()}
        self.assertEqual({folder.name(NOW), old[0].name, *(each.name for each in others)}, left)

    async def test_a_failure_is_one_line_and_removes_nothing(self) -> None:
        """Older backups are all that there is then."""
        old = [self.kept(hours) for hours in (30, 60, 90)]
        self.opened(keep="1")
        said = await self.heard()
        self.assertIn("the scheduled backup failed: no backup was made: there is no database", said)
        self.assertEqual({path.name for path in old}, {p.name for p in self.place.iterdir()})

    async def test_a_folder_that_cannot_be_made_is_one_line(self) -> None:
        """The other disk is not there."""
        fill(self.data)
        (self.data / "file").write_text("in the way")
        self.opened(folder="file/below")
        self.assertIn("the scheduled backup failed", await self.heard())

    async def test_where_no_process_can_be_made_it_is_told_and_the_stop_goes_on(self) -> None:
        """A machine that is out of processes once must not go without backups from then on."""
        chosen = load({"data-dir": str(self.data)}, {"MYTRACKS_BACKUP__EVERY": "24"})
        clock = Clock(cast(Any, installed), lambda: self.now)
        made = ScheduledBackups(chosen, clock, Crowded(), 0.01)
        made.open()
        self.assertIn("the scheduled backup failed: ", await self.heard())
        await made.close()

    async def test_files_of_a_clock_that_was_ahead_put_nothing_off(self) -> None:
        """One of next year would end all backups until then, and be kept as the newest."""
        fill(self.data)
        ahead = self.kept(-24 * 365)
        self.opened(keep="1")
        self.assertIn("1 older ones removed", await self.heard())
        self.assertFalse(ahead.exists())
        self.assertEqual([folder.name(NOW)], [path.name for path in self.place.iterdir()])

    async def test_an_unset_clock_makes_none(self) -> None:
        """It would be dated 1970, and be the first to go."""
        fill(self.data)
        self.now = 100.0
        self.opened()
        await self.quiet()

    async def test_none_are_made_unless_they_are_wanted(self) -> None:
        """Whoever has another way is not filled up."""
        fill(self.data)
        self.opened(every="0")
        await self.quiet()
        self.assertFalse(self.place.exists())

    async def test_one_that_hangs_is_broken_off_and_told_once(self) -> None:
        """A disk or a server that answers no more must not end all backups that follow."""
        fill(self.data, 50_000)
        schedule = self.opened(longest="0.00001")
        said = await self.heard()
        self.assertIn("the scheduled backup failed: it is broken off, 1e-05 hours", said)
        while schedule._running is not None:
            await self.pause()
        self.assertEqual([], folder.backups(self.place, NOW))
        self.assertEqual([said], self.said)

    async def test_one_that_cannot_be_ended_holds_up_no_stop(self) -> None:
        """A process that waits for a network mount which is gone hears no signal."""
        chosen = load({"data-dir": str(self.data)}, {"MYTRACKS_BACKUP__EVERY": "24"})
        stuck = Stuck()
        made = ScheduledBackups(chosen, Clock(cast(Any, installed), lambda: self.now), stuck, 0.01)
        made.open()
        while not stuck.begun:
            await self.pause()
        await Deferred.fromCoroutine(made.close()).addTimeout(5, installed)
        self.assertEqual(["TERM", "KILL"], stuck.heard)

    async def test_one_under_way_ends_with_the_server(self) -> None:
        """A stop takes less than five seconds, whatever is under way."""
        fill(self.data, 50_000)
        made = self.opened()
        while not list(self.data.glob("backups/*.part")):
            await self.pause()
        await made.close()
        self.assertEqual(["a backup was broken off by our stop"], self.said)
        self.assertEqual([], folder.backups(self.place, NOW))
