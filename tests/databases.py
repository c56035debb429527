"""Which database the tests of this process use, and a new one for whoever needs one.

`MYTRACKS_TEST_DATABASE` is `sqlite` (the default) or `postgresql`: the same tests of the store, of
the services on it and of the whole system run on both (`python -m tests` does both).
"""

import atexit
import os
from functools import cache
from typing import Final

from tests.postgresql.server import PostgreSQL

VARIABLE: Final = "MYTRACKS_TEST_DATABASE"
SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
KIND: Final = os.environ.get(VARIABLE, SQLITE)

if KIND not in (SQLITE, POSTGRESQL):
    raise ValueError(f"{VARIABLE} is {KIND!r}, neither {SQLITE} nor {POSTGRESQL}")

ON_SQLITE: Final = KIND == SQLITE
ONLY_SQLITE: Final = None if ON_SQLITE else "this is about SQLite's file"
"""A reason to skip where there is no file; None: run."""


@cache
def server() -> PostgreSQL:
    """The server that the tests of this process share, running."""
    made = PostgreSQL()
    atexit.register(made.close)
    return made.make().start()


def new(template: str | None = None) -> str:
    """What `--database` is to be for a store of its own; `template`: one that it is a copy of,
    which nobody uses meanwhile. On SQLite the file in the data folder is the database, and whoever
    wants a copy copies it."""
    if ON_SQLITE:
        return SQLITE
    return server().database(None if template is None else template.rpartition("/")[2])


def drop(database: str) -> None:
    """Nobody needs it any more; one on a server of the test's own goes with that."""
    if server.cache_info().currsize and database.startswith(server().url("")):
        server().drop(database)
