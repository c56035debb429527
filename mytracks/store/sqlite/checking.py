"""Whether the pages of a database belong together."""

import sqlite3

from mytracks.store.sqlite.failures import is_damaged


def damage(connection: sqlite3.Connection) -> str:
    """The first thing found wrong, in one line; empty: nothing."""
    try:
        found = [str(text) for (text,) in connection.execute("PRAGMA quick_check(1)").fetchall()]
    except sqlite3.DatabaseError as error:
        if not is_damaged(error):
            raise
        found = [str(error)]
    return "" if found == ["ok"] else " ".join(" ".join(found).split())
