"""One backup for both databases: whatever made it, either of them takes it back."""

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.pki.keyring import open_keyring
from mytracks.store.care import postgresql_side, sqlite_side
from mytracks.store.care.archive import Manifest
from mytracks.store.care.backup import Source, back_up
from mytracks.store.care.moving import move
from mytracks.store.care.restore import restore
from mytracks.store.care.sides import revision
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.postgresql import opening
from mytracks.store.schema import REVISION
from tests import databases
from tests.store import earlier
from tests.store.care.filled import DELETED, fill, given, held
from tests.whole.daemon import PROJECT

NOW = 1_767_225_600


def nothing(*_: object) -> None:
    """Nobody looks at the progress."""


class BackupCase(SynchronousTestCase):
    """A full folder, an empty one, a place for backups."""

    def setUp(self) -> None:
        self.folder, self.other, self.place = (
            Path(self.mktemp()).absolute(),
            Path(self.mktemp()).absolute(),
            Path(self.mktemp()).absolute(),
        )
        for each in (self.folder, self.other, self.place):
            each.mkdir()
        self.file = fill(self.folder)
        self.backup = self.place / "b.tar"

    def server(self) -> str:
        """An empty database."""
        url = databases.server().database()
        self.addCleanup(databases.server().drop, url)
        return url

    def back_up(self, database: str = "sqlite", file: Path | None = None) -> Manifest:
        """A backup of what is in `folder`, or on a server."""
        source = Source(directory=self.folder, database=database)
        return back_up(source, file or self.backup, NOW, with_keys=True, progress=nothing)

    def restore(self, database: str = "sqlite", file: Path | None = None) -> Manifest:
        """The backup into the other folder, or a server."""
        into = Source(directory=self.other, database=database)
        return restore(file or self.backup, into, Limits(), nothing)

    def assert_restored(self, database: str = "sqlite") -> None:
        """All rows of the full folder are there, and its numbers are not given again."""
        there = (
            sqlite_side.reading(self.other / FILE)
            if database == "sqlite"
            else postgresql_side.reading(database)
        )
        with closing(sqlite_side.reading(self.file)) as ours, closing(there) as theirs:
            self.assertEqual(held(ours), held(theirs))
            self.assertEqual({DELETED}, set(given(theirs).values()))

    def child(self, *words: str, limit: int | None = None) -> subprocess.CompletedProcess[str]:
        """`killed_care` in a process of its own; `limit`: bytes that a file of it may have."""

        def limited() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            [sys.executable, "-m", "tests.store.care.killed_care", *words],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limited,
        )

    def names(self, folder: Path) -> Sequence[str]:
        """What lies there."""
        return sorted(path.name for path in folder.iterdir())


