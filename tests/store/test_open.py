"""From a data folder to an open store, or to one line that says why not."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from mytracks import __version__
from mytracks.store.database import StorageFailed
from mytracks.store.files import FILE, SNAPSHOTS, CorruptDatabase, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.notes import VERSION, note
from mytracks.store.open import open_store
from mytracks.store.sqlite.ballast import NAME
from mytracks.store.sqlite.pragmas import READER, WRITER, connect
from mytracks.store.sqlite.readers import Readers
from tests.contracts.database import named, names
from tests.store.cases import QUICK, THREADS, StoreCase
from tests.store.sqlite.test_driver import spoil


class OpenCase(StoreCase):
    """Folders in every state."""

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / FILE

    async def used(self, rows: int = 300) -> None:
        """A folder whose store was used and closed."""
        store = await self.opened()
        for number in range(rows):
            store.database.commit(note(named(number), "x" * 500, 0))
        await store.close()

    async def refused(self, kind: type[StoreRefused], limits: Limits = QUICK) -> str:
        """Why it does not open: one line, and nothing in the folder was touched."""
        before = self.contents()
        error: Any = await self.assertFailure(Deferred.fromCoroutine(self.opened(limits)), kind)
        self.assertIs(kind, type(error))
        self.assertEqual(before, self.contents())
        self.assertNotIn("\n", str(error))
        return str(error)

    def contents(self) -> dict[str, bytes]:
        """Every file but the shared index, which SQLite makes anew."""
        found = self.folder.rglob("*") if self.folder.exists() else iter(())
        return {
            str(path): path.read_bytes()
            for path in found
            if path.is_file() and not path.name.endswith("-shm")
        }


class OpeningTests(OpenCase):
    """Folders that open."""

    async def test_a_new_folder_gets_a_whole_database_for_its_owner_only(self) -> None:
        """Nobody else on the machine reads where people were."""
        await self.opened()
        self.assertEqual(0o700, stat.S_IMODE(os.stat(self.folder).st_mode))
        for path in self.folder.iterdir():
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode), path.name)
        with closing(sqlite3.connect(self.file)) as database:
            query = "SELECT value FROM setting WHERE name = ?"
            self.assertEqual((__version__,), database.execute(query, (VERSION,)).fetchone())

    async def test_what_was_stored_is_there_again(self) -> None:
        """The least that one may expect."""
        await self.used(3)
        store = await self.opened()
        self.assertEqual([named(0), named(1), named(2)], await store.database.read(names))

    async def test_a_creation_that_was_killed_is_begun_again(self) -> None:
        """The file gets its name only when it is whole."""
        self.folder.mkdir(parents=True)
        self.file.with_name(f"{FILE}.part").write_bytes(b"half a database")
        self.file.with_name(f"{FILE}.part-journal").write_bytes(b"half a journal")
        await self.opened()
        self.assertEqual([], list(self.folder.glob("*.part*")))

    async def test_a_large_database_is_checked_after_it_is_open(self) -> None:
        """A whole one goes on."""
        await self.used()
        store = await self.opened(Limits(ballast=0, check_at_start=0))
        await store.close()
        self.assertEqual([], self.fatal)


class PragmaTests(OpenCase):
    """The settings of every connection."""

    async def test_pragmas_are_in_force_on_every_connection(self) -> None:
        """A SQLite that ignores one keeps no promise: it is read back."""
        await self.used(1)
        for pragmas in (WRITER, READER):
            with closing(connect(self.file, pragmas)) as connection:
                for name, value in pragmas.items():
                    self.assertEqual((value,), connection.execute(f"PRAGMA {name}").fetchone())
        self.assertEqual((2, "wal"), (WRITER["synchronous"], WRITER["journal_mode"]))

    async def test_a_pragma_that_does_not_take_is_refused(self) -> None:
        """A network file system answers something else than `wal`."""
        await self.used(1)
        with self.assertRaises(StoreRefused) as caught:
            connect(self.file, {"journal_mode": "sideways"})
        self.assertIn("journal_mode to wal instead of sideways", str(caught.exception))

    async def test_a_missing_file_is_not_made_by_connecting(self) -> None:
        """An empty database must never take the place of a lost one."""
        self.folder.mkdir(parents=True)
        self.assertRaises(sqlite3.OperationalError, connect, self.file, WRITER)
        self.assertFalse(self.file.exists())


class RefusalTests(OpenCase):
    """Folders that do not open."""

    async def test_a_file_that_is_no_database(self) -> None:
        """Garbage is left as it is, with the way out."""
        self.folder.mkdir(parents=True)
        self.file.write_bytes(b"garbage" * 1000)
        line = await self.refused(CorruptDatabase)
        self.assertIn(str(self.file), line)
        self.assertIn("is not a SQLite database", line)
        self.assertIn("there is no snapshot", line)

    async def test_an_empty_file(self) -> None:
        """SQLite would take it for a new database."""
        self.folder.mkdir(parents=True)
        self.file.touch()
        self.assertIn("is empty", await self.refused(CorruptDatabase))

    async def test_a_damaged_file_names_the_newest_snapshot(self) -> None:
        """Found before anything is acknowledged."""
        await self.used()
        snapshots = self.folder / SNAPSHOTS
        snapshots.mkdir()
        for age, name in enumerate(("before-0003", "before-0002")):
            path = snapshots / f"{name}.sqlite3"
            path.write_bytes(b"")
            os.utime(path, (1000 - age, 1000 - age))
        spoil(self.file)
        line = await self.refused(CorruptDatabase)
        self.assertIn(str(snapshots / "before-0003.sqlite3"), line)
        self.assertIn(FILE, line)

    async def test_a_damaged_first_page(self) -> None:
        """The schema itself."""
        await self.used(1)
        spoil(self.file, 100)
        self.assertIn("damaged", await self.refused(CorruptDatabase))
        large = Limits(ballast=0, check_at_start=0)
        self.assertIn("damaged", await self.refused(CorruptDatabase, large))

    async def test_a_file_cut_short(self) -> None:
        """A copy that was broken off."""
        await self.used()
        os.truncate(self.file, self.file.stat().st_size // 2)
        await self.refused(CorruptDatabase)

    async def test_a_missing_file_beside_its_log_or_its_snapshots(self) -> None:
        """Lost, not new: starting empty would hide it."""
        (self.folder / SNAPSHOTS).mkdir(parents=True)
        for left in (f"{FILE}-wal", f"{FILE}-journal", f"{SNAPSHOTS}/before-0002.sqlite3"):
            path = self.folder / left
            path.write_bytes(b"something")
            line = await self.refused(CorruptDatabase)
            self.assertIn("is missing", line)
            self.assertIn(path.name, line)
            path.unlink()

    async def test_a_database_of_another_program(self) -> None:
        """It is not ours to change."""
        self.folder.mkdir(parents=True)
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("CREATE TABLE cookies (name)")
        self.assertIn("another program", await self.refused(StoreRefused))

    async def test_tables_newer_than_we_are(self) -> None:
        """After a downgrade: the line says which version made them."""
        await self.used(1)
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
            database.execute("UPDATE setting SET value = '77.1' WHERE name = ?", (VERSION,))
            database.commit()
        line = await self.refused(StoreRefused)
        self.assertIn("newer mytracks (77.1, tables 9999)", line)

    async def test_a_folder_that_cannot_be_made(self) -> None:
        """A file stands in its place."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.write_bytes(b"")
        error: Any = await self.assertFailure(Deferred.fromCoroutine(self.opened()), StoreRefused)
        self.assertIn(str(self.folder), str(error))

    async def test_another_database_is_refused_without_telling_its_password(self) -> None:
        """The line goes into a log."""
        url = "postgresql://u:secret@h/d"
        opening = open_store(self.folder, url, self.clock, THREADS, QUICK, self.fatal.append)
        error: Any = await self.assertFailure(Deferred.fromCoroutine(opening), StoreRefused)
        self.assertNotIn("secret", str(error))


class BallastTests(OpenCase):
    """Room kept for a full disk."""

    async def test_it_is_made_at_start_and_kept(self) -> None:
        """Real blocks, not a hole in the file system."""
        store = await self.opened(Limits(ballast=100_000))
        found = (self.folder / NAME).stat()
        self.assertEqual(100_000, found.st_size)
        self.assertGreaterEqual(found.st_blocks * 512, 100_000)
        await store.close()
        self.assertTrue((self.folder / NAME).exists())


class ReadersTests(OpenCase):
    """Threads that read."""

    async def test_a_long_read_is_broken_off_at_the_end(self) -> None:
        """A check of minutes does not hold up the stop."""
        await self.used(1)
        readers = Readers(self.file, Limits(readers=1), THREADS.callFromThread)
        readers.start()
        begun: Deferred[None] = Deferred()
        forever = (
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            " SELECT count(*) FROM n"
        )

        def long(connection: sqlite3.Connection) -> None:
            THREADS.callFromThread(begun.callback, None)
            connection.execute(forever).fetchall()

        reading = readers.submit(long)
        await begun
        readers.close()
        await self.assertFailure(reading, StorageFailed)
