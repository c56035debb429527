"""The power goes off: what was acknowledged is on the disk, and a start is possible.

A kill cannot show it, since the kernel keeps what a process wrote. Here the data directory lies on
a file system that forgets everything that was not synced (`forgetful.py`). Where there is no FUSE
the order of system calls (`test_system_calls.py`) has to do.

`MYTRACKS_POWER_ROUNDS` sets the number of cuts under load; with `MYTRACKS_POWER_STEPS=1` the power
is cut before each change to the disk, not just before some.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from threading import Event
from typing import Any
from unittest import SkipTest

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import FILE
from tests import databases
from tests.faults.forgetful_disk import ForgetfulDisk, why_not
from tests.faults.mounts import unmount_below
from tests.faults.mutants import command
from tests.faults.recorder import Verdict
from tests.faults.test_kill import KillCase
from tests.whole.daemon import PROJECT, Daemon, scratch
from tests.whole.patience import until

ROUNDS = 6
UNASKED = (0.0, 0.1, 0.6)
"""Chances of a change to be written before anybody asks."""


@cache
def refusal() -> str | None:
    """Why none of this can be done here."""
    return why_not()


class LoadCase(KillCase):
    """A daemon under load on a disk that forgets."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or refusal():
            raise SkipTest(reason)

    def on_forgetful_disk(self, daemon: Daemon) -> ForgetfulDisk:
        """Move the data directory to one, which is off."""
        disk = ForgetfulDisk(daemon.home / "disk", daemon.home / "platter")
        self.addCleanup(disk.cut)
        shutil.move(daemon.data, disk.tree / "data")
        daemon.data = disk.place / "data"
        return disk

    def cut_under_load(
        self, daemon: Daemon, disk: ForgetfulDisk, chance: random.Random, early: float
    ) -> None:
        """Power on, load, power off. The process ends a moment before its disk or after it."""
        disk.mount(seed=chance.getrandbits(32), early=early)
        daemon.start()
        before = self.recorder.count
        self.load.start(daemon)
        until(lambda: self.recorder.count > before + 20, 20, "acknowledgements under load")
        Event().wait(chance.uniform(0, 0.5))
        for end in chance.sample((daemon.kill, disk.cut), 2):
            end()
        self.hits += self.recorder.open > 0
        self.load.stop()
        self.check_whole(disk)

    def check_whole(self, disk: ForgetfulDisk) -> None:
        """What is left is a database, once its log is read."""
        copy = disk.place.parent / "copy"
        shutil.copytree(disk.tree / "data", copy)
        with closing(sqlite3.connect(copy / FILE)) as database:
            self.assertEqual([("ok",)], database.execute("PRAGMA integrity_check").fetchall())
        shutil.rmtree(copy)

    def left(self, daemon: Daemon, disk: ForgetfulDisk) -> Verdict:
        """Compare with what lies on the platter."""
        daemon.data = disk.tree / "data"
        return self.verdict(daemon)


class CutUnderLoadTests(LoadCase):
    """Proof 4."""

    def test_nothing_acknowledged_is_lost_and_nothing_comes_twice(self) -> None:
        """The promise that everything else hangs on, where a fuse blows."""
        daemon = self.new_daemon()
        disk = self.on_forgetful_disk(daemon)
        self.prepare(daemon, device_password=False)
        rounds = int(os.environ.get("MYTRACKS_POWER_ROUNDS", ROUNDS))
        for number in range(rounds):
            early = UNASKED[number % len(UNASKED)]
            self.cut_under_load(daemon, disk, random.Random(number), early)
        verdict = self.left(daemon, disk)
        self.log.info(
            "{rounds} power cuts, {hits} with messages under way: {verdict}",
            rounds=rounds,
            hits=self.hits,
            verdict=str(verdict),
        )
        self.assertTrue(verdict.clean, f"{verdict}\n{sorted(verdict.lost)[:20]}")
        self.assertGreater(verdict.acknowledged, 20 * rounds)
        self.assertGreater(self.hits, 0, "no cut met a message under way")

    def test_a_writer_that_does_not_wait_for_the_disk_is_caught(self) -> None:
        """The test of the test: with `synchronous` off, and with what SQLite calls normal."""
        for level in ("off", "normal"):
            daemon = self.new_daemon(command=command(level))
            disk = self.on_forgetful_disk(daemon)
            self.prepare(daemon, device_password=False)
            self.cut_under_load(daemon, disk, random.Random(1), 0.0)
            daemon.command = None
            verdict = self.left(daemon, disk)
            self.assertTrue(verdict.lost, str(verdict))


class StepTests(SynchronousTestCase):
    """The power is cut before a change to the disk: before the first, the eighth, and so on."""

    log = Logger()

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or refusal():
            raise SkipTest(reason)

    def told(self, scenario: str, stride: int, mutant: str = "") -> dict[str, Any]:
        """What `power_steps` found."""
        folder = scratch()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.addCleanup(unmount_below, folder)
        stride = int(os.environ.get("MYTRACKS_POWER_STEPS", stride))
        words = ("-m", "tests.faults.power_steps", scenario, folder, str(stride), mutant)
        ran = subprocess.run(
            [sys.executable, *words], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        self.assertEqual(0, ran.returncode, ran.stderr)
        found: dict[str, Any] = json.loads(ran.stdout)
        self.log.info("{scenario}: {found}", scenario=scenario, found=found)
        return found

    def check(self, scenario: str, stride: int) -> None:
        """Nothing is wrong after any cut."""
        told = self.told(scenario, stride)
        self.assertEqual({}, told["problems"])
        self.assertGreater(told["cuts"], 15)

    def test_a_first_start_that_breaks_off_can_be_repeated(self) -> None:
        """Nothing that a later start would take for a database, or for the rest of one; and the
        folder itself is there for good before anything in it is acknowledged."""
        self.check("making", 7)

    def test_folding_the_log_loses_nothing(self) -> None:
        """Pages are written in place then, and the log is cut off: the one moment at which a page
        torn in half could be the only one."""
        self.check("folding", 11)

    def test_a_migration_goes_on_and_its_snapshot_is_whole(self) -> None:
        """Whatever the tables have become, there is a way back."""
        self.check("migrating", 17)

    def test_what_is_not_synced_is_caught(self) -> None:
        """The test of the test: a folder without a durable name, commits and snapshots without."""
        for scenario, mutant in (
            ("making", "folder"),
            ("folding", "commits"),
            ("migrating", "names"),
        ):
            self.assertTrue(self.told(scenario, 40, mutant)["problems"], mutant)
