"""From a URL to tables: what is made, what is refused in one line, and what is left alone."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from psycopg2 import extensions
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.files import CorruptDatabase, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.postgresql import address
from mytracks.store.postgresql.catalogue import Server
from mytracks.store.postgresql.known import Known
from mytracks.store.postgresql.opening import LOCK, ask, connect, prepare
from mytracks.store.postgresql.refusing import refuse_server
from mytracks.store.schema import REVISION
from mytracks.store.structure import differences
from tests.databases import server
from tests.postgresql.server import PASSWORD, PostgreSQL
from tests.store.cases import NOW
from tests.store.test_migrating import ROOT
from tests.whole.patience import until

RELATIONS = (
    "SELECT n.nspname, c.relname, c.relkind::text, c.oid FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2"
)


class OpeningCase(SynchronousTestCase):
    """A database of its own on a server that is not harmed."""

    def setUp(self) -> None:
        self.server = server()
        self.url = self.server.database()

    def execute(self, *statements: str, url: str | None = None) -> list[Any]:
        """Run statements on the database, past the store; what the last one finds."""
        found: list[Any] = []
        connection = connect(url or self.url)
        try:
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    found = cursor.fetchall() if cursor.description else []
        finally:
            connection.close()
        return found

    def role(self, name: str) -> str:
        """The URL for somebody who may sign in, and no more; gone after the test."""
        self.server.ask(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        self.addCleanup(self.server.ask, f"DROP ROLE {name}")
        self.addCleanup(self.server.drop, self.url)
        return self.url.replace("//mytracks:", f"//{name}:")

    def refusal(self, url: str | None = None, limits: Limits | None = None) -> str:
        """The one line that a start ends with."""
        with self.assertRaises(StoreRefused) as refused:
            prepare(url or self.url, limits or Limits(), NOW)
        line = str(refused.exception)
        self.assertNotIn("\n", line)
        for secret in (PASSWORD, PASSWORD.replace(" ", "%20"), "wrong-word"):
            self.assertNotIn(secret, line)
        return line

    def logged(self, work: Callable[[], object]) -> list[str]:
        """The lines that were logged meanwhile."""
        with capturedLogs() as events:
            work()
        return [event["log_format"].format(**event) for event in events if event["log_format"]]


class MakingTests(OpeningCase):
    """An empty database, and one of ours."""

    def test_an_empty_database_gets_todays_tables(self) -> None:
        """All of them, and who made them."""
        prepare(self.url, Limits(), NOW)
        connection = connect(self.url)
        self.addCleanup(connection.close)
        self.assertEqual([], differences(lambda query: ask(connection, query), "postgresql"))
        query = "SELECT name, changed FROM setting"
        self.assertEqual([("store.version", NOW)], self.execute(query))

    def test_a_database_of_today_is_left_as_it_is(self) -> None:
        """A start changes nothing."""
        prepare(self.url, Limits(), NOW)
        before = self.execute(RELATIONS)
        prepare(self.url, Limits(), NOW + 1)
        self.assertEqual(before, self.execute(RELATIONS))
        self.assertEqual([(NOW,)], self.execute("SELECT changed FROM setting"))

    def test_tables_of_an_extension_are_nobodys(self) -> None:
        """PostGIS has put its own into many a database."""
        self.execute("CREATE TABLE spatial_ref_sys (a int)")
        self.execute("ALTER EXTENSION plpgsql ADD TABLE spatial_ref_sys")
        prepare(self.url, Limits(), NOW)
        connection = connect(self.url)
        self.addCleanup(connection.close)
        self.assertEqual([], differences(lambda query: ask(connection, query), "postgresql"))

    def test_the_search_path_names_the_schema(self) -> None:
        """One database may serve several programs, each in a schema of its own."""
        self.execute("CREATE TABLE foreign_thing (a int)", 'CREATE SCHEMA "My Tracks"')
        url = self.url + "?options=-csearch_path%3D%22My%5C%20Tracks%22"
        prepare(url, Limits(), NOW)
        prepare(url, Limits(), NOW)
        found = {row[:2] for row in self.execute(RELATIONS) if row[2] == "r"}
        self.assertIn(("My Tracks", "device"), found)
        self.assertEqual({("public", "foreign_thing")}, {f for f in found if f[0] == "public"})

    def test_a_password_may_hold_any_character(self) -> None:
        """As long as the URL encodes it."""
        odd = "p@ss/wörd:?#%"
        self.execute(f"CREATE ROLE odd LOGIN SUPERUSER PASSWORD '{odd}'")
        self.addCleanup(self.server.ask, "DROP ROLE odd")
        self.addCleanup(self.server.drop, self.url)
        url = self.server.url(self.url.rpartition("/")[2], "odd", odd)
        prepare(url, Limits(), NOW)


class RefusingTests(OpeningCase):
    """What cannot be used ends the start, and nothing of it is touched."""

    def test_who_cannot_be_reached_or_does_not_let_us_in_is_named(self) -> None:
        """Host, port and database, and what the server says; never the password."""
        place = f"127.0.0.1:{self.server.port}"
        for url, expected in (
            (self.url.replace(str(self.server.port), "1"), "127.0.0.1:1 cannot be reached"),
            (self.server.url("postgres", password="wrong-word"), f"{place} refuses us: password"),
            (self.server.url("nowhere"), 'refuses us: database "nowhere" does not exist'),
            (self.url.replace("127.0.0.1", "host.invalid"), "could not translate host name"),
            (self.url + "?sslmode=require", "does not support SSL"),
            (self.url + "?sslmode=perhaps", "invalid sslmode"),
            ("postgresql:///x?host=/nowhere&user=ana&password=wrong-word", "x at /nowhere cannot"),
        ):
            with self.subTest(url=url):
                self.assertIn(expected, self.refusal(url))

    def test_a_server_that_says_nothing_is_given_up(self) -> None:
        """A start must end, one way or the other."""
        server = PostgreSQL()
        self.addCleanup(server.close)
        server.make().start()
        server.freeze()
        line = self.refusal(server.url() + "?connect_timeout=2")
        self.assertIn("timeout", line)

    def test_somebody_without_the_right_to_make_tables_is_told_which(self) -> None:
        """Since PostgreSQL 15 that is how every new user starts."""
        url = self.role("newcomer")
        self.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        self.assertIn("GRANT CREATE ON SCHEMA public TO newcomer", self.refusal(url))

    def test_tables_of_ours_that_we_may_not_write_are_refused(self) -> None:
        """Found at the start, not by the first phone."""
        prepare(self.url, Limits(), NOW)
        url = self.role("reader")
        self.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        self.assertIn("does not let us read and write", self.refusal(url))

    def test_another_programs_database_is_refused_and_not_touched(self) -> None:
        """Also one that keeps its revisions by the same tool, or has tables of the same names."""
        for statements in (
            ("CREATE TABLE orders (a int)",),
            (
                "CREATE TABLE alembic_version (version_num varchar(32))",
                "INSERT INTO alembic_version VALUES ('ae1027a6')",
                "CREATE TABLE device (a int)",
                "CREATE TABLE setting (name text, value text)",
            ),
            ("CREATE VIEW v AS SELECT 1 AS a",),
            tuple(
                f"CREATE TABLE {name} (a int)"
                for name in ("alembic_version", "setting", "user_account", "device", "location")
            ),
        ):
            with self.subTest(statements=statements):
                self.url = self.server.database()
                self.execute(*statements)
                before = self.execute(RELATIONS)
                self.assertIn("another program", self.refusal())
                self.assertEqual(before, self.execute(RELATIONS))

    def test_a_search_path_that_leads_away_from_our_tables_is_refused(self) -> None:
        """Else a new schema of the user's name would be an empty store, and all seemed lost."""
        prepare(self.url, Limits(), NOW)
        self.execute("CREATE SCHEMA mytracks")
        line = self.refusal()
        self.assertIn("are in the schema public", line)
        self.assertIn("begins with mytracks", line)

    def test_a_schema_that_is_not_there_is_refused(self) -> None:
        """Its name may be misspelt."""
        line = self.refusal(self.url + "?options=-csearch_path%3Dnowhere")
        self.assertIn("no schema of its search path (nowhere)", line)

    def test_tables_of_ours_that_are_not_whole_are_called_damaged(self) -> None:
        """A restored backup that ended in the middle, say: the exit status is another."""
        for statement, expected in (
            ("DROP TABLE crl, audit", "lacks its tables audit, crl"),
            ("DELETE FROM alembic_version", "does not say which revision"),
        ):
            self.url = self.server.database()
            prepare(self.url, Limits(), NOW)
            self.execute(statement)
            with self.assertRaises(CorruptDatabase):
                prepare(self.url, Limits(), NOW)
            self.assertIn(expected, self.refusal())

    def test_a_database_that_was_emptied_is_called_damaged(self) -> None:
        """A fresh one in its place would take what phones send, and show nobody their places."""
        folder = Path(self.mktemp())
        known = Known(folder)
        for _ in range(2):
            prepare(self.url, Limits(), NOW, known=known)
        self.assertEqual(["databases"], [path.name for path in folder.iterdir()])
        self.assertEqual(1, len(known.path.read_text().splitlines()))
        self.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        with self.assertRaises(CorruptDatabase) as refused:
            prepare(self.url, Limits(), NOW, known=known)
        line = str(refused.exception)
        self.assertIn("are gone", line)
        self.assertIn(str(known.path), line)
        self.assertNotIn("\n", line)
        known.path.unlink()
        prepare(self.url, Limits(), NOW, known=known)

    def test_a_folder_that_cannot_be_written_ends_no_start(self) -> None:
        """It is only the memory of the next one."""
        place = Path(self.mktemp())
        place.write_text("no folder")
        prepare(self.url, Limits(), NOW, known=Known(place))

    def test_an_encoding_that_cannot_hold_every_name_is_refused(self) -> None:
        """It would fail at the first letter that it does not have."""
        self.server.ask("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
        self.addCleanup(self.server.ask, "DROP DATABASE latin")
        self.assertIn("its encoding is LATIN1", self.refusal(self.server.url("latin")))

    def test_a_database_that_only_reads_is_refused(self) -> None:
        """As a standby is."""
        name = self.url.rpartition("/")[2]
        self.server.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        self.assertIn("read-only", self.refusal())


class DurabilityTests(OpeningCase):
    """Acknowledged is stored, or the server is not ours."""

    def test_a_server_that_forgets_in_a_power_cut_is_refused(self) -> None:
        """A real one, with each of the two settings."""
        server = PostgreSQL()
        self.addCleanup(server.close)
        server.make().start()
        for name in ("fsync", "full_page_writes"):
            server.ask(f"ALTER SYSTEM SET {name} = off")
            server.ask("SELECT pg_reload_conf()")
            until(lambda name=name: server.ask(f"SHOW {name}") == [("off",)], 10, "it is off")  # type: ignore[misc]
            line = self.refusal(server.url())
            self.assertIn(f"{name} is off", line)
            self.assertEqual([], server.ask("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"))
            server.ask(f"ALTER SYSTEM RESET {name}")
            server.ask("SELECT pg_reload_conf()")

    def test_commits_that_do_not_wait_are_told_once_in_the_log(self) -> None:
        """Ours do wait; whatever else writes there is the owner's business."""
        name = self.url.rpartition("/")[2]
        self.server.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
        told = self.logged(lambda: prepare(self.url, Limits(), NOW))
        (line,) = [line for line in told if "synchronous_commit" in line]
        self.assertIn(address.place(self.url), line)
        self.assertNotIn(PASSWORD, line)

    def test_what_does_not_fit_is_told(self) -> None:
        """Each reason in its words, the one that cannot be mended first."""
        good = Server(
            number=160004,
            version="16.4",
            encoding="UTF8",
            schema="public",
            search_path="public",
            standby=False,
            read_only="off",
            fsync="on",
            full_page_writes="on",
            synchronous_commit="on",
        )
        refuse_server(good, "x")
        for changes, expected in (
            ({"number": 120022, "version": "12.22"}, "12.22 is too old, at least 13"),
            ({"fsync": "off"}, "fsync"),
            ({"full_page_writes": "off"}, "full_page_writes"),
            ({"standby": True}, "standby"),
        ):
            with self.assertRaises(StoreRefused) as refused:
                refuse_server(attrs.evolve(good, **changes), "x")
            self.assertIn(expected, str(refused.exception))


class WaitingTests(OpeningCase):
    """Two that start at once."""

    def held(self) -> extensions.connection:
        """The lock, as another process holds it."""
        connection = connect(self.url)
        self.addCleanup(connection.close)
        ask(connection, "SELECT pg_advisory_lock(%s, %s)", LOCK)
        return connection

    def test_a_process_that_finds_another_at_it_says_so_and_waits(self) -> None:
        """Then finds everything made, and goes on."""
        other = self.held()
        code = (
            "import sys; from twisted.logger import globalLogBeginner, textFileLogObserver;"
            " globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)]);"
            " from mytracks.store.limits import Limits;"
            " from mytracks.store.postgresql.opening import prepare;"
            " prepare(sys.argv[1], Limits(), 0)"
        )
        started = subprocess.Popen(
            [sys.executable, "-c", code, self.url], stderr=subprocess.PIPE, cwd=ROOT, text=True
        )
        waits = (
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        until(lambda: bool(self.execute(waits)), 30, "it waits")
        self.assertEqual([], [row for row in self.execute(RELATIONS) if row[2] == "r"])
        other.close()
        told = started.communicate(timeout=30)[1]
        self.assertEqual(0, started.returncode, told)
        self.assertIn("another process prepares the database", told)
        self.assertNotIn(PASSWORD, told)
        self.assertEqual([(REVISION,)], self.execute("SELECT version_num FROM alembic_version"))

    def test_it_gives_up_in_the_end(self) -> None:
        """Whoever looks finds a line, not a start that hangs."""
        self.held()
        line = self.refusal(limits=Limits(prepare_within=0.1))
        self.assertIn("for more than 0.1 s", line)
        self.assertEqual([], self.execute(RELATIONS))
