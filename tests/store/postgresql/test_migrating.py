"""Older databases on PostgreSQL become today's, whatever happens on the way."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.migrating import SCRIPTS
from mytracks.store.postgresql.opening import ask, connect, prepare
from mytracks.store.schema import REVISION, tables
from mytracks.store.structure import differences
from tests.databases import server
from tests.store import earlier
from tests.store.cases import NOW
from tests.store.test_migrating import MARKED, ROOT, with_later

CATALOGUE = (
    "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "SELECT sequencename, data_type::text, increment_by, cycle FROM pg_sequences ORDER BY 1",
)
PREPARE = (
    "import sys; from pathlib import Path; from mytracks.store.limits import Limits;"
    " from mytracks.store.postgresql.opening import prepare;"
    " print('ready', flush=True); sys.stdin.readline();"
    " prepare(sys.argv[1], Limits(), 0, Path(sys.argv[2]))"
)


class MigratingCase(SynchronousTestCase):
    """A database of the first revision with something in it, and two migrations after ours."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.scripts = with_later(self.folder)
        self.server = server()

    def earlier(self, name: str = "0001") -> str:
        """The URL of a database of an earlier revision."""
        url = self.server.database()
        self.ask(url, earlier.script(name, "postgresql"))
        return url

    def ask(self, url: str, query: str) -> list[Any]:
        """What a query on a database finds."""
        connection = connect(url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def content(self, url: str, columns: dict[str, str]) -> dict[str, Any]:
        """Every row of the tables, bytes as bytes."""
        found = {}
        for table, names in columns.items():
            rows = self.ask(url, f"SELECT {names} FROM {table} ORDER BY 1, 2")
            found[table] = [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows
            ]
        return found

    def assert_migrated(self, url: str) -> None:
        """All of both later migrations is there, and nothing of the old content was lost."""
        self.assertEqual([("0004",)], self.ask(url, "SELECT * FROM alembic_version"))
        self.assertEqual(MARKED, self.ask(url, "SELECT id, name, mark FROM device ORDER BY id"))
        self.assertEqual(
            [(1, 1785008000, 525200000, None), (1, 1785008999, -900000000, None)],
            self.ask(url, "SELECT device_id, tst, lat, steps FROM location ORDER BY tst"),
        )
        self.assertEqual([(1, "first")], self.ask(url, "SELECT * FROM trip"))


class EarlierTests(MigratingCase):
    """Whoever has used an older mytracks keeps all of it."""

    def test_every_earlier_revision_becomes_equal_to_a_fresh_database(self) -> None:
        """Two ways to today's tables, one result: not a constraint or default differs."""
        fresh = self.server.database()
        prepare(fresh, Limits(), NOW)
        for name in earlier.REVISIONS:
            old = self.earlier(name)
            prepare(old, Limits(), NOW)
            for query in CATALOGUE:
                self.assertEqual(self.ask(fresh, query), self.ask(old, query))
            for url in (fresh, old):
                connection = connect(url)
                self.addCleanup(connection.close)
                told = differences(lambda query, on=connection: ask(on, query), "postgresql")  # type: ignore[misc]
                self.assertEqual([], told)

    def test_every_row_of_an_earlier_revision_is_kept(self) -> None:
        """Every value in every column, and numbers once given are not given again."""
        url = self.earlier()
        columns = {
            table: ", ".join(
                name
                for (name,) in self.ask(
                    url,
                    "SELECT column_name FROM information_schema.columns"
                    f" WHERE table_name = '{table}' ORDER BY ordinal_position",
                )
            )
            for table in earlier.TABLES
        }
        before = self.content(url, columns)
        for table, found in before.items():
            self.assertGreater(len(found), 0, table)
        prepare(url, Limits(), NOW)
        before["setting"][1] = ("store.version", "0.1.0", NOW)
        self.assertEqual(before, self.content(url, columns))
        self.assertEqual([(5,)], self.ask(url, "SELECT nextval('device_id_seq')"))


class MigratingTests(MigratingCase):
    """What opening promises of older and newer tables."""

    def test_all_later_migrations_are_run(self) -> None:
        """Content moves along."""
        url = self.earlier()
        prepare(url, Limits(), NOW, self.scripts)
        self.assert_migrated(url)

    def test_a_migration_that_fails_leaves_the_revision_before_it(self) -> None:
        """Each is one transaction: what went before stays, and nothing of it is there."""
        url = self.earlier()
        (self.scripts / "versions" / "r0004_trips.py").write_text(
            "from alembic import op\nrevision, down_revision = '0004', '0003'\n"
            "def upgrade():\n    op.execute('CREATE TABLE half (a int)')\n    op.execute('oops')\n"
        )
        with self.assertRaises(StoreRefused) as refused:
            prepare(url, Limits(), NOW, self.scripts)
        self.assertIn('syntax error at or near "oops"', str(refused.exception))
        self.assertEqual([("0003",)], self.ask(url, "SELECT * FROM alembic_version"))
        self.assertEqual([(None,)], self.ask(url, "SELECT to_regclass('half')::text"))

    def test_a_newer_database_is_refused_and_not_touched(self) -> None:
        """Who went back to an older version is told which one made it."""
        url = self.earlier()
        prepare(url, Limits(), NOW, self.scripts)
        before = [self.ask(url, query) for query in CATALOGUE]
        with self.assertRaises(StoreRefused) as refused:
            prepare(url, Limits(), NOW + 1)
        line = str(refused.exception)
        self.assertIn("made by a newer mytracks (0.1.0, tables 0004)", line)
        self.assertIn(f"knows tables up to {REVISION}", line)
        self.assertEqual(before, [self.ask(url, query) for query in CATALOGUE])
        query = "SELECT changed FROM setting WHERE name = 'store.version'"
        self.assertEqual([(NOW,)], self.ask(url, query))

    def test_several_processes_at_once_migrate_once(self) -> None:
        """Servers that are updated together: one works, the others wait, all start."""
        url = self.earlier()
        self.prepared_by_three(url, self.scripts)
        self.assert_migrated(url)

    def test_several_processes_at_once_make_the_tables_once(self) -> None:
        """Their first start, together."""
        url = self.server.database()
        self.prepared_by_three(url, SCRIPTS)
        self.assertEqual([(REVISION,)], self.ask(url, "SELECT * FROM alembic_version"))

    def prepared_by_three(self, url: str, scripts: Path) -> None:
        """Let three processes prepare a database at the same moment."""
        command = [sys.executable, "-c", PREPARE, url, str(scripts)]
        pipe = subprocess.PIPE
        started = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, text=True)
            for _ in range(3)
        ]
        for each in started:
            assert each.stdout is not None
            self.assertEqual("ready\n", each.stdout.readline())
        told = []
        for each in started:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        for each in started:
            told.append(each.communicate(timeout=60)[1])
        self.assertEqual([0, 0, 0], [each.returncode for each in started], told)


