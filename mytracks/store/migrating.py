"""Older tables become today's; on SQLite after a snapshot, on PostgreSQL each migration in one
transaction. Imported only when there is something to do.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool
from twisted.logger import Logger

from mytracks.store.files import SNAPSHOTS, StoreRefused, put, snapshots, sync
from mytracks.store.limits import Limits
from mytracks.store.notes import VERSION

if TYPE_CHECKING:
    import psycopg2.extensions

SCRIPTS: Final = Path(__file__).parent / "migrations"

log = Logger()


def migrate(path: Path, limits: Limits, scripts: Path = SCRIPTS) -> None:
    """Bring the SQLite database at `path` to the newest revision that `scripts` know.

    Killed at any moment, it leaves a whole database of some revision and goes on from there.
    Raises StoreRefused when the tables are newer than we are, or the disk has no room.
    """
    with closing(sqlite3.connect(path)) as connection:
        have = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        by = connection.execute("SELECT value FROM setting WHERE name = ?", (VERSION,)).fetchone()
    first = _pending(str(path), have, by[0] if by else "unknown", scripts)
    if first is None:
        return
    snapshot(path, f"before-{first}", limits.snapshots)
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    _upgrade(engine, scripts)


def migrate_postgresql(
    connection: "psycopg2.extensions.connection", where: str, have: str, by: str, scripts: Path
) -> bool:
    """Bring the tables that `connection` sees from revision `have` to the newest of `scripts`.

    Whoever calls holds the lock. `where`, `by`: for people, the database and the version that made
    it. Returns whether there was anything to do. Raises StoreRefused when the tables are newer.
    """
    if _pending(where, have, by, scripts) is None:
        return False
    connection.autocommit = False
    # One connection, which holds the lock, and which SQLAlchemy leaves open.
    engine = create_engine(
        "postgresql+psycopg2://",
        creator=lambda: connection,
        poolclass=StaticPool,
        use_native_hstore=False,
    )
    try:
        _upgrade(engine, scripts)
    except DBAPIError as error:
        raise error.orig or error from error
    return True


def snapshot(path: Path, name: str, keep: int) -> Path:
    """Copy the database, whole and durable, to `snapshots/<name>.sqlite3`; keep the newest `keep`.

    Raises StoreRefused when the disk has no room for it.
    """
    folder = path.parent / SNAPSHOTS
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)
    log_file = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log_file.stat().st_size if log_file.exists() else 0)
    needed = size + size // 10
    if shutil.disk_usage(folder).free < needed:
        raise StoreRefused(
            f"a snapshot of {path} before migrating needs {needed} free bytes in {folder}"
        )
    part, whole = folder / f"{name}.part", folder / f"{name}.sqlite3"
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(part),))
    put(part, whole)
    for old in snapshots(path.parent)[keep:]:
        old.unlink()
    sync(folder)
    return whole


def _pending(where: str, have: str, by: str, scripts: Path) -> str | None:
    """The first revision to be applied; None: nothing."""
    known = ScriptDirectory.from_config(_config(scripts))
    newest = str(known.get_current_head())
    try:
        # Newest first, down to but not including the one it has.
        pending = [script.revision for script in known.iterate_revisions(newest, have)]
    except RevisionError as error:
        raise StoreRefused(
            f"{where} was made by a newer mytracks ({by}, tables {have});"
            f" this one knows tables up to {newest}: install the newer version again"
        ) from error
    if not pending:
        return None
    log.info("migrating the store from {have} to {newest}", have=have, newest=newest)
    return pending[-1]


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config


def _upgrade(engine: Engine, scripts: Path) -> None:
    config = _config(scripts)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _connect(path: Path) -> sqlite3.Connection:
    # The driver must neither begin nor commit by itself, or statements that change tables are not
    # part of the transaction. Foreign keys stay off: a table that is copied is dropped first, and
    # with them on all that refers to it would go as well.
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _begin(connection: Connection, *_: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
