"""A database is copied into another kind of database and back, whatever happens meanwhile."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.care import postgresql_side, sqlite_side
from mytracks.store.care.backup import Source
from mytracks.store.care.making import hold_node
from mytracks.store.care.moving import Moved, move
from mytracks.store.care.sides import kept
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.postgresql import listening, opening
from tests import databases
from tests.store.care.filled import DELETED, fill, given, held
from tests.store.care.killed_move import PAGE
from tests.whole.daemon import PROJECT

NOW = 1_767_225_600


class MovingCase(SynchronousTestCase):
    """Two folders, one of them full, and an empty database on a server."""

    def setUp(self) -> None:
        self.folder, self.back = Path(self.mktemp()), Path(self.mktemp())
        for each in (self.folder, self.back):
            each.mkdir()
        self.file = fill(self.folder)
        self.url = databases.server().database()
        self.addCleanup(databases.server().drop, self.url)

    def move(self, folder: Path, source: str, target: str) -> Moved:
        """One run to its end."""
        place = Source(directory=folder, database=source)
        return move(place, target, NOW, node=1, progress=lambda *_: None, page=PAGE)

    def assert_server_holds(self) -> None:
        """What the file holds, no more and no less."""
        with (
            closing(sqlite_side.reading(self.file)) as ours,
            closing(postgresql_side.reading(self.url)) as theirs,
        ):
            self.assertEqual(held(ours), held(theirs))
            self.assertEqual(given(ours), given(theirs))

    def killed(self, folder: Path, source: str, target: str, last: int) -> int:
        """The exit status of a run that ends itself at its `last` report."""
        words = [sys.executable, "-m", "tests.store.care.killed_move", str(folder.absolute())]
        done = subprocess.run(
            [*words, source, target, str(last)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertIn(done.returncode, (0, -signal.SIGKILL), done)
        return done.returncode


class MovingTests(MovingCase):
    """There and back."""

    def test_everything_arrives_and_comes_back(self) -> None:
        """Every table, every odd character, and no number is given twice."""
        moved = self.move(self.folder, "sqlite", self.url)
        self.assertFalse(moved.resumed)
        self.assertEqual(500, moved.tables["location"].rows)
        self.assert_server_holds()
        opening.prepare(self.url, Limits(), NOW)
        with closing(postgresql_side.reading(self.url)) as moved_to:
            for table in kept():
                if table.counted:
                    highest = DELETED if table.numbered else 3
                    sequence = f"SELECT last_value FROM {table.name}_id_seq"
                    self.assertEqual([(highest,)], list(moved_to.ask(sequence)), table.name)
        self.move(self.back, self.url, "sqlite")
        with (
            closing(sqlite_side.reading(self.file)) as ours,
            closing(sqlite_side.reading(self.back / FILE)) as theirs,
        ):
            self.assertEqual(held(ours), held(theirs))
            self.assertEqual({DELETED}, set(given(theirs).values()))
        self.assertEqual([FILE], [path.name for path in self.back.iterdir()])

    def test_one_server_to_another(self) -> None:
        """A new machine for the database."""
        self.move(self.folder, "sqlite", self.url)
        other = databases.server().database()
        self.addCleanup(databases.server().drop, other)
        self.move(self.back, self.url, other)
        self.url = other
        self.assert_server_holds()

    def test_killed_at_any_moment_it_finishes_when_run_again(self) -> None:
        """A power cut in the night of the move costs a second run, nothing else."""
        for last in (1, 3, 7, 12):
            self.killed(self.folder, "sqlite", self.url, last)
        # Not finished: nobody starts on it, nobody takes it for a backup's source.
        for refused in (
            lambda: opening.prepare(self.url, Limits(), NOW),
            lambda: self.move(self.back, self.url, "sqlite"),
        ):
            error = self.assertRaises(StoreRefused, refused)
            self.assertIn("not finished", str(error))
        moved = self.move(self.folder, "sqlite", self.url)
        self.assertTrue(moved.resumed)
        self.assertLess(moved.rows, sum(each.rows for each in moved.tables.values()))
        self.assert_server_holds()
        for last in (1, 5, 9):
            self.killed(self.back, self.url, "sqlite", last)
            self.assertFalse((self.back / FILE).exists())
        self.move(self.back, self.url, "sqlite")
        with (
            closing(sqlite_side.reading(self.file)) as ours,
            closing(sqlite_side.reading(self.back / FILE)) as theirs,
        ):
            self.assertEqual(held(ours), held(theirs))

    def test_a_source_that_was_used_between_two_runs_is_copied_anew(self) -> None:
        """Somebody started the server again in between: what it took must not be lost."""
        self.killed(self.folder, "sqlite", self.url, 30)
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("UPDATE user_account SET display = 'changed' WHERE id = 1")
            connection.execute("DELETE FROM audit WHERE id = 2")
            connection.commit()
        self.move(self.folder, "sqlite", self.url)
        self.assert_server_holds()

    def test_a_database_that_a_process_of_any_node_uses_is_not_copied(self) -> None:
        """What that one stores meanwhile would be missing."""
        self.move(self.folder, "sqlite", self.url)
        for node in (1, 2):
            with closing(postgresql_side.writing(self.url)) as other:
                hold_node(other, node)
                error = self.assertRaises(StoreRefused, self.move, self.back, self.url, "sqlite")
                self.assertIn(f"node {node}", str(error))
        self.assertEqual([], list(self.back.iterdir()))

    def test_one_that_begins_while_it_is_copied_is_noticed(self) -> None:
        """The copy is not called finished then."""
        self.move(self.folder, "sqlite", self.url)
        with closing(postgresql_side.writing(self.url)) as other:
            begun: list[str] = []

            def progress(what: str, *_: object) -> None:
                if not begun:
                    other.ask("SELECT pg_try_advisory_lock(%s, 2)", (listening.LOCK,))
                begun.append(what)

            place = Source(directory=self.back, database=self.url)
            error = self.assertRaises(
                StoreRefused, lambda: move(place, "sqlite", NOW, node=1, progress=progress)
            )
        self.assertIn("node 2", str(error))
        self.assertFalse((self.back / FILE).exists())

    def test_one_that_was_finished_is_finished_when_run_again(self) -> None:
        """Killed after the very end, it told nobody: whoever runs it again learns of it."""
        self.move(self.folder, "sqlite", self.url)
        again = self.move(self.folder, "sqlite", self.url)
        self.assertTrue(again.before)
        self.assertEqual((0, 500), (again.rows, again.tables["location"].rows))
        self.move(self.back, self.url, "sqlite")
        self.assertTrue(self.move(self.back, self.url, "sqlite").before)
        self.assert_server_holds()

    def test_a_target_that_was_used_is_refused(self) -> None:
        """Nobody's data is overwritten, and what is not the same is not called a copy."""
        self.move(self.folder, "sqlite", self.url)
        self.move(self.back, self.url, "sqlite")
        with closing(sqlite3.connect(self.back / FILE)) as connection:
            connection.execute("DELETE FROM audit WHERE id = 2")
            connection.commit()
        error = self.assertRaises(StoreRefused, self.move, self.back, self.url, "sqlite")
        self.assertIn("there already", str(error))
        with closing(postgresql_side.writing(self.url)) as used, used.transaction():
            used.run("INSERT INTO writer_mark (node, batch) VALUES (1, 0)")
        error = self.assertRaises(StoreRefused, self.move, self.folder, "sqlite", self.url)
        self.assertIn("used since", str(error))

    def test_a_source_that_was_used_since_is_told_of(self) -> None:
        """The copy lacks what the source took after it."""
        self.move(self.folder, "sqlite", self.url)
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("DELETE FROM audit WHERE id = 2")
            connection.commit()
        error = self.assertRaises(StoreRefused, self.move, self.folder, "sqlite", self.url)
        self.assertIn("used since", str(error))

    def test_a_target_of_another_kind_is_refused(self) -> None:
        """Tables of another program, a file that is none of ours."""
        databases.server().ask("CREATE TABLE theirs (id int)", self.url.rpartition("/")[2])
        error = self.assertRaises(StoreRefused, self.move, self.folder, "sqlite", self.url)
        self.assertIn("not empty (theirs", str(error))
        other = databases.server().database()
        self.addCleanup(databases.server().drop, other)
        self.move(self.folder, "sqlite", other)
        for theirs in (b"", b"no database at all" * 100):
            (self.back / FILE).write_bytes(theirs)
            error = self.assertRaises(StoreRefused, self.move, self.back, other, "sqlite")
            self.assertIn("there already", str(error))
            self.assertEqual(theirs, (self.back / FILE).read_bytes())

    def test_an_unfinished_copy_of_another_database_is_refused(self) -> None:
        """Two halves of two households are not one household."""
        self.killed(self.folder, "sqlite", self.url, 5)
        fill(self.back)
        error = self.assertRaises(StoreRefused, self.move, self.back, "sqlite", self.url)
        self.assertIn("unfinished copy of", str(error))

    def test_what_is_wrong_with_a_server_is_one_line_without_the_password(self) -> None:
        """It is pasted into a report."""
        for url in (
            databases.server().url("nowhere"),
            databases.server().url(password="wrong"),
            "postgresql://mytracks:word@127.0.0.1:1/none",
        ):
            error = self.assertRaises(StoreRefused, self.move, self.folder, "sqlite", url)
            self.assertEqual(1, len(str(error).splitlines()))
            self.assertNotIn("word", str(error).replace("password", ""))
