"""From a data folder to a database file that is whole and has today's tables.

A database is made only in a folder that has never had one; whatever is odd is refused with one
line, and nothing is renamed or deleted. Runs in the writer's thread: migrating may take minutes.
"""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from mytracks import __version__
from mytracks.store.files import FILE, CorruptDatabase, StoreRefused, damaged, put, snapshots
from mytracks.store.limits import Limits
from mytracks.store.notes import NOTE, VERSION
from mytracks.store.schema import REVISION, ddl
from mytracks.store.sqlite.checking import damage
from mytracks.store.sqlite.failures import is_damaged, passing_reason
from mytracks.store.sqlite.pragmas import OLDEST, PAGE_SIZE
from mytracks.store.statements import NAMED

_MAGIC: Final = b"SQLite format 3\0"


def prepare(directory: Path, limits: Limits, now: int) -> None:
    """Make or check and migrate the database of `directory`. `now`: UTC seconds.

    Raises StoreRefused, CorruptDatabase among it, and errors that `refusal` words.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreRefused(
            f"SQLite {sqlite3.sqlite_version} is too old: at least"
            f" {'.'.join(map(str, OLDEST))} is needed"
        )
    path = directory / FILE
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_read_only(directory)
    if path.exists():
        _check(path, limits)
        _migrate(path, limits, now)
    else:
        _refuse_leftovers(path)
        create(path, ddl(NAMED["sqlite"]), now)


def refusal(path: Path, error: Exception) -> StoreRefused:
    """Why the database at `path` is not opened, in one line."""
    if is_damaged(error):
        return damaged(path, f"is damaged: {error}")
    reason = passing_reason(error, path.parent)
    return StoreRefused(f"the store in {path.parent} cannot be opened: {reason}")


def create(path: Path, statements: Sequence[str], now: int) -> None:
    """Make a new database in a file of another name, and give it its name when it is whole."""
    part = path.with_name(f"{path.name}.part")
    for left in (part, part.with_name(f"{part.name}-journal")):
        left.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        _sign(connection, now)
        connection.execute("COMMIT")
    put(part, path)


def revision(path: Path) -> str:
    """The revision that the tables of an existing database have. Raises StoreRefused."""
    # Not as a reader: whoever opens a database in this mode first may have to recover its log.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise StoreRefused(f"{path} is a database of another program") from error
            raise
    if row is None:
        raise damaged(path, "does not say which revision its tables have")
    return str(row[0])


def _refuse_read_only(directory: Path) -> None:
    """SQLite would say later, and less clearly, that it cannot write here."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        raise StoreRefused(f"the data folder {directory} is read-only: {error.strerror}") from error


def _check(path: Path, limits: Limits) -> None:
    with open(path, "rb") as file:
        magic = file.read(len(_MAGIC))
    if not magic:
        raise damaged(path, "is empty")
    if magic != _MAGIC:
        raise damaged(path, "is not a SQLite database")
    if path.stat().st_size > limits.check_at_start:
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        found = damage(connection)
    if found:
        raise damaged(path, f"is damaged: {found}")


def _migrate(path: Path, limits: Limits, now: int) -> None:
    if revision(path) == REVISION:
        return
    # Alembic is large, and needed only now.
    from mytracks.store.migrating import migrate

    migrate(path, limits)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _sign(connection, now)


def _sign(connection: sqlite3.Connection, now: int) -> None:
    values = {"name": VERSION, "value": __version__, "changed": now}
    connection.execute(NOTE.texts["sqlite"], values)


def _refuse_leftovers(path: Path) -> None:
    """A missing database beside what belongs to one was lost, not never there."""
    logs = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    left = [log.name for log in logs if log.exists()] + [
        kept.name for kept in snapshots(path.parent)
    ]
    if left:
        raise damaged(path, f"is missing, but {', '.join(left)} is there")


__all__ = ["CorruptDatabase", "StoreRefused", "create", "prepare", "refusal", "revision"]
