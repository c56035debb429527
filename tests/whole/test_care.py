"""Backups made and restored by the command, with a daemon and without; what `check` tells."""

import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path

from tests import databases
from tests.faults.load import HTTPSender, Load, MQTTSender
from tests.faults.recorder import Recorder
from tests.faults.test_kill import stored
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon, Finished
from tests.whole.fixes import fix, wire
from tests.whole.patience import until


class CareCase(WholeCase):
    """A daemon with a few locations, and a place for backups."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon()
        self.place = self.daemon.home / "kept"
        self.place.mkdir()
        self.file = self.place / "b.tar"

    def done(self, *words: str, daemon: Daemon | None = None) -> Finished:
        """Run the command, expecting success."""
        done = (daemon or self.daemon).cli(*words)
        self.assertEqual(0, done.code, (words, done))
        return done

    def refused(self, *words: str, daemon: Daemon | None = None) -> str:
        """Run it, expecting one line and exit 1."""
        done = (daemon or self.daemon).cli(*words)
        self.assertEqual(1, done.code, (words, done))
        self.assertEqual(1, len(done.err.strip().splitlines()), done)
        self.assertNotIn("Traceback", done.err)
        return done.err

    def publish(self, daemon: Daemon, count: int = 3) -> None:
        """Locations of ana's, acknowledged."""
        phone = self.signed_in(daemon, ANA)
        for number in range(count):
            phone.publish(f"owntracks/{ANA}/phone", wire(fix(tst=1_767_225_600 + number)))

    def places(self, daemon: Daemon, user: str = ANA) -> list[object]:
        """All that REST tells of the user's locations."""
        found = self.web(daemon, user).get("/api/locations", limit=10_000).json()
        return [dict(row) for row in found["results"]]

    def left(self) -> list[str]:
        """What lies in the place for backups."""
        return sorted(path.name for path in self.place.iterdir())

    def empty(self) -> Daemon:
        """A daemon that has never run, with an empty database."""
        return self.new_daemon(accounts=False)


class BackupTests(CareCase):
    """One file, whole or not there."""

    def test_a_backup_comes_back_with_all_that_was_in_it(self) -> None:
        """Accounts, passwords and places: the first thing anybody wants after a disk died."""
        self.daemon.start()
        self.publish(self.daemon)
        before = self.places(self.daemon)
        made = self.done("backup", str(self.file), "--json").json()
        self.assertEqual(3, made["counts"]["location"])
        self.assertEqual("none", made["keys"])
        self.assertEqual(["b.tar"], self.left())
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.daemon.stop()
        other = self.empty()
        told = self.done("restore", str(self.file), daemon=other)
        self.assertIn("3 locations", told.out)
        self.assertIn("no key ring", told.out)
        self.assertEqual(
            ["lock"], [p.name for p in other.data.iterdir() if ".sqlite3" not in p.name]
        )
        other.start()
        self.assertEqual(before, self.places(other))
        self.signed_in(other, BEN)

    def test_it_works_without_a_daemon(self) -> None:
        """Before an update, say."""
        self.done("backup", str(self.file))
        with tarfile.open(self.file) as tar:
            self.assertEqual(["manifest.json", "mytracks.sqlite3"], tar.getnames())

    def test_no_file_is_overwritten(self) -> None:
        """Last week's backup may be the only good one."""
        self.file.write_text("precious")
        self.assertIn("not overwritten", self.refused("backup", str(self.file)))
        self.assertEqual("precious", self.file.read_text())

    def test_what_a_killed_run_left_is_replaced(self) -> None:
        """Nobody has to clean up before the next backup."""
        for name in ("b.tar.part", "b.tar.database.part"):
            (self.place / name).write_text("half")
        self.done("backup", str(self.file))
        self.assertEqual(["b.tar"], self.left())

    def test_a_place_that_is_not_there_is_one_line(self) -> None:
        """The stick is not plugged in."""
        self.assertIn("nowhere", self.refused("backup", str(self.place / "nowhere" / "b.tar")))

    def test_the_key_ring_comes_along_or_stays_and_it_is_said(self) -> None:
        """Whoever leaves the keys out must know what they cannot restore."""
        ring = self.daemon.data / "keyring"
        ring.write_bytes(b"the keys")
        with_keys = self.done("backup", str(self.file))
        self.assertIn("key ring is in it", with_keys.out)
        bare = self.place / "bare.tar"
        without = self.done("backup", str(bare), "--without-keys")
        self.assertIn("nobody can use", without.out)
        with tarfile.open(bare) as tar:
            self.assertNotIn("keyring", tar.getnames())
        other = self.empty()
        self.done("restore", str(self.file), daemon=other)
        self.assertEqual(b"the keys", (other.data / "keyring").read_bytes())
        self.assertEqual(0o600, stat.S_IMODE((other.data / "keyring").stat().st_mode))


