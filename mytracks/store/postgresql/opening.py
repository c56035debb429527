"""From a URL to a PostgreSQL database that keeps its word and has today's tables.

Whatever is odd is refused with one line, which never holds the password, and nothing is touched.
Synchronous, in a thread of its own: migrating may take minutes.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2 import errors, extensions
from twisted.logger import Logger

from mytracks import __version__
from mytracks.store.files import CorruptDatabase, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.notes import COPYING, NOTE, VERSION, unfinished
from mytracks.store.postgresql import address
from mytracks.store.postgresql.catalogue import (
    FOUND_ELSEWHERE,
    OURS,
    OUT_OF_REACH,
    SERVER,
    TABLES,
    Server,
)
from mytracks.store.postgresql.hanging import bounded
from mytracks.store.postgresql.known import Known
from mytracks.store.postgresql.refusing import refusal, refuse_server
from mytracks.store.schema import REVISION, ddl, tables
from mytracks.store.statements import NAMED

CONNECT_TIMEOUT: Final = 10
"""Seconds, unless the URL says otherwise."""
_PATIENCE: Final = 6
"""Times the seconds for an answer, for all that a start asks before it migrates."""
LOCK: Final = (0x6D79, 0)
"""Held, in the server, by the one process that looks at the tables or changes them."""

_SESSION: Final = (
    # What the role or the database set for others must not end a migration, or weaken it.
    "SET synchronous_commit = on",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET lock_timeout = '30s'",
)

log = Logger()


def prepare(
    url: str,
    limits: Limits,
    now: int,
    scripts: Path | None = None,
    *,
    known: Known | None = None,
) -> None:
    """Make, or check and migrate, the tables of the database at `url`. `now`: UTC seconds.

    `scripts`: other migrations than ours; `known`: where it is remembered which databases were in
    use. Raises StoreRefused, and CorruptDatabase when tables of ours are there but not whole, or
    gone.
    """
    where = address.place(url)
    try:
        with closing(connect(url)) as connection:
            within = _PATIENCE * limits.answer_within
            with bounded(connection, where, within):
                _check_server(connection, where)
            with ExitStack() as held:
                # The wait for another process is of its own length.
                with bounded(connection, where, limits.prepare_within + within):
                    held.enter_context(_alone(connection, where, limits.prepare_within))
                with bounded(connection, where, within):
                    if known is not None:
                        _refuse_emptied(connection, where, known)
                    old = _furnish(connection, where, now, scripts)
                if old is not None:
                    _migrate(connection, where, old, now, scripts)
                if known is not None:
                    known.remember(where)
    except psycopg2.Error as error:
        raise refusal(url, error) from error


def connect(url: str) -> extensions.connection:
    """A connection for statements one after the other, each durable by itself."""
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "mytracks"}
    given = address.parts(url)
    ours = {name: value for name, value in options.items() if name not in given}
    connection: extensions.connection = psycopg2.connect(url, **ours)
    connection.autocommit = True
    connection.set_client_encoding("UTF8")
    return connection


def ask(
    connection: extensions.connection, query: str, values: Any = None
) -> Sequence[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _check_server(connection: extensions.connection, where: str) -> None:
    (row,) = ask(connection, SERVER)
    server = Server(*row)
    refuse_server(server, where)
    if server.synchronous_commit == "off":
        log.warn(
            "synchronous_commit is off for the database {where}: mytracks turns it on for itself,"
            " but what others write there may be lost in a crash",
            where=where,
        )
    for statement in _SESSION:
        with connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def _alone(connection: extensions.connection, where: str, patience: float) -> Iterator[None]:
    """Hold the lock. When the process dies, the server lets go of it."""
    query = "SELECT pg_try_advisory_lock(%s, %s)"
    if not ask(connection, query, LOCK)[0][0]:
        log.info("another process prepares the database {where}: waiting for it", where=where)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{patience:.3f}s",))
            try:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", LOCK)
            except errors.LockNotAvailable:
                raise StoreRefused(
                    f"another process has been preparing the database {where} for more than"
                    f" {patience:g} s: look what it does, then start again"
                ) from None
            cursor.execute(_SESSION[-1])
    yield
    ask(connection, "SELECT pg_advisory_unlock(%s, %s)", LOCK)


def _refuse_emptied(connection: extensions.connection, where: str, known: Known) -> None:
    """Whoever lost all tables must not find an empty store, and phones acknowledged into it."""
    if known.remembers(where) and not ask(connection, TABLES):
        _refuse_second(connection, where)
        raise CorruptDatabase(
            f"the tables of the database {where} are gone: restore a backup, or remove"
            f" {known.path} to begin with an empty one"
        )


def _furnish(
    connection: extensions.connection, where: str, now: int, scripts: Path | None
) -> tuple[str, str] | None:
    """Make or check the tables; what is to be migrated: its revision, and who made it."""
    found = {str(name) for (name,) in ask(connection, TABLES)}
    if not found:
        _refuse_second(connection, where)
        _create(connection, now)
    elif found >= OURS:
        _refuse_out_of_reach(connection, where)
        return _check(connection, where, found, scripts)
    else:
        some = ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")
        raise StoreRefused(
            f"the database {where} holds tables of another program ({some}):"
            " give mytracks a database or a schema of its own"
        )
    return None


def _check(
    connection: extensions.connection, where: str, found: set[str], scripts: Path | None
) -> tuple[str, str] | None:
    try:
        have = [str(name) for (name,) in ask(connection, "SELECT version_num FROM alembic_version")]
        by = ask(connection, "SELECT value FROM setting WHERE name = %s", (VERSION,))
        copying = ask(connection, "SELECT 1 FROM setting WHERE name = %s", (COPYING,))
    except (errors.UndefinedColumn, errors.DatatypeMismatch) as error:
        raise StoreRefused(f"the database {where} is one of another program") from error
    if copying:
        raise StoreRefused(unfinished(f"the database {where}"))
    if len(have) != 1:
        raise CorruptDatabase(
            f"the database {where} does not say which revision its tables have: restore a backup"
        )
    if have[0] == REVISION and scripts is None:
        missing = sorted({table.name for table in tables("postgresql")} - found)
        if missing:
            raise CorruptDatabase(
                f"the database {where} lacks its tables {', '.join(missing)}: restore a backup"
            )
        return None
    return have[0], str(by[0][0]) if by else "unknown"


def _migrate(
    connection: extensions.connection,
    where: str,
    old: tuple[str, str],
    now: int,
    scripts: Path | None,
) -> None:
    """However long it takes: nobody can say from outside whether it is the server that hangs."""
    # Alembic is large, and needed only now.
    from mytracks.store.migrating import SCRIPTS, migrate_postgresql

    if migrate_postgresql(connection, f"the database {where}", *old, scripts or SCRIPTS):
        connection.autocommit = True
        _sign(connection, now)


def _create(connection: extensions.connection, now: int) -> None:
    """All tables in one transaction: killed in the middle, nothing is there."""
    # psycopg2 begins one here although it is in autocommit mode otherwise.
    with connection, connection.cursor() as cursor:
        for statement in ddl(NAMED["postgresql"]):
            cursor.execute(statement)
        _sign(connection, now)


def _sign(connection: extensions.connection, now: int) -> None:
    with connection.cursor() as cursor:
        values = {"name": VERSION, "value": __version__, "changed": now}
        cursor.execute(NOTE.texts["postgresql"], values)


def _refuse_second(connection: extensions.connection, where: str) -> None:
    """Whoever changes the search path must not find an empty store in place of their own."""
    ((here, elsewhere, may_create, user),) = ask(connection, FOUND_ELSEWHERE)
    if elsewhere is not None:
        raise StoreRefused(
            f"the tables of mytracks in the database {where} are in the schema {elsewhere}, but"
            f" the search path now begins with {here}: name {elsewhere} first"
        )
    if not may_create:
        raise StoreRefused(
            f"the database {where} does not let us make tables:"
            f" GRANT CREATE ON SCHEMA {here} TO {user}"
        )


def _refuse_out_of_reach(connection: extensions.connection, where: str) -> None:
    names = [table.name for table in tables("postgresql")] + ["alembic_version"]
    found = [str(name) for (name,) in ask(connection, OUT_OF_REACH, (names,))]
    if found:
        raise StoreRefused(
            f"the database {where} does not let us read and write {', '.join(found[:3])}:"
            " make its tables belong to our user, or grant all rights on them"
        )


__all__ = ["LOCK", "CorruptDatabase", "StoreRefused", "connect", "prepare"]
