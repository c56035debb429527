"""Connections to the file, with every pragma set and read back."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mytracks.store.files import StoreRefused

OLDEST: Final = (3, 37, 0)
"""STRICT tables, RETURNING and row values."""

PAGE_SIZE: Final = 4096

_BOTH: Final[Mapping[str, int | str]] = {
    "busy_timeout": 5000,
    # An acknowledged row survives a power cut only with FULL.
    "synchronous": 2,
    # Page faults of a map drag the kernel's read-ahead along; no map is faster when cold.
    "mmap_size": 0,
    "temp_store": 2,
    "trusted_schema": 0,
    "cell_size_check": 1,
}
WRITER: Final[Mapping[str, int | str]] = {
    **_BOTH,
    "journal_mode": "wal",
    "foreign_keys": 1,
    "wal_autocheckpoint": 1000,
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -32768,
}
READER: Final[Mapping[str, int | str]] = {
    **_BOTH,
    "query_only": 1,
    # Only the writer folds the log: SQLite up to 3.51.2 may corrupt it when two do.
    "wal_autocheckpoint": 0,
    "cache_size": -8192,
}


def connect(path: Path, pragmas: Mapping[str, int | str]) -> sqlite3.Connection:
    """Open an existing database. Raises StoreRefused when a pragma does not take.

    In Python's terms in autocommit mode: transactions begin and end only where we say so.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, cached_statements=512
    )
    try:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}").fetchall()
            found = connection.execute(f"PRAGMA {name}").fetchone()
            # A SQLite built without memory maps answers nothing, which is no map as well.
            if found != (value,) and not (name == "mmap_size" and found is None):
                answer = found[0] if found else "nothing"
                raise StoreRefused(f"{path}: SQLite set {name} to {answer} instead of {value}")
    except BaseException:
        connection.close()
        raise
    return connection
