"""A PostgreSQL database as the care of data sees it, over plain psycopg2."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg2
from psycopg2 import extensions

from mytracks.store.care.sides import Kept, Row, highest
from mytracks.store.files import StoreRefused
from mytracks.store.postgresql import address
from mytracks.store.postgresql.catalogue import TABLES
from mytracks.store.postgresql.opening import connect
from mytracks.store.postgresql.refusing import refusal

_AT_ONCE: Final = 2_000
"""Rows that come in one answer of the server."""
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_BYTEA: Final = 17


class PostgreSQLSide:
    """One connection, in a transaction at all times."""

    dialect = "postgresql"
    mark = "%s"

    def __init__(self, url: str, connection: extensions.connection) -> None:
        self.place = address.place(url)
        self._connection = connection

    def ask(self, query: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """See Side."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall()

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """See Side."""
        with self._connection.cursor("rows") as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(query, values or None)
            yield from cursor

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """See Side."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Side."""
        try:
            yield
        except BaseException:
            with suppress(psycopg2.Error):
                self._connection.rollback()
            raise
        self._connection.commit()

    def insert(self, kept: Kept, rows: Sequence[Row]) -> None:
        """See Side."""
        text = "".join("\t".join(map(_copied, row)) + "\n" for row in rows)
        if "\0" in text:
            raise _unstorable(kept, rows)
        lines = io.StringIO(text)
        with self._connection.cursor() as cursor:
            cursor.copy_expert(f'COPY "{kept.name}" ({kept.listed}) FROM STDIN', lines)

    def given(self, kept: Kept) -> int:
        """See Side."""
        name = self._sequence(kept.name)
        ((last, called),) = self.ask(f"SELECT last_value, is_called FROM {name}")
        return max(int(last) if called else 0, highest(self, kept))

    def set_given(self, kept: Kept, number: int) -> None:
        """See Side."""
        number = max(number, self.given(kept))
        if number:
            self.ask("SELECT setval(%s::regclass, %s)", (self._sequence(kept.name), number))

    def close(self) -> None:
        """See Side."""
        self._connection.close()

    def _sequence(self, table: str) -> str:
        ((name,),) = self.ask("SELECT pg_get_serial_sequence(quote_ident(%s), 'id')", (table,))
        if name is None:
            raise StoreRefused(f"the database {self.place} has no sequence for {table}: run check")
        return str(name)


def reading(url: str) -> PostgreSQLSide:
    """One snapshot of a database of ours, which others may go on writing."""
    side = _opened(url)
    side.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return side


def writing(url: str) -> PostgreSQLSide:
    """A database to be written to; what the role has set must not weaken that."""
    side = _opened(url)
    with side.transaction():
        for setting in ("synchronous_commit = on", "lock_timeout = '30s'"):
            side.run(f"SET {setting}")
    return side


def names(side: PostgreSQLSide) -> set[str]:
    """The tables that are there already."""
    return {str(name) for (name,) in side.ask(TABLES)}


def _opened(url: str) -> PostgreSQLSide:
    try:
        connection = connect(url)
        with connection.cursor() as cursor:
            # A long copy is one long statement, or a long pause between two.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
    except psycopg2.Error as error:
        raise refusal(url, error) from error
    extensions.register_type(extensions.new_type((_BYTEA,), "BYTES", _bytes), connection)
    connection.autocommit = False
    return PostgreSQLSide(url, connection)


def _bytes(value: Any, cursor: Any) -> bytes | None:
    read = psycopg2.BINARY(value, cursor)
    return None if read is None else bytes(read)


def _unstorable(kept: Kept, rows: Sequence[Row]) -> StoreRefused:
    """PostgreSQL has no way to keep a text with NUL in it: which one that is."""
    for row in rows:
        for name, value in zip(kept.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                key = [row[kept.columns.index(each)] for each in kept.key]
                return StoreRefused(
                    f"PostgreSQL cannot keep the NUL character in {name} of {kept.name} {key}"
                )
    raise AssertionError(kept.name)


def _copied(value: Any) -> str:
    """A value in the text format of COPY."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)
