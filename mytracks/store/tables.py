"""How our tables are made: their kinds, and the types that need no conversion on either database.

Only `Text`, `LargeBinary`, `Integer` and `Big`: statements are compiled here and executed without
SQLAlchemy. Times are UTC epoch seconds, flags 0 or 1, JSON is text.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

Big: Final = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; SQLite makes only an INTEGER key the row's own number."""

ONLY: Final = "dialect"
"""The key in a table's `info` that names the one database it is made on."""

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

version: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it: a fresh database equals an upgraded one."""


def plain(name: str, *parts: Any, **options: Any) -> Table:
    """An ordinary table, strict on SQLite as PostgreSQL is."""
    return Table(name, metadata, *parts, sqlite_strict=True, **options)


def clustered(name: str, *parts: Any) -> Table:
    """Rows live in the primary key itself; for small rows only, a large one spills."""
    return plain(name, *parts, sqlite_with_rowid=False)


def numbered(name: str, *parts: Any) -> Table:
    """Numbers that are never given twice, not even after a delete: they live on in memory,
    and nobody may inherit the places of a device that is gone."""
    return plain(name, Column("id", Big, primary_key=True), *parts, sqlite_autoincrement=True)


def owner(column: str, parent: str, *, nullable: bool = False) -> Column[Any]:
    """A reference to whom the row belongs: it goes when they go."""
    return Column(column, Big, ForeignKey(f"{parent}.id", ondelete="CASCADE"), nullable=nullable)


def owner_in_key(column: str, parent: str) -> Column[Any]:
    """The same as the first column of the primary key."""
    goes = ForeignKey(f"{parent}.id", ondelete="CASCADE")
    return Column(column, Big, goes, primary_key=True, autoincrement=False)


def mention(column: str, parent: str) -> Column[Any]:
    """A reference that the row outlives: it becomes null when they go."""
    return Column(column, Big, ForeignKey(f"{parent}.id", ondelete="SET NULL"))


def count(name: str) -> Column[Any]:
    """A number that starts at 0."""
    return Column(name, Big, nullable=False, server_default=text("0"))


def flags(name: str) -> Column[Any]:
    """Small, and 0 until somebody says otherwise."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


def key_of(name: str, **options: Any) -> Column[Any]:
    """16 bytes of the SHA-256 of a text that clients choose: an entry of a PostgreSQL index holds
    2.7 kB, and a topic, a filter or a client id may be 65,535 bytes long."""
    return Column(f"{name}_key", LargeBinary, nullable=False, **options)


def only_one(table: str, state: int, *columns: str) -> Index:
    """At most one row in `state` (for each value of `columns`), enforced by the database."""
    where = text(f"state = {state}")
    return Index(
        f"uq_{table}_active",
        *(columns or ("state",)),
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
