"""The tables, in the layout of both databases.

Only types that need no conversion on their way in or out (`Text`, `LargeBinary`, `Integer`, `Big`):
statements are compiled here and executed without SQLAlchemy. Times are UTC epoch seconds, flags 0
or 1, JSON is text. A change here needs a migration beside it and a new `REVISION`.
"""

from collections.abc import Sequence
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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

REVISION: Final = "0001"
"""The migration that leads to these tables."""

Big: Final = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; SQLite makes only an INTEGER key the row's own number."""

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True, **options)


def _clustered(name: str, *parts: Any) -> Table:
    """Rows live in the primary key itself; for small rows only, a large one spills."""
    return _table(name, *parts, sqlite_with_rowid=False)


def _numbered(name: str, *parts: Any) -> Table:
    """Numbers that are never given twice, not even after a delete: they live on in memory,
    and nobody may inherit the places of a device that is gone."""
    return _table(name, Column("id", Big, primary_key=True), *parts, sqlite_autoincrement=True)


def _owner(column: str, parent: str, *, nullable: bool = False) -> Column[Any]:
    """A reference to whom the row belongs: it goes when they go."""
    return Column(column, Big, ForeignKey(f"{parent}.id", ondelete="CASCADE"), nullable=nullable)


user_account: Final = _numbered(
    "user_account",
    Column("name", Text, nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("role", Integer, nullable=False),
    Column("password", Text, nullable=False),
    Column("totp", LargeBinary),
    Column("disabled", Integer, nullable=False),
    Column("email", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("settings", Text, nullable=False),
)

device: Final = _numbered(
    "device",
    _owner("user_id", "user_account"),
    Column("name", Text, nullable=False),
    Column("tid", Text),
    Column("platform", Integer),
    Column("client_id", Text),
    Column("created", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("last_tst", Big),
    Column("last_seq", Integer),
    Column("locations", Big, nullable=False, server_default=text("0")),
    Column("card_id", Big),
    Column("flags", Integer, nullable=False, server_default=text("0")),
    Column("fold_version", Big, nullable=False, server_default=text("0")),
    UniqueConstraint("user_id", "name"),
)

credential: Final = _numbered(
    "credential",
    _owner("user_id", "user_account"),
    Column("kind", Integer, nullable=False),
    _owner("device_id", "device", nullable=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("last_used", Big),
    Column("expires", Big),
    Column("revoked", Big),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

web_session: Final = _clustered(
    "web_session",
    Column("token_hash", LargeBinary, primary_key=True),
    _owner("user_id", "user_account"),
    Column("created", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Index(None, "user_id"),
)

location: Final = _clustered(
    "location",
    Column(
        "device_id",
        Big,
        ForeignKey("device.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("tst", Big, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("lat", Integer, nullable=False),
    Column("lon", Integer, nullable=False),
    Column("acc", Integer),
    Column("alt", Integer),
    Column("vac", Integer),
    Column("vel", Integer),
    Column("cog", Integer),
    Column("batt", Integer),
    Column("bs", Integer),
    Column("conn", Integer),
    Column("mode", Integer),
    Column("trig", Integer),
    Column("source", Integer),
    Column("via", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("delay", Integer),
    Column("message_id", Integer),
    Column("reported", Integer),
    Column("context_id", Big),
    Column("extra", Text),
)

context: Final = _table(
    "context",
    Column("id", Big, primary_key=True),
    _owner("device_id", "device"),
    Column("hash", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("device_id", "hash"),
)

message: Final = _table(
    "message",
    Column("id", Big, primary_key=True),
    _owner("device_id", "device"),
    Column("received", Big, nullable=False),
    Column("type", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "device_id", "received"),
    Index(None, "received"),
)

quarantine: Final = _table(
    "quarantine",
    Column("id", Big, primary_key=True),
    Column("received", Big, nullable=False),
    Column("source", Integer, nullable=False),
    _owner("user_id", "user_account", nullable=True),
    _owner("device_id", "device", nullable=True),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

setting: Final = _table(
    "setting",
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed", Big, nullable=False),
)

_version: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it: a fresh database equals an upgraded one."""


def ddl(dialect: Dialect) -> Sequence[str]:
    """The statements that make a whole new database, marked with its revision."""
    texts = []
    for table in (_version, *metadata.sorted_tables):
        texts.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        texts += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    texts.append(f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}')")
    return texts
