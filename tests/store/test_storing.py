"""What the tables of each database hold, and what the database itself keeps in order in them."""

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg2
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.limits import Limits
from mytracks.store.postgresql.opening import connect, prepare
from mytracks.store.schema import ddl, tables
from mytracks.store.statements import NAMED
from tests.databases import server
from tests.store.cases import NOW

if TYPE_CHECKING:
    _Case = SynchronousTestCase
else:
    _Case = object

EXTREMES: dict[type[Any], Any] = {
    Text: "Grüße 🗺 '%s' \\",
    LargeBinary: b"\x00\xff'%s\\",
    Integer: -(2**31),
    BigInteger: 2**63 - 1,
}


def extreme(column: Column[Any], number: int) -> Any:
    """The largest or oddest value; whatever is or refers to a row is `number`."""
    if column.foreign_keys or column.name == "id":
        return number
    if column.unique or column.primary_key or column.name.endswith("_key"):
        return _own(EXTREMES[type(column.type)], number)
    return EXTREMES[type(column.type)]


def _own(value: Any, number: int) -> Any:
    if isinstance(value, int):
        return value + number if value < 0 else value - number
    return value + (str(number) if isinstance(value, str) else b"%d" % number)


class StoringContract(_Case):
    """The battery."""

    dialect: str
    mark: str
    broken: type[Exception]

    def execute(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, past the store."""
        raise NotImplementedError

    def put(self, table: Table, number: int = 1, **changes: Any) -> dict[str, Any]:
        """Store a row of extremes, but for the changes."""
        row = {column.name: extreme(column, number) for column in table.columns} | changes
        marks = ", ".join([self.mark] * len(row))
        statement = f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({marks})"
        self.execute(statement, list(row.values()))
        return row

    def fill(self) -> None:
        """Accounts 1 and 2, and all that belongs to each."""
        for number in (1, 2):
            for table in tables(self.dialect):
                self.put(table, number, **({"state": number} if "state" in table.columns else {}))

    def named(self, name: str) -> Table:
        """One of the tables."""
        return next(table for table in tables(self.dialect) if table.name == name)

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        return {
            table.name: self.execute(f"SELECT count(*) FROM {table.name}")[0][0]
            for table in tables(self.dialect)
        }

    def test_every_column_of_every_table_holds_its_extremes_unconverted(self) -> None:
        """What is written without SQLAlchemy is read as the same: bytes, 64 bits, any letter."""
        for table in tables(self.dialect):
            row = self.put(table)
            ((*found,),) = self.execute(f"SELECT {', '.join(row)} FROM {table.name}")
            plain = [bytes(v) if isinstance(v, memoryview) else v for v in found]
            self.assertEqual(list(row.values()), plain, table.name)

    def test_text_is_not_taken_for_a_number(self) -> None:
        """On both databases: a mistake is found by the tests of either."""
        with self.assertRaises(self.broken):
            self.execute("INSERT INTO mqtt_received VALUES ('one', 1)")

    def test_there_is_one_active_authority_and_one_server_certificate_for_each_use(self) -> None:
        """Two would each be half the truth: the database itself refuses the second."""
        self.fill()
        with self.assertRaises(self.broken):
            self.put(self.named("authority"), 3, state=1)
        with self.assertRaises(self.broken):
            self.put(self.named("server_certificate"), 3, state=1, authority_id=1)

    def test_any_number_may_be_inactive_and_each_use_has_its_own(self) -> None:
        """The history stays; the web may have a public certificate beside MQTT's private one."""
        self.fill()
        for number in (3, 4):
            self.put(self.named("authority"), number, state=2)
        self.put(self.named("server_certificate"), 3, state=1, use=7)

    def test_a_client_id_is_one_session_for_each_user(self) -> None:
        """Another user's phone of the same name is another session, and none has two."""
        self.fill()
        session = self.named("mqtt_session")
        same = {"client_key": b"same", "client_id": "phone"}
        self.put(session, 3, user_id=1, device_id=None, **same)
        self.put(session, 4, user_id=2, device_id=None, **same)
        with self.assertRaises(self.broken):
            self.put(session, 5, user_id=1, device_id=None, **same)

    def test_deleting_an_account_takes_all_that_is_its(self) -> None:
        """And nothing of others'. The audit log keeps the name, a certificate its number."""
        self.fill()
        self.execute("DELETE FROM user_account WHERE id = 1")
        counts = self.counts()
        kept = {"setting", "audit", "authority", "leaf", "server_certificate", "crl", "writer_mark"}
        for name, count in counts.items():
            self.assertEqual(2 if name in kept else 1, count, name)
        self.assertEqual([(None,)], self.execute("SELECT actor_id FROM audit WHERE id = 1"))
        self.assertEqual(
            [(None, None)], self.execute("SELECT user_id, device_id FROM leaf WHERE id = 1")
        )

    def test_deleting_a_device_takes_its_places_and_messages_only(self) -> None:
        """Its owner's account, sessions and certificates stay."""
        self.fill()
        self.execute("DELETE FROM device WHERE id = 1")
        gone = {name for name, count in self.counts().items() if count == 1}
        its = {"device", "location", "context", "message", "quarantine", "credential"}
        self.assertEqual(its | {"mqtt_payload", "mqtt_retained"}, gone)
        self.assertEqual([(None,)], self.execute("SELECT device_id FROM mqtt_session WHERE id = 1"))

    def test_deleting_a_session_takes_all_that_waits_in_it(self) -> None:
        """And no payload, which others may wait for."""
        self.fill()
        self.execute("DELETE FROM mqtt_session WHERE id = 1")
        gone = {name for name, count in self.counts().items() if count == 1}
        own = {"mqtt_session", "mqtt_subscription", "mqtt_queued", "mqtt_received"}
        self.assertEqual(own, gone)


class SQLiteTests(StoringContract, SynchronousTestCase):
    """On SQLite."""

    dialect, mark, broken = "sqlite", "?", sqlite3.IntegrityError

    def setUp(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.addCleanup(self.database.close)
        self.database.execute("PRAGMA foreign_keys = on")
        for statement in ddl(NAMED["sqlite"]):
            self.database.execute(statement)

    def execute(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement."""
        return self.database.execute(text, values).fetchall()


class PostgreSQLTests(StoringContract, SynchronousTestCase):
    """On PostgreSQL."""

    dialect, mark, broken = "postgresql", "%s", psycopg2.Error

    def setUp(self) -> None:
        url = server().database()
        prepare(url, Limits(), NOW)
        self.connection = connect(url)
        self.addCleanup(self.connection.close)
        self.execute("DELETE FROM setting")

    def execute(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []
