"""The data directory is private and held by one process."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.data_dir import DataDirLock, DataDirRefused, make_private


class DataDirTests(SynchronousTestCase):
    """Where everybody's places lie."""

    def test_it_is_made_for_its_owner_alone(self) -> None:
        """Other users of the machine have no business in it."""
        directory = Path(self.mktemp()) / "deep" / "data"
        make_private(directory)
        self.assertEqual(0o700, directory.stat().st_mode & 0o777)

    def test_a_file_in_its_place_is_refused_in_one_line(self) -> None:
        """Whoever mistyped the path reads what is wrong."""
        path = Path(self.mktemp())
        path.write_text("in the way")
        with self.assertRaises(DataDirRefused) as caught:
            make_private(path)
        self.assertIn(str(path), str(caught.exception))

    def test_a_second_holder_is_told_the_pid_of_the_first(self) -> None:
        """Two daemons on one database would be the end of it."""
        directory = Path(self.mktemp())
        make_private(directory)
        first = DataDirLock(directory)
        first.acquire()
        self.addCleanup(first.release)
        with self.assertRaises(DataDirRefused) as caught:
            DataDirLock(directory).acquire()
        self.assertIn(f"pid {os.getpid()}", str(caught.exception))

    def test_it_can_be_taken_again_once_released(self) -> None:
        """A restart must never wait for an old lock file to be removed by hand."""
        directory = Path(self.mktemp())
        make_private(directory)
        first, second = DataDirLock(directory), DataDirLock(directory)
        first.acquire()
        first.release()
        second.acquire()
        second.release()
