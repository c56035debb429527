"""The store of a process that is killed, or whose disk fails: what was acknowledged is there."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import FILE

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).parent / "store_shim.c"


class ChildCase(SynchronousTestCase):
    """Runs `store_child` in a folder of the test."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()

    def command(self, scenario: str, first: int = 1) -> list[str]:
        return [
            sys.executable,
            "-m",
            "tests.faults.store_child",
            scenario,
            str(self.folder),
            str(first),
        ]

    def present(self) -> set[int]:
        """The locations in the database, which is whole."""
        with closing(sqlite3.connect(self.folder / FILE)) as database:
            self.assertEqual([("ok",)], database.execute("PRAGMA integrity_check").fetchall())
            return {at for (at,) in database.execute("SELECT tst FROM location")}


class KilledTests(ChildCase):
    """kill -9 at any moment."""

    def test_a_killed_process_loses_nothing_that_it_acknowledged(self) -> None:
        """Several times on the same folder, in the middle of its commits."""
        acknowledged: set[int] = set()
        first = 1
        for round_number in range(1, 5):
            acknowledged |= self.killed(first, 400 * round_number + round_number * 37)
            present = self.present()
            self.assertEqual(set(), acknowledged - present)
            first = max(present) + 1
        self.assertGreater(len(acknowledged), 4000)

    def killed(self, first: int, after: int) -> set[int]:
        """What a process acknowledged until it was killed."""
        with subprocess.Popen(
            self.command("endless", first), cwd=ROOT, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            acknowledged = set()
            for told in _told(child.stdout):
                acknowledged.add(told["acknowledged"])
                if len(acknowledged) == after:
                    child.kill()
            return acknowledged


class FailingDiskTests(ChildCase):
    """A disk that fails on command, by a library loaded before the C library."""

    def setUp(self) -> None:
        super().setUp()
        compiler = shutil.which("cc")
        if compiler is None:
            raise SkipTest("no C compiler to make a failing disk with")
        self.folder.mkdir(parents=True)
        self.library = self.folder / "shim.so"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", str(self.library), str(SHIM), "-ldl"], check=True
        )

    def told(self, flag: str) -> list[dict[str, Any]]:
        """All that the process told, which had this failure in between."""
        environment = {
            **os.environ,
            "LD_PRELOAD": str(self.library),
            flag: str(self.folder / "fail"),
        }
        ran = subprocess.run(
            self.command(flag),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            timeout=60,
            check=True,
        )
        return list(_told(ran.stdout.splitlines()))

    def assert_fatal(self, flag: str, reason: str) -> None:
        """Nothing was acknowledged since, not even after the disk was well again."""
        told = self.told(flag)
        self.assertEqual(50, sum("acknowledged" in each for each in told))
        refusals = [each for each in told if "refused" in each]
        self.assertEqual({"StorageFailed"}, {each["refused"] for each in refusals})
        self.assertEqual(100, len(refusals))
        (fatal,) = [each["fatal"] for each in told if "fatal" in each]
        self.assertIn(reason, fatal)
        self.assertEqual(["failed"] * 2, [each["health"] for each in told if "health" in each])
        self.assertLessEqual(set(range(1, 51)), self.present())

    def test_a_failed_sync_is_the_end_of_writing(self) -> None:
        """What the disk then holds is unknown: going on would build on sand."""
        self.assert_fatal("SHIM_SYNC", "SQLITE_IOERR_FSYNC")

    def test_a_failed_write_is_the_end_of_writing(self) -> None:
        """A card that dies."""
        self.assert_fatal("SHIM_WRITE", "SQLITE_IOERR_WRITE")

    def test_a_read_only_file_system_is_waited_for(self) -> None:
        """The kernel does that after an error; when it is mended, storing goes on by itself."""
        told = self.told("SHIM_READONLY")
        self.assertEqual([], [each for each in told if "fatal" in each])
        refusals = [each for each in told if "refused" in each]
        self.assertEqual({"StorageFull"}, {each["refused"] for each in refusals})
        self.assertEqual(50, len(refusals))
        self.assertIn("Read-only file system", refusals[0]["reason"])
        self.assertNotIn(str(self.folder), refusals[0]["reason"], "phones are told")
        self.assertEqual(["full", "ok"], [each["health"] for each in told if "health" in each])
        acknowledged = {each["acknowledged"] for each in told if "acknowledged" in each}
        self.assertEqual(100, len(acknowledged))
        self.assertEqual(acknowledged, self.present())


def _told(lines: Any) -> Iterator[dict[str, Any]]:
    """Whole lines only: a killed process may leave half of one."""
    for line in lines:
        if line.endswith((b"}\n", b"}")):
            yield json.loads(line)
