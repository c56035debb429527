"""Older databases become today's, whatever happens on the way."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import FILE, SNAPSHOTS
from mytracks.store.limits import Limits
from mytracks.store.migrating import SCRIPTS, migrate
from mytracks.store.schema import REVISION, ddl
from mytracks.store.sqlite.opening import create, revision
from mytracks.store.statements import NAMED
from tests.store.cases import NOW

LATER = Path(__file__).parent / "later"
ROOT = Path(__file__).parents[2]


def structure(path: Path) -> list[Any]:
    """The tables and indexes, as the database tells them, but for the white space."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    return [(*row[:3], " ".join((row[3] or "").split())) for row in rows(path, query)]


def rows(path: Path, query: str) -> list[Any]:
    """What a query finds."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


class MigratingCase(SynchronousTestCase):
    """A database of the first revision with something in it, and two later migrations."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.file = self.folder / FILE
        self.scripts = self.folder / "scripts"
        shutil.copytree(SCRIPTS, self.scripts, ignore=shutil.ignore_patterns("__pycache__"))
        for script in LATER.glob("r*.py"):
            shutil.copy(script, self.scripts / "versions")
        create(self.file, ddl(NAMED["sqlite"]), NOW)
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("PRAGMA journal_mode = wal")
            database.execute(
                "INSERT INTO user_account VALUES (1, 'ana', '', 0, '', NULL, 0, '', 0, '{}', 0, 0)"
            )
            database.execute(
                "INSERT INTO device (id, user_id, name, created, seen) VALUES (1, 1, 'a', 0, 0),"
                " (2, 1, 'b', 0, 0)"
            )
            database.execute(
                "INSERT INTO location (device_id, tst, seq, lat, lon, via, flags)"
                " VALUES (1, 5, 7, 1, 2, 1, 0), (2, 6, 8, 3, 4, 1, 0)"
            )
            database.commit()

    def assert_migrated(self, path: Path) -> None:
        """All of both later migrations is there, and nothing of the old content was lost."""
        self.assertEqual("0004", revision(path))
        self.assertEqual(
            [(1, "a", "mark 1"), (2, "b", "mark 2")],
            rows(path, "SELECT id, name, mark FROM device ORDER BY id"),
        )
        self.assertEqual(
            [(1, 5, 1, None), (2, 6, 3, None)],
            rows(path, "SELECT device_id, tst, lat, steps FROM location ORDER BY tst"),
        )
        self.assertEqual([(1, "first")], rows(path, "SELECT * FROM trip"))
        self.assertEqual([], rows(path, "PRAGMA foreign_key_check"))
        self.assertEqual([("ok",)], rows(path, "PRAGMA integrity_check"))


class MigratingTests(MigratingCase):
    """What `migrate` promises."""

    def test_an_upgraded_database_equals_a_fresh_one(self) -> None:
        """Two ways to today's tables, one result."""
        upgraded = self.folder / "upgraded.sqlite3"
        engine = create_engine(f"sqlite:///{upgraded}", poolclass=NullPool)
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        self.assertEqual(structure(self.file), structure(upgraded))

    def test_the_tables_of_the_code_are_the_newest_revision(self) -> None:
        """A migration that was forgotten is found here."""
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        self.assertEqual([REVISION], ScriptDirectory.from_config(config).get_heads())

    def test_all_later_migrations_are_run(self) -> None:
        """Content moves along; a table that is copied keeps what refers to it, and is strict."""
        migrate(self.file, Limits(), self.scripts)
        self.assert_migrated(self.file)
        device = dict(rows(self.file, "SELECT name, sql FROM sqlite_master"))["device"]
        self.assertIn("STRICT", device)
        self.assertIn("AUTOINCREMENT", device)

    def test_nothing_is_done_where_nothing_is_to_do(self) -> None:
        """No snapshot of gigabytes at every start."""
        migrate(self.file, Limits())
        self.assertFalse((self.folder / SNAPSHOTS).exists())

    def test_a_snapshot_of_before_is_whole(self) -> None:
        """The way back when an update was a mistake."""
        before = structure(self.file), rows(self.file, "SELECT * FROM location")
        migrate(self.file, Limits(), self.scripts)
        (kept,) = (self.folder / SNAPSHOTS).iterdir()
        self.assertEqual("before-0003.sqlite3", kept.name)
        self.assertEqual(before, (structure(kept), rows(kept, "SELECT * FROM location")))
        self.assertEqual(0o600, kept.stat().st_mode & 0o777)

    def test_only_the_newest_snapshots_are_kept(self) -> None:
        """Each is as large as the database; half a one is not counted, and replaced."""
        snapshots = self.folder / SNAPSHOTS
        snapshots.mkdir()
        for name in ("before-0001.sqlite3", "before-0002.sqlite3", "before-0003.part"):
            (snapshots / name).write_bytes(b"old")
        migrate(self.file, Limits(snapshots=2), self.scripts)
        names = {path.name for path in snapshots.iterdir()}
        self.assertEqual({"before-0003.sqlite3", "before-0002.sqlite3"}, names)

    def test_a_start_without_migration_does_not_load_alembic(self) -> None:
        """Eight megabytes and a tenth of a second of every start."""
        code = (
            "import sys; from pathlib import Path; from mytracks.store.limits import Limits;"
            " from mytracks.store.open import open_store, prepare;"
            " prepare(Path(sys.argv[1]), Limits(), 0); sys.exit('alembic' in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code, str(self.folder)], check=True, cwd=ROOT)


class KilledTests(MigratingCase):
    """A power cut in the middle of an update."""

    def test_a_migration_killed_before_any_statement_is_finished_by_the_next_start(self) -> None:
        """Wherever it stopped, the content is right in the end, and a snapshot is there."""
        copies = self.folder / "copies"
        copies.mkdir()
        arguments = [str(self.file), str(self.scripts), str(copies)]
        ran = subprocess.run(
            [sys.executable, "-m", "tests.store.killed_migration", *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        killed = int(ran.stdout)
        self.assertGreater(killed, 20)
        halfway = 0
        for number in range(1, killed + 1):
            copy = copies / str(number) / FILE
            have = revision(copy)
            halfway += have == "0003"
            self.assertIn(have, ("0002", "0003"))
            migrate(copy, Limits(), self.scripts)
            self.assert_migrated(copy)
            self.assertTrue((copy.parent / SNAPSHOTS / "before-0003.sqlite3").exists())
        self.assertGreater(halfway, 0)