class KilledTests(MigratingCase):
    """A power cut in the middle of a start."""

    def killed(self, url: str, scripts: str, name: str) -> list[str]:
        """The URLs of all copies of a database, each killed once on its way."""
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.store.killed_migration",
                "postgresql",
                url,
                scripts,
                name,
            ],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        urls = [self.server.url(f"{name}_{n}") for n in range(1, int(ran.stdout) + 1)]
        for each in urls:
            self.addCleanup(self.server.drop, each)
        return urls

    def test_a_migration_killed_before_any_statement_is_finished_by_the_next_start(self) -> None:
        """Wherever it stopped, it was at a whole revision, and the content is right in the end."""
        urls = self.killed(self.earlier(), str(self.scripts), "migrating")
        self.assertGreater(len(urls), 50)
        found = []
        for url in urls:
            found += self.ask(url, "SELECT version_num FROM alembic_version")
            prepare(url, Limits(), NOW, self.scripts)
            self.assert_migrated(url)
        self.assertEqual(sorted(found), found)
        self.assertEqual({("0001",), ("0002",), ("0003",), ("0004",)}, set(found))

    def test_a_first_start_killed_before_any_statement_is_done_again_by_the_next(self) -> None:
        """All tables or none: never half a database that looks like another program's."""
        urls = self.killed(self.server.database(), "", "making")
        self.assertGreater(len(urls), 40)
        whole = len(tables("postgresql")) + 1
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        for url in urls:
            ((there,),) = self.ask(url, query)
            self.assertIn(there, (0, whole))
            prepare(url, Limits(), NOW)
            self.assertEqual([(REVISION,)], self.ask(url, "SELECT * FROM alembic_version"))