class AcrossTests(BackupCase):
    """From each database into each."""

    def test_from_a_file_into_a_file(self) -> None:
        """Every table and every odd character."""
        made = self.back_up()
        self.assertEqual("sqlite", made.database)
        self.assertEqual(500, made.counts["location"])
        self.assertEqual(made, self.restore())
        self.assert_restored()
        self.assertEqual([FILE], self.names(self.other))

    def test_from_a_file_into_a_server_and_back(self) -> None:
        """The household grows, or gives up its server."""
        self.back_up()
        url = self.server()
        self.restore(url)
        self.assert_restored(url)
        opening.prepare(url, Limits(), NOW)
        again = self.place / "again.tar"
        made = self.back_up(url, again)
        self.assertEqual("postgresql", made.database)
        self.restore(file=again)
        self.assert_restored()
        self.assertEqual([], [name for name in self.names(self.other) if name != FILE])

    def test_a_backup_of_earlier_tables_is_restored_as_it_is(self) -> None:
        """The next start brings them up; on a server they come as today's at once."""
        self.file.unlink()
        with closing(sqlite3.connect(self.file)) as connection:
            connection.executescript(earlier.script("0001", "sqlite"))
        self.back_up()
        before = self.restore().revision
        self.assertLess(before, REVISION)
        url = self.server()
        self.restore(url)
        with closing(postgresql_side.reading(url)) as side:
            self.assertEqual(REVISION, revision(side))
        opening.prepare(url, Limits(), NOW)
        self.assertEqual([FILE], self.names(self.other))

    def test_an_unfinished_copy_is_not_backed_up(self) -> None:
        """It would look like all that there was."""
        url = self.server()
        place = Source(directory=self.folder, database="sqlite")

        def stop(*_: object) -> None:
            raise StoreRefused("enough")

        self.assertRaises(
            StoreRefused, lambda: move(place, url, NOW, node=1, progress=stop, page=10)
        )
        self.assertIn("not finished", str(self.assertRaises(StoreRefused, self.back_up, url)))

    def test_a_text_that_postgresql_cannot_keep_is_named(self) -> None:
        """Else nobody finds it among millions; and nothing of the rest is left behind."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("UPDATE device SET name = 'a' || char(0) || 'b' WHERE id = 2")
            connection.commit()
        self.back_up()
        url = self.server()
        said = str(self.assertRaises(StoreRefused, self.restore, url))
        self.assertIn("name of device [2]", said)
        with closing(postgresql_side.reading(url)) as side:
            self.assertEqual(set(), postgresql_side.names(side))


class BrokenOffTests(BackupCase):
    """Killed, or out of room: the old state or the new one."""

    def test_a_killed_backup_leaves_only_what_the_next_one_replaces(self) -> None:
        """A power cut in the night."""
        for last in range(1, 5):
            done = self.child("backup", str(self.backup), str(self.folder), "sqlite", str(last))
            if done.returncode == 0:
                break
            self.assertEqual(-signal.SIGKILL, done.returncode, done)
            self.assertFalse(self.backup.exists())
        self.backup.unlink(missing_ok=True)
        self.back_up()
        self.assertEqual(["b.tar"], self.names(self.place))

    def test_a_killed_restore_leaves_no_database(self) -> None:
        """Half a database that starts is worse than none."""
        (self.folder / "keyring").write_bytes(b"keys")
        self.back_up()
        for database, moments in (("sqlite", (1, 2, 3)), (self.server(), (1, 3, 5, 12))):
            for last in moments:
                words = (str(self.backup), str(self.other), database, str(last))
                done = self.child("restore", *words)
                self.assertEqual(-signal.SIGKILL, done.returncode, done)
                self.assertFalse((self.other / FILE).exists())
            self.restore(database)
            self.assert_restored(database)
            self.assertEqual(b"keys", (self.other / "keyring").read_bytes())
            for name in self.names(self.other):
                (self.other / name).unlink()

    def test_a_file_that_cannot_grow_is_one_line_and_nothing_is_left(self) -> None:
        """A full stick, a quota, a file system with small files."""
        size = self.file.stat().st_size
        for limit in (size // 2, size + 2000):
            words = ("backup", str(self.backup), str(self.folder), "sqlite", "-1")
            done = self.child(*words, limit=limit)
            self.assertIn("StoreRefused: no backup was made", done.stderr)
            self.assertEqual([], self.names(self.place))

    def test_ctrl_c_leaves_nothing(self) -> None:
        """Even in the middle of SQLite's own work, which loses what interrupted it."""
        self.file.unlink()
        fill(self.folder, 50_000)
        for moment in ("copying the database", "checking the copy", "writing the backup"):

            def progress(what: str, *_: object, moment: str = moment) -> None:
                if what == moment:
                    raise KeyboardInterrupt

            source = Source(directory=self.folder, database="sqlite")
            with self.assertRaises(KeyboardInterrupt):
                back_up(source, self.backup, NOW, with_keys=True, progress=progress)
            self.assertEqual([], self.names(self.place))

    def test_two_at_once_do_not_mix(self) -> None:
        """The second is refused; the first goes on."""

        def progress(what: str, *_: object) -> None:
            if what == "checking the copy":
                said.append(str(self.assertRaises(StoreRefused, self.back_up)))

        said: list[str] = []
        source = Source(directory=self.folder, database="sqlite")
        back_up(source, self.backup, NOW, with_keys=True, progress=progress)
        self.assertIn("another backup", said[0])
        self.restore()
        self.assert_restored()

    def test_a_key_that_goes_meanwhile_makes_it_no_backup(self) -> None:
        """What was copied before is sealed with it: nobody could open that any more."""
        ring = open_keyring(self.folder / "keyring", sealed_exists=False)
        ring.add_key()

        def progress(what: str, *_: object) -> None:
            if what == "checking the copy":
                ring.add_key()
                if rotating:
                    ring.drop(still_named=())

        source = Source(directory=self.folder, database="sqlite")
        rotating = True
        with self.assertRaises(StoreRefused) as caught:
            back_up(source, self.backup, NOW, with_keys=True, progress=progress)
        self.assertIn("make it again", str(caught.exception))
        self.assertEqual([], self.names(self.place))
        rotating = False
        back_up(source, self.backup, NOW, with_keys=True, progress=progress)

    def test_a_damaged_source_is_named_and_not_the_target(self) -> None:
        """Whoever reads it must know which file to worry about."""
        content = bytearray(self.file.read_bytes())
        content[len(content) // 3 : len(content) // 2] = b"\xff" * (
            len(content) // 2 - len(content) // 3
        )
        self.file.write_bytes(content)
        said = str(self.assertRaises(StoreRefused, self.back_up))
        self.assertIn(str(self.file), said)
        self.assertEqual([], self.names(self.place))
