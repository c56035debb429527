"""Older tables become today's, after a snapshot. Imported only when there is something to do."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool
from twisted.logger import Logger

from mytracks.store.files import SNAPSHOTS, StoreRefused, put, snapshots, sync
from mytracks.store.limits import Limits
from mytracks.store.notes import VERSION

SCRIPTS: Final = Path(__file__).parent / "migrations"

log = Logger()


def migrate(path: Path, limits: Limits, scripts: Path = SCRIPTS) -> None:
    """Bring the SQLite database at `path` to the newest revision that `scripts` know.

    Killed at any moment, it leaves a whole database of some revision and goes on from there.
    Raises StoreRefused when the tables are newer than we are, or the disk has no room.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    have, first, newest = _pending(path, ScriptDirectory.from_config(config))
    if first is None:
        return
    log.info("migrating the store from {have} to {newest}", have=have, newest=newest)
    snapshot(path, f"before-{first}", limits.snapshots)
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def snapshot(path: Path, name: str, keep: int) -> Path:
    """Copy the database, whole and durable, to `snapshots/<name>.sqlite3`; keep the newest `keep`.

    Raises StoreRefused when the disk has no room for it.
    """
    folder = path.parent / SNAPSHOTS
    folder.mkdir(mode=0o700, exist_ok=True)
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


def _pending(path: Path, scripts: ScriptDirectory) -> tuple[str, str | None, str]:
    """The revision it has, the first to be applied (None: nothing) and the newest."""
    with closing(sqlite3.connect(path)) as connection:
        have = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        by = connection.execute("SELECT value FROM setting WHERE name = ?", (VERSION,)).fetchone()
    newest = str(scripts.get_current_head())
    try:
        # Newest first, down to but not including the one it has.
        pending = [script.revision for script in scripts.iterate_revisions(newest, have)]
    except RevisionError as error:
        raise StoreRefused(
            f"{path} was made by a newer mytracks ({by[0] if by else 'unknown'}, tables {have});"
            f" this one knows tables up to {newest}: install the newer version again"
        ) from error
    return have, pending[-1] if pending else None, newest


def _connect(path: Path) -> sqlite3.Connection:
    # The driver must neither begin nor commit by itself, or statements that change tables are not
    # part of the transaction. Foreign keys stay off: a table that is copied is dropped first, and
    # with them on all that refers to it would go as well.
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _begin(connection: Connection, *_: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
