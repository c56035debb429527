"""Whether the pages of a database belong together."""

import sqlite3


def damage(connection: sqlite3.Connection) -> str:
    """The first thing found wrong, in one line; empty: nothing."""
    found = [str(text) for (text,) in connection.execute("PRAGMA quick_check(1)").fetchall()]
    return "" if found == ["ok"] else " ".join(" ".join(found).split())
