"""Older databases on SQLite become today's, whatever happens on the way."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import FILE, SNAPSHOTS, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.migrating import SCRIPTS, migrate
from mytracks.store.schema import REVISION, ddl
from mytracks.store.sqlite.opening import create, prepare, revision
from mytracks.store.statements import NAMED
from mytracks.store.structure import differences
from tests.store import earlier
from tests.store.cases import NOW

LATER = Path(__file__).parent / "later"
ROOT = Path(__file__).parents[2]
MARKED = [(1, "phone", "mark 1"), (3, "Tablet ü", "mark 3")]
"""The devices of the first revision after both later migrations."""


def structure(path: Path) -> list[Any]:
    """The tables and indexes, as the database tells them, but for the white space."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    return [(*row[:3], " ".join((row[3] or "").split())) for row in rows(path, query)]


def rows(path: Path, query: str) -> list[Any]:
    """What a query finds."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def columns(path: Path, table: str) -> str:
    """The names of a table's columns."""
    found = rows(path, f"SELECT name FROM pragma_table_info('{table}')")
    return ", ".join(name for (name,) in found)


def with_later(folder: Path) -> Path:
    """Our migrations and, after them, those for tests."""
    scripts = folder / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for script in LATER.glob("r*.py"):
        shutil.copy(script, scripts / "versions")
    return scripts


class MigratingCase(SynchronousTestCase):
    """A database of the first revision with something in it, and two migrations after ours."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.scripts = with_later(self.folder)
        self.file = self.earlier("0001")

    def earlier(self, name: str) -> Path:
        """A database of an earlier revision, in a folder of its own."""
        folder = self.folder / name
        folder.mkdir()
        with closing(sqlite3.connect(folder / FILE)) as database:
            database.execute("PRAGMA journal_mode = wal")
            database.executescript(earlier.script(name, "sqlite"))
        return folder / FILE

    def assert_migrated(self, path: Path) -> None:
        """All of both later migrations is there, and nothing of the old content was lost."""
        self.assertEqual("0004", revision(path))
        self.assertEqual(MARKED, rows(path, "SELECT id, name, mark FROM device ORDER BY id"))
        self.assertEqual(
            [(1, 1785008000, 525200000, None), (1, 1785008999, -900000000, None)],
            rows(path, "SELECT device_id, tst, lat, steps FROM location ORDER BY tst"),
        )
        self.assertEqual([(1, "first")], rows(path, "SELECT * FROM trip"))
        self.assertEqual([], rows(path, "PRAGMA foreign_key_check"))
        self.assertEqual([("ok",)], rows(path, "PRAGMA integrity_check"))


class EarlierTests(MigratingCase):
    """Whoever has used an older mytracks keeps all of it."""

    def test_every_earlier_revision_becomes_equal_to_a_fresh_database(self) -> None:
        """Two ways to today's tables, one result: not a constraint differs."""
        fresh = self.folder / "fresh.sqlite3"
        create(fresh, ddl(NAMED["sqlite"]), NOW)
        for name in earlier.REVISIONS:
            old = self.earlier(f"{name}") if name != "0001" else self.file
            self.assertEqual(name, revision(old))
            migrate(old, Limits())
            self.assertEqual(structure(fresh), structure(old))
            with closing(sqlite3.connect(old)) as database:
                told = differences(lambda query: database.execute(query).fetchall(), "sqlite")
            self.assertEqual([], told)

    def test_every_row_of_an_earlier_revision_is_kept(self) -> None:
        """Every value in every column, and numbers once given are not given again."""
        queries = {
            table: f"SELECT {columns(self.file, table)} FROM {table} ORDER BY 1, 2"
            for table in (*earlier.TABLES, "sqlite_sequence")
        }
        before = {table: rows(self.file, query) for table, query in queries.items()}
        for table, found in before.items():
            self.assertGreater(len(found), 0, table)
        migrate(self.file, Limits())
        self.assertEqual(before, {table: rows(self.file, queries[table]) for table in queries})

    def test_the_version_that_migrated_is_noted(self) -> None:
        """A refusal by an older one names it."""
        prepare(self.file.parent, Limits(), NOW)
        query = "SELECT changed FROM setting WHERE name = 'store.version'"
        self.assertEqual([(NOW,)], rows(self.file, query))