class RestoreTests(CareCase):
    """Into an empty place only."""

    def test_nothing_is_restored_over_a_database(self) -> None:
        """Neither the one that is there nor a running one."""
        self.done("backup", str(self.file))
        said = self.refused("restore", str(self.file))
        self.assertRegex(said, "there already|not empty")
        self.daemon.start()
        self.assertIn("already running", self.refused("restore", str(self.file)))

    def test_files_that_are_no_backup_are_refused(self) -> None:
        """Torn, changed, empty, something else: one line each, and nothing is left behind."""
        self.done("backup", str(self.file))
        whole = self.file.read_bytes()
        middle = len(whole) // 2
        cases = {
            "empty": b"",
            "text": b"not a backup at all\n" * 100,
            "torn": whole[:middle],
            "barely": whole[:700],
            "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "sqlite": b"SQLite format 3\0" + b"x" * 8000,
        }
        other = self.empty()
        for name, content in cases.items():
            path = self.place / name
            path.write_bytes(content)
            self.assertIn(name, self.refused("restore", str(path), daemon=other))
            self.assertEqual(["lock"], [p.name for p in other.data.iterdir()], name)
        self.refused("restore", str(self.place / "nowhere"), daemon=other)
        self.done("restore", str(self.file), daemon=other)

    def test_a_newer_backup_is_refused(self) -> None:
        """An old program would misread it."""
        self.done("backup", str(self.file))
        newer = self.bare()
        with closing(sqlite3.connect(newer)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        self.assertIn("newer mytracks", self.refused("restore", str(newer), daemon=self.empty()))

    def test_a_database_of_another_program_is_refused(self) -> None:
        """A typing error in a file name must not become a data directory."""
        other = self.place / "firefox.sqlite3"
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("CREATE TABLE bookmark (url TEXT)")
        self.assertIn("another program", self.refused("restore", str(other), daemon=self.empty()))

    def test_a_bare_database_file_is_restored(self) -> None:
        """A snapshot that an update left, or a copy that somebody made by hand."""
        self.done("backup", str(self.file))
        other = self.empty()
        self.done("restore", str(self.bare()), daemon=other)
        other.start()
        self.signed_in(other, ANA)

    def bare(self) -> Path:
        """The database in the backup, by itself."""
        with tarfile.open(self.file) as tar:
            content = tar.extractfile("mytracks.sqlite3")
            assert content is not None
            path = self.place / "bare.sqlite3"
            path.write_bytes(content.read())
        return path


class DrillTests(CareCase):
    """The restore drill: what a backup under load is worth."""

    def test_all_that_was_acknowledged_before_a_backup_is_in_it(self) -> None:
        """While phones keep sending; the copy starts, and people sign in."""
        recorder = Recorder()
        load = Load(
            [
                MQTTSender(ANA, PASSWORDS[ANA], "m1", recorder),
                MQTTSender(BEN, PASSWORDS[BEN], "m2", recorder),
                HTTPSender(ANA, PASSWORDS[ANA], "h1", recorder),
            ]
        )
        self.addCleanup(load.stop)
        self.daemon.start()
        load.start(self.daemon)
        until(lambda: recorder.count > 300, 20, "acknowledgements under load")
        acknowledged = recorder.known()
        self.done("backup", str(self.file))
        during = recorder.count
        until(lambda: recorder.count > during + 50, 20, "acknowledgements after it")
        load.stop()
        other = self.empty()
        self.done("restore", str(self.file), daemon=other)
        other.start()
        found = {each for user in (ANA, BEN) for each in stored(other, user)}
        self.assertEqual(set(), acknowledged - found)
        self.assertIn("ok", self.done("check", daemon=other).out)


class CheckTests(CareCase):
    """What the owner looks at first when something is odd."""

    def test_a_server_that_is_well_is_told_so(self) -> None:
        """Line by line, running or not."""
        stopped = self.done("check").out
        for words in ("database", "tables", "rows", "space", "clock", "backup", "does not run"):
            self.assertIn(words, stopped)
        self.daemon.start()
        running = self.done("check", "--full").out
        self.assertIn("it runs and stores", running)
        self.assertNotIn("bad ", running)
        told = self.done("check", "--json").json()
        self.assertTrue(told["ok"])
        self.assertIn("rows", [each["what"] for each in told["findings"]])

    def test_no_password_is_told(self) -> None:
        """The output is pasted into a report."""
        self.daemon.start()
        for words in (["check"], ["check", "--json"], ["backup", str(self.file), "--json"]):
            done = self.daemon.cli(*words)
            self.assertNotIn("postgresql://", done.out + done.err)

    def test_a_damaged_file_ends_with_1(self) -> None:
        """So that a script notices."""
        if not databases.ON_SQLITE:
            return
        path = self.daemon.data / "mytracks.sqlite3"
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(size // 2)
            file.write(os.urandom(size // 4))
        done = self.daemon.cli("check")
        self.assertEqual(1, done.code, done)
        self.assertIn("damaged", done.out)
        self.assertNotIn("Traceback", done.err)

    def test_a_table_that_was_changed_by_hand_is_named(self) -> None:
        """Else it shows when something cannot be stored, months later."""
        if not databases.ON_SQLITE:
            return
        with closing(sqlite3.connect(self.daemon.data / "mytracks.sqlite3")) as connection:
            connection.execute("DROP TABLE audit")
        done = self.daemon.cli("check")
        self.assertEqual(1, done.code, done)
        self.assertIn("audit is missing", done.out)


class MovingTests(CareCase):
    """The same server on another database."""

    def test_a_household_moves_to_postgresql_or_back(self) -> None:
        """Same answers over REST, same passwords, new places behind the old ones."""
        self.daemon.start()
        self.publish(self.daemon)
        before = self.places(self.daemon)
        target = "sqlite" if not databases.ON_SQLITE else databases.server().database()
        words = ("migrate-database", "--to", target)
        self.assertIn("running", self.refused(*words))
        self.daemon.stop()
        told = self.done(*words).out
        self.assertIn("checksums of all", told)
        self.assertIn("3 locations", told)
        self.assertNotIn(target.partition("@")[0], told.replace("sqlite", "") or "-")
        self.assertIn("finished before", self.done(*words).out)
        moved = Daemon(self.daemon.home, flags=self.daemon.flags, database=target)
        self.addCleanup(moved.close)
        moved.start()
        self.assertEqual(before, self.places(moved))
        phone = self.signed_in(moved, ANA)
        phone.publish(f"owntracks/{ANA}/phone", wire(fix(tst=1_767_225_700)))
        for payload in (wire(fix(tst=1_767_225_701, SSID="lan")), b"junk", b'{"_type":"steps"}'):
            phone.publish(f"owntracks/{ANA}/new", payload)
        self.assertEqual(5, len(self.places(moved)))
        self.assertIn("5 locations", self.done("check", daemon=moved).out)
        moved.stop()
        self.assertIn("used since", self.refused(*words))

    def test_a_url_that_cannot_be_meant_is_wrong_usage(self) -> None:
        """And its password is not repeated."""
        done = self.daemon.cli("migrate-database", "--to", "mysql://a:secret@b/c")
        self.assertEqual(2, done.code, done)
        self.assertNotIn("secret", done.err)


class ScheduleTests(CareCase):
    """The server backs itself up, as its settings say."""

    def test_a_running_server_makes_a_backup_that_can_be_restored(self) -> None:
        """Nobody remembers to, after the first month."""
        daemon = self.new_daemon(environ={"MYTRACKS_BACKUP__EVERY": "24"})
        daemon.start()
        self.publish(daemon)
        line = daemon.expect_line("backed up to", within=30)
        self.assertNotIn("postgresql://", daemon.log)
        (made,) = (daemon.data / "backups").iterdir()
        self.assertIn(str(made), line)
        self.assertIn(str(made), self.done("check", daemon=daemon).out)
        other = self.empty()
        self.done("restore", str(made), daemon=other)
        other.start()
        self.assertEqual(3, len(self.places(other)))
        self.assertLess(daemon.stop(), 5)
