"""Whatever goes wrong with a file or a database, in one line for people."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mytracks.store.files import StoreRefused
from mytracks.store.sqlite.failures import is_damaged, line, name_of

SQLITE: Final = "sqlite"


@contextmanager
def worded(what: str, path: Path | None = None, url: str = SQLITE) -> Iterator[None]:
    """Turn errors of files, SQLite and PostgreSQL into StoreRefused. `what` cannot be done then;
    `path`: the file it is about, where the error names none; `url`: the PostgreSQL in use.
    """
    try:
        yield
    except sqlite3.Error as error:
        if name_of(error).startswith("SQLITE_INTERRUPT"):
            # What Ctrl-C raises inside SQLite's own work is lost on the way out.
            raise KeyboardInterrupt from error
        how = "is damaged" if is_damaged(error) else "cannot be used"
        raise StoreRefused(f"{what}: {path or 'the database'} {how}: {line(error)}") from error
    except OSError as error:
        named = error.filename or path
        where = f"{named}: " if named else ""
        raise StoreRefused(f"{what}: {where}{error.strerror or error}") from error
    except Exception as error:
        refused = _of_server(what, url, error)
        if refused is None:
            raise
        raise refused from error


def _of_server(what: str, url: str, error: Exception) -> StoreRefused | None:
    """psycopg2 is large: it is looked at only where it is in use already."""
    driver = sys.modules.get("psycopg2")
    if url == SQLITE or driver is None or not isinstance(error, driver.Error):
        return None
    from mytracks.store.postgresql.refusing import refusal

    return StoreRefused(f"{what}: {refusal(url, error)}")