class MigratingTests(MigratingCase):
    """What `migrate` promises."""

    def test_the_tables_of_the_code_are_the_newest_revision(self) -> None:
        """A migration that was forgotten is found here."""
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        self.assertEqual([REVISION], ScriptDirectory.from_config(config).get_heads())

    def test_no_migration_copies_the_table_of_locations(self) -> None:
        """Twenty million rows would keep phones out for an hour: it only gets new columns."""
        for script in (SCRIPTS / "versions").glob("r*.py"):
            self.assertNotIn('batch_alter_table("location"', script.read_text(), script.name)

    def test_all_later_migrations_are_run(self) -> None:
        """Content moves along; a table that is copied keeps what refers to it, and is strict."""
        migrate(self.file, Limits(), self.scripts)
        self.assert_migrated(self.file)
        device = dict(rows(self.file, "SELECT name, sql FROM sqlite_schema"))["device"]
        self.assertIn("STRICT", device)
        self.assertIn("AUTOINCREMENT", device)

    def test_nothing_is_done_where_nothing_is_to_do(self) -> None:
        """No snapshot of gigabytes at every start."""
        today = self.folder / "today"
        today.mkdir()
        create(today / FILE, ddl(NAMED["sqlite"]), NOW)
        migrate(today / FILE, Limits())
        self.assertFalse((today / SNAPSHOTS).exists())

    def test_a_newer_database_is_refused_and_not_touched(self) -> None:
        """Who went back to an older version is told which one made it."""
        migrate(self.file, Limits(), self.scripts)
        before = structure(self.file), list((self.file.parent / SNAPSHOTS).iterdir())
        with self.assertRaises(StoreRefused) as refused:
            migrate(self.file, Limits())
        line = str(refused.exception)
        self.assertIn("made by a newer mytracks (0.1.0, tables 0004)", line)
        self.assertIn(f"knows tables up to {REVISION}", line)
        self.assertNotIn("\n", line)
        after = structure(self.file), list((self.file.parent / SNAPSHOTS).iterdir())
        self.assertEqual(before, after)

    def test_a_snapshot_of_before_is_whole(self) -> None:
        """The way back when an update was a mistake."""
        before = structure(self.file), rows(self.file, "SELECT * FROM location")
        migrate(self.file, Limits(), self.scripts)
        (kept,) = (self.file.parent / SNAPSHOTS).iterdir()
        self.assertEqual("before-0002.sqlite3", kept.name)
        self.assertEqual(before, (structure(kept), rows(kept, "SELECT * FROM location")))
        self.assertEqual(0o600, kept.stat().st_mode & 0o777)

    def test_without_room_for_the_snapshot_nothing_is_begun(self) -> None:
        """A disk that fills up in the middle of an update is the worst moment to be without."""
        before = structure(self.file)
        # A file with a hole as large as twice what is free: it takes no room itself.
        os.truncate(self.file, 2 * shutil.disk_usage(self.folder).free // 4096 * 4096)
        with self.assertRaises(StoreRefused) as refused:
            migrate(self.file, Limits())
        self.assertRegex(str(refused.exception), r"before migrating needs \d+ free bytes in .*")
        self.assertEqual(before, structure(self.file))
        self.assertEqual([], list((self.file.parent / SNAPSHOTS).iterdir()))

    def test_only_the_newest_snapshots_are_kept(self) -> None:
        """Each is as large as the database; half a one is not counted, and replaced."""
        snapshots = self.file.parent / SNAPSHOTS
        snapshots.mkdir()
        for name in ("before-0000.sqlite3", "before-0001.sqlite3", "before-0002.part"):
            (snapshots / name).write_bytes(b"old")
        migrate(self.file, Limits(snapshots=2), self.scripts)
        names = {path.name for path in snapshots.iterdir()}
        self.assertEqual({"before-0002.sqlite3", "before-0001.sqlite3"}, names)

    def test_a_start_without_migration_loads_neither_alembic_nor_the_other_database(self) -> None:
        """Megabytes and tenths of a second of every start."""
        code = (
            "import sys; from pathlib import Path; from mytracks.settings import load;"
            " from mytracks.store.open import open_store, prepare;"
            " settings = load({'data-dir': sys.argv[1]}, {});"
            " prepare(settings.data_dir, settings.store, 0);"
            " sys.exit(', '.join({'alembic', 'psycopg2', 'txpostgres'} & set(sys.modules)) or 0)"
        )
        today = self.folder / "today"
        subprocess.run([sys.executable, "-c", code, str(today)], check=True, cwd=ROOT)


class KilledTests(MigratingCase):
    """A power cut in the middle of an update."""

    def test_a_migration_killed_before_any_statement_is_finished_by_the_next_start(self) -> None:
        """Wherever it stopped, the content is right in the end, and a snapshot is there."""
        copies = self.folder / "copies"
        copies.mkdir()
        arguments = ["sqlite", str(self.file), str(self.scripts), str(copies)]
        ran = subprocess.run(
            [sys.executable, "-m", "tests.store.killed_migration", *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        killed = int(ran.stdout)
        self.assertGreater(killed, 40)
        found = []
        for number in range(1, killed + 1):
            copy = copies / str(number) / FILE
            found.append(revision(copy))
            migrate(copy, Limits(), self.scripts)
            self.assert_migrated(copy)
            self.assertTrue((copy.parent / SNAPSHOTS / "before-0002.sqlite3").exists())
        self.assertEqual(sorted(found), found)
        self.assertEqual({"0001", "0002", "0003"}, set(found))
