"""What a check of the tables tells: everything that is not as today's, in one line each."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.limits import Limits
from mytracks.store.postgresql.opening import ask, connect, prepare
from mytracks.store.schema import ddl
from mytracks.store.statements import NAMED
from mytracks.store.structure import differences
from tests.databases import server
from tests.store import earlier
from tests.store.cases import NOW

if TYPE_CHECKING:
    _Case = SynchronousTestCase
else:
    _Case = object

BOTH = (
    ("CREATE TABLE notes (a integer)", "table notes is not ours"),
    ("DROP TABLE crl", "table crl is missing"),
    ("DROP INDEX ix_leaf_revoked", "leaf: index ix_leaf_revoked is missing"),
    ("CREATE INDEX mine ON leaf (subject)", "leaf: index mine is not ours"),
    ("ALTER TABLE device ADD COLUMN odd text", "device: column odd is not ours"),
    ("ALTER TABLE device DROP COLUMN color", "device: column color is missing"),
    ("UPDATE alembic_version SET version_num = '0001'", "revision 0001 in place of "),
    ("DELETE FROM alembic_version", "revision none in place of "),
)
POSTGRESQL = (
    ("ALTER TABLE device ALTER tid SET NOT NULL", "device: column tid is TEXT NOT NULL in place"),
    ("ALTER TABLE device ALTER seen TYPE integer", "device: column seen is INTEGER NOT NULL in"),
    ("ALTER TABLE device ALTER flags DROP DEFAULT", "device: column flags is INTEGER NOT NULL in"),
    ("ALTER TABLE leaf DROP CONSTRAINT fk_leaf_user_id", "leaf: reference of user_id is missing"),
    (
        "ALTER TABLE user_account DROP CONSTRAINT uq_user_account_name",
        "user_account: unique (name) is missing",
    ),
    (
        "ALTER TABLE crl DROP CONSTRAINT pk_crl",
        "crl: primary key is missing",
    ),
    (
        "ALTER TABLE crl ADD CONSTRAINT later CHECK (number > 0)",
        "crl: condition on (number) is not ours",
    ),
)
LOOSE = "CREATE TABLE mqtt_received (session_id integer, packet_id integer)"


class StructureContract(_Case):
    """The battery."""

    dialect: str

    def fresh(self, statements: Sequence[str]) -> Callable[[str], Sequence[tuple[Any, ...]]]:
        """What asks a fresh database on which the statements were run."""
        raise NotImplementedError

    def test_a_fresh_database_differs_in_nothing(self) -> None:
        """Else every check would cry wolf."""
        self.assertEqual([], differences(self.fresh(()), self.dialect))

    def test_whatever_is_missing_or_more_is_told(self) -> None:
        """By table and name, so that somebody can mend it."""
        for statement, expected in BOTH:
            with self.subTest(statement=statement):
                (line,) = differences(self.fresh([statement]), self.dialect)
                self.assertIn(expected, line)

    def test_an_empty_database_lacks_everything(self) -> None:
        """And asking it is no error."""
        self.assertIn("table device is missing", differences(lambda _: [], self.dialect))


class SQLiteTests(StructureContract, SynchronousTestCase):
    """On SQLite."""

    dialect = "sqlite"

    def fresh(self, statements: Sequence[str]) -> Callable[[str], Sequence[tuple[Any, ...]]]:
        """In memory."""
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        for statement in (*ddl(NAMED["sqlite"]), *statements):
            database.execute(statement)
        return lambda query: database.execute(query).fetchall()

    def test_a_table_that_is_not_strict_or_clustered_any_more_is_told(self) -> None:
        """A careless copy loses both, and types and references with them."""
        told = differences(self.fresh(["DROP TABLE mqtt_received", LOOSE]), "sqlite")
        self.assertIn("mqtt_received: kind is ordinary in place of strict, clustered", told)
        self.assertIn("mqtt_received: reference of session_id is missing", told)

    def test_a_table_whose_numbers_come_back_is_told(self) -> None:
        """Somebody would inherit the places of a device that is gone."""
        ask = self.fresh(())
        (text,) = [t for n, t in ask("SELECT name, sql FROM sqlite_schema") if n == "device"]
        plain = text.replace("PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY")
        told = differences(self.fresh(["DROP TABLE device", plain]), "sqlite")
        self.assertEqual(["device: kind is strict in place of strict, numbered"], told)

    def test_an_earlier_revision_is_told_as_one(self) -> None:
        """A check says first of all that a start would migrate it."""
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        database.executescript(earlier.script("0001", "sqlite"))
        told = differences(lambda query: database.execute(query).fetchall(), "sqlite")
        self.assertTrue(told[-1].startswith("revision 0001 in place of "))


class PostgreSQLTests(StructureContract, SynchronousTestCase):
    """On PostgreSQL."""

    dialect = "postgresql"

    def fresh(self, statements: Sequence[str]) -> Callable[[str], Sequence[tuple[Any, ...]]]:
        """A database of its own."""
        url = server().database()
        prepare(url, Limits(), NOW)
        connection = connect(url)
        self.addCleanup(connection.close)
        for statement in statements:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        return lambda query: ask(connection, query)

    def test_a_changed_column_or_constraint_is_told(self) -> None:
        """What somebody has altered by hand."""
        for statement, expected in POSTGRESQL:
            with self.subTest(statement=statement):
                (line,) = differences(self.fresh([statement]), "postgresql")
                self.assertIn(expected, line)

    def test_tables_of_another_schema_are_not_looked_at(self) -> None:
        """They are somebody else's."""
        ask = self.fresh(["CREATE SCHEMA other", "CREATE TABLE other.device (a int)"])
        self.assertEqual([], differences(ask, "postgresql"))
