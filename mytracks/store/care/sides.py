"""A database as the care of data sees it: tables of plain rows, read from one snapshot or written
in transactions. Synchronous, on connections of its own; the daemon is not disturbed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy import Table

from mytracks.store.files import StoreRefused
from mytracks.store.notes import COPYING, unfinished
from mytracks.store.schema import tables

Row = tuple[Any, ...]
"""Integers, texts, bytes and None, the same on both databases."""


class Side(Protocol):
    """One database. `mark`: how a value stands in a statement; `place`: for people, no secrets."""

    dialect: str
    mark: str
    place: str

    def ask(self, query: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """All rows of a query."""

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of a query, never all of them in memory."""

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """A statement without rows."""

    def transaction(self) -> AbstractContextManager[None]:
        """What is done in it is durable at its end; undone when it raises."""

    def insert(self, kept: "Kept", rows: Sequence[Row]) -> None:
        """Add rows, whose values are in the order of the columns."""

    def given(self, kept: "Kept") -> int:
        """The highest number that a counted table has given: of a numbered one ever, deleted rows
        included."""

    def set_given(self, kept: "Kept", number: int) -> None:
        """Give only numbers beyond `number` from now on."""

    def close(self) -> None:
        """End the connection; what is not committed is undone."""


@frozen
class Kept:
    """A table that is kept: its columns, its primary key, whether numbers are never given twice."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    numbered: bool

    @property
    def counted(self) -> bool:
        """Whether the database gives its rows numbers."""
        return self.key == ("id",)

    @property
    def listed(self) -> str:
        """The columns in a statement."""
        return _listed(self.columns)

    def condition(self) -> str:
        """What leaves our own progress out."""
        return f"WHERE name <> '{COPYING}'" if self.name == "setting" else ""


def kept() -> Sequence[Kept]:
    """All tables that both databases have, parents before what refers to them."""
    return [_kept(table) for table in tables("sqlite")]


def count(side: Side, table: Kept) -> int:
    """Its rows."""
    ((rows,),) = side.ask(f'SELECT count(*) FROM "{table.name}" {table.condition()}')
    return int(rows)


def highest(side: Side, table: Kept) -> int:
    """The highest number that a row of it has."""
    ((number,),) = side.ask(f'SELECT max(id) FROM "{table.name}"')
    return int(number or 0)


def everything(side: Side, table: Kept) -> Iterator[Row]:
    """All its rows, in no order."""
    return side.rows(f'SELECT {table.listed} FROM "{table.name}" {table.condition()}')


def after(side: Side, table: Kept, last: Sequence[Any] | None) -> Iterator[Row]:
    """Its rows in the order of the key; those behind the key `last`, if one is given."""
    conditions, values = [table.condition().removeprefix("WHERE ")], list(last or ())
    if last is not None:
        marks = ", ".join([side.mark] * len(values))
        conditions.append(f"({_listed(table.key)}) > ({marks})")
    where = " AND ".join(each for each in conditions if each)
    return side.rows(
        f'SELECT {table.listed} FROM "{table.name}" {f"WHERE {where}" if where else ""}'
        f" ORDER BY {_listed(table.key)}",
        values,
    )


def revision(side: Side) -> str:
    """The revision that its tables have."""
    return str(side.ask("SELECT version_num FROM alembic_version")[0][0])


def counts(side: Side) -> Mapping[str, int]:
    """Rows by table, of those that are there: an older database has fewer of them."""
    if side.dialect == "sqlite":
        found = side.ask("SELECT name FROM sqlite_schema WHERE type = 'table'")
    else:
        found = side.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    there = {str(name) for (name,) in found}
    return {table.name: count(side, table) for table in kept() if table.name in there}


def refuse_unfinished(side: Side) -> None:
    """Raise StoreRefused where a copy into this database has begun and not ended."""
    if side.ask("SELECT 1 FROM setting WHERE name = " + side.mark, (COPYING,)):
        raise StoreRefused(unfinished(f"the database {side.place}"))


def _kept(table: Table) -> Kept:
    return Kept(
        table.name,
        tuple(table.columns.keys()),
        tuple(table.primary_key.columns.keys()),
        bool(table.dialect_options["sqlite"]["autoincrement"]),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
