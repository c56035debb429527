"""A SQLite file as the care of data sees it. Beside a running daemon only reading is right."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mytracks.store.care.archive import Progress
from mytracks.store.care.sides import Kept, Row, highest
from mytracks.store.files import StoreRefused
from mytracks.store.schema import ddl
from mytracks.store.sqlite.checking import damage
from mytracks.store.sqlite.pragmas import PAGE_SIZE, READER, WRITER, connect
from mytracks.store.statements import NAMED

_STEPS: Final = 200_000
"""Instructions of SQLite's machine between two looks at how far it is."""


class SQLiteSide:
    """One connection to a file."""

    dialect = "sqlite"
    mark = "?"

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.place = str(path)
        self._connection = connection

    def ask(self, query: str, values: Sequence[Any] = ()) -> Sequence[Row]:
        """See Side."""
        return self._connection.execute(query, values).fetchall()

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """See Side."""
        return iter(self._connection.execute(query, values))

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """See Side."""
        self._connection.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Side."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def insert(self, kept: Kept, rows: Sequence[Row]) -> None:
        """See Side."""
        marks = ", ".join("?" * len(kept.columns))
        self._connection.executemany(
            f'INSERT INTO "{kept.name}" ({kept.listed}) VALUES ({marks})', rows
        )

    def given(self, kept: Kept) -> int:
        """See Side."""
        if not kept.numbered:
            return highest(self, kept)
        found = self.ask("SELECT seq FROM sqlite_sequence WHERE name = ?", (kept.name,))
        return int(found[0][0]) if found else 0

    def set_given(self, kept: Kept, number: int) -> None:
        """See Side. Of other tables than numbered ones SQLite looks itself what is the highest."""
        if not kept.numbered:
            return
        number = max(number, self.given(kept))
        self.run("DELETE FROM sqlite_sequence WHERE name = ?", (kept.name,))
        self.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (kept.name, number))

    def close(self) -> None:
        """See Side."""
        self._connection.close()


def reading(path: Path) -> SQLiteSide:
    """A snapshot of the file, which another process may go on writing."""
    if not path.exists():
        raise StoreRefused(f"there is no database {path}")
    connection = connect(path, READER)
    connection.execute("BEGIN")
    return SQLiteSide(path, connection)


def writing(path: Path) -> SQLiteSide:
    """A file that nobody else has."""
    connection = connect(path, {**WRITER, "foreign_keys": 0})
    return SQLiteSide(path, connection)


def created(path: Path) -> SQLiteSide:
    """Today's tables in a new file that is worth nothing before it is finished and synced."""
    path.touch(mode=0o600, exist_ok=False)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = off")
    connection.execute("PRAGMA synchronous = off")
    for statement in ddl(NAMED["sqlite"]):
        connection.execute(statement)
    return SQLiteSide(path, connection)


def copy_whole(path: Path, part: Path, progress: Progress) -> None:
    """A consistent copy of the file, made by SQLite itself, at the new path `part`."""
    part.touch(mode=0o600, exist_ok=False)
    connection = connect(path, READER)
    size = path.stat().st_size

    def look() -> int:
        progress("copying the database", min(part.stat().st_size, size), size)
        return 0

    try:
        # It forbids this as well, which writes nothing into the database itself.
        connection.execute("PRAGMA query_only = 0")
        connection.set_progress_handler(look, _STEPS)
        connection.execute("VACUUM INTO ?", (str(part),))
    finally:
        connection.close()


def refuse_damaged(path: Path, told: str) -> None:
    """Raise StoreRefused unless the pages of the file at `path` belong together."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        found = damage(connection)
    finally:
        connection.close()
    if found:
        raise StoreRefused(f"{told} is damaged: {found}")
