"""Statements: one text for each database, made at import, needing no conversion of values."""

import importlib
import pkgutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, bindparam, insert, select
from twisted.trial.unittest import SynchronousTestCase

import mytracks.store
from mytracks.store.limits import Limits
from mytracks.store.postgresql.opening import connect, prepare
from mytracks.store.schema import ddl
from mytracks.store.statements import NAMED, Rows, Statement
from tests.databases import server
from tests.store.cases import NOW

_flags = Table("flags", MetaData(), Column("id", Integer), Column("on", Boolean))


def everything(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """All statements of a kind in the store, with their names."""
    for found in pkgutil.walk_packages(mytracks.store.__path__, "mytracks.store."):
        if ".migrations." in found.name:
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            values = value.values() if isinstance(value, dict) else [value]
            for each in values:
                if isinstance(each, kind):
                    yield f"{found.name}.{name}", each


class StatementTests(SynchronousTestCase):
    """Every statement of the store."""

    def setUp(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.addCleanup(self.database.close)
        for statement in ddl(NAMED["sqlite"]):
            self.database.execute(statement)

    def test_every_statement_has_a_text_for_both_databases(self) -> None:
        """None is forgotten."""
        statements = list(everything(Statement))
        self.assertGreater(len(statements), 25)
        for name, statement in statements:
            self.assertEqual({"sqlite", "postgresql"}, set(statement.texts), name)

    def test_every_statement_fits_the_tables(self) -> None:
        """A misspelt column is found here, not by a phone."""
        for name, statement in everything(Statement):
            with closing(self.database.cursor()) as cursor:
                try:
                    cursor.execute("EXPLAIN " + statement.texts["sqlite"], _AnyName())
                except sqlite3.Error as error:
                    self.fail(f"{name}: {error}")

    def test_every_insert_of_rows_fits_the_tables(self) -> None:
        """In each of its sizes."""
        for name, rows in everything(Rows):
            for count in (1, 2, 1024):
                ((text, values),) = rows.pieces("sqlite", [(None,) * len(rows.columns)] * count)
                try:
                    self.database.execute("EXPLAIN " + text, values)
                except sqlite3.Error as error:
                    self.fail(f"{name}: {error}")

    def test_a_value_that_needs_conversion_is_refused(self) -> None:
        """Executing goes past SQLAlchemy: nobody would convert a boolean."""
        self.assertRaises(TypeError, Rows, insert(_flags).values(on=bindparam("on")))
        self.assertRaises(TypeError, Statement, select(_flags).where(_flags.c.on == bindparam("x")))

    def test_constants_of_a_statement_come_along(self) -> None:
        """A LIMIT has an OFFSET on SQLite, which is a parameter."""
        statement = Statement(select(_flags.c.id).limit(bindparam("page", type_=Integer)))
        self.assertEqual([0], list(statement.defaults.values()))


class PostgreSQLStatementTests(SynchronousTestCase):
    """The same on the other database, which is more particular about types."""

    def setUp(self) -> None:
        url = server().database()
        prepare(url, Limits(), NOW)
        self.connection = connect(url)
        self.addCleanup(self.connection.close)

    def test_every_statement_fits_the_tables(self) -> None:
        """As SQLite's: a name, a type, an ambiguous column of an upsert."""
        for name, statement in everything(Statement):
            self.explain(name, statement.texts["postgresql"], _AnyName())

    def test_every_insert_of_rows_fits_the_tables(self) -> None:
        """In each of its sizes."""
        for name, rows in everything(Rows):
            for count in (1, 2, 1024):
                nothing = [(None,) * len(rows.columns)] * count
                ((text, values),) = rows.pieces("postgresql", nothing)
                self.explain(name, text, values)

    def explain(self, name: str, text: str, values: Any) -> None:
        """Let the server plan it, with NULL for every value."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute("EXPLAIN " + text, values)
            except psycopg2.Error as error:
                self.fail(f"{name}: {error}")


class RowsTests(SynchronousTestCase):
    """Many rows in few texts."""

    def setUp(self) -> None:
        self.rows = Rows(insert(_flags).values(id=bindparam("id")))

    def sizes(self, count: int) -> list[int]:
        """How many values each piece has."""
        pieces = self.rows.pieces("postgresql", [(number,) for number in range(count)])
        flat = [values for _, values in pieces]
        self.assertEqual(list(range(count)), [value for values in flat for value in values])
        return [len(values) for values in flat]

    def test_any_number_is_made_of_powers_of_two(self) -> None:
        """So that a database prepares eleven texts, not two thousand."""
        self.assertEqual([], self.sizes(0))
        self.assertEqual([1], self.sizes(1))
        self.assertEqual([1024, 1024, 512, 1], self.sizes(2561))
        self.assertEqual([512, 256, 128, 64, 32, 16, 8, 4, 2, 1], self.sizes(1023))

    def test_only_an_insert_of_one_row_can_be_blown_up(self) -> None:
        """Anything else would send values to the wrong places."""
        self.assertRaises(TypeError, Rows, select(_flags.c.id).where(_flags.c.id == bindparam("x")))


class _AnyName(dict[str, Any]):
    """Gives NULL for every parameter."""

    def __missing__(self, name: str) -> None:
        return None
