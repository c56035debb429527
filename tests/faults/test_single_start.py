"""One data directory, one process, by whatever path, however the one before ended."""

import os
import shutil
from pathlib import Path
from unittest import SkipTest

from tests import databases
from tests.faults.mutants import command
from tests.whole.cases import ANA, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.patience import until


class SingleStartTests(WholeCase):
    """Two writers on one database, or two brokers for one phone, would lose data."""

    def beside(self, first: Daemon, data: Path) -> Daemon:
        """Another daemon with the same settings, on `data`."""
        second = Daemon(database=first.database)
        self.addCleanup(second.close)
        second.data = data
        return second

    def test_of_two_started_at_once_one_serves(self) -> None:
        """A supervisor and a person, both in a hurry after a failure."""
        first = self.new_daemon()
        both = (first, self.beside(first, first.data))
        for daemon in both:
            daemon.launch()
        until(lambda: not all(daemon.running for daemon in both), 30, "one of them ended")
        (serving,) = [daemon for daemon in both if daemon.running]
        (refused,) = [daemon for daemon in both if daemon is not serving]
        self.assertEqual(1, refused.wait())
        self.assert_one_clear_line(refused.log, "already running", f"pid {serving.pid}")
        serving.expect_line("serves http")

    def test_another_path_to_the_same_directory_does_not_help(self) -> None:
        """`/var/lib/mytracks` and the disk it is a link to."""
        first = self.new_daemon().start()
        link = first.home / "link"
        link.symlink_to(first.data)
        ended = self.beside(first, link).fail_to_start()
        self.assertEqual(1, ended.code)
        self.assert_one_clear_line(ended.out, "already running", f"pid {first.pid}")

    def test_the_number_in_an_old_lock_file_means_nothing(self) -> None:
        """A killed process leaves it behind, and its number may be anybody's by now."""
        daemon = self.new_daemon().start()
        daemon.kill()
        (daemon.data / "lock").write_text(f"{os.getpid()}\n")
        daemon.start()
        self.assertEqual(f"{daemon.pid}\n", (daemon.data / "lock").read_text())

    def test_a_copied_directory_is_another_one(self) -> None:
        """Somebody tries an upgrade on a copy while the old one serves."""
        first = self.new_daemon().start()
        self.signed_in(first, ANA).publish(f"owntracks/{ANA}/p", wire(fix()))
        first.kill()
        copy = first.home / "copy"
        shutil.copytree(first.data, copy, ignore=shutil.ignore_patterns("*.sock"))
        first.start()
        second = self.beside(first, copy)
        if first.database.startswith("postgresql:"):
            ended = second.fail_to_start()
            self.assert_one_clear_line(ended.out, "node")
            return
        second.start()
        for daemon in (first, second):
            rows = self.web(daemon, ANA).get("/api/locations").json()
            self.assertEqual(1, rows["count"])

    def test_a_command_that_reaches_no_daemon_does_not_write_beside_one(self) -> None:
        """Its socket may be gone, or not there yet; the lock still says who is there."""
        daemon = self.new_daemon().start()
        (daemon.data / "control.sock").unlink()
        done = daemon.cli("user", "disable", ANA)
        self.assertEqual(1, done.code)
        self.assert_one_clear_line(done.err, "already running", f"pid {daemon.pid}")
        self.assertEqual(200, self.web(daemon, ANA).get("/api/locations").status)

    def test_a_server_without_a_lock_is_caught(self) -> None:
        """The test of the test. (A server of databases has a lock of its own behind ours.)"""
        if databases.ONLY_SQLITE:
            raise SkipTest(databases.ONLY_SQLITE)
        first = self.new_daemon(command=command("lockless")).start()
        second = self.beside(first, first.data)
        second.command = first.command
        second.start()
        self.assertTrue(first.running and second.running)
