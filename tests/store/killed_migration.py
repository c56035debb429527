"""Prepares copies of a database and dies before the n-th statement, for every n.

python -m tests.store.killed_migration sqlite DATABASE SCRIPTS FOLDER leaves `FOLDER/<n>/…` behind.
python -m tests.store.killed_migration postgresql URL SCRIPTS NAME copies the database of URL and
leaves databases `<NAME>_<n>` behind. Each was killed once; how many there are is written.
Forks, so it must run in a process without threads.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mytracks.store.limits import Limits
from mytracks.store.migrating import migrate
from mytracks.store.postgresql.opening import prepare
from tests.store.cases import NOW

KILLED = 9


def death(number: int) -> Callable[..., None]:
    """Called before every statement: ends the process, at once, before the n-th."""
    statements = 0

    def one_more(*_: Any) -> None:
        nonlocal statements
        statements += 1
        if statements == number:
            os._exit(KILLED)

    return one_more


def killed(work: Callable[[], None]) -> bool:
    """Whether `work`, done in a process of its own, was killed; whatever else fails, fails here."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status and os.waitstatus_to_exitcode(status) != KILLED:
        sys.exit("the work failed by itself")
    return bool(status)


def on_sqlite(database: Path, scripts: Path, folder: Path) -> Iterator[bool]:
    """Whether each n-th copy was killed."""
    for number in count(1):
        (folder / str(number)).mkdir()
        copy = folder / str(number) / database.name
        shutil.copy(database, copy)

        def work(copy: Path = copy, number: int = number) -> None:
            event.listen(Engine, "before_cursor_execute", death(number))
            migrate(copy, Limits(), scripts)

        yield killed(work)


def on_postgresql(url: str, scripts: Path | None, name: str) -> Iterator[bool]:
    """The same; every statement counts, those of our own and those of SQLAlchemy alike."""
    place, _, template = url.rpartition("/")
    for number in count(1):
        copy = f"{name}_{number}"
        with closing(psycopg2.connect(f"{place}/postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {copy} TEMPLATE {template} STRATEGY file_copy")

        def work(copy: str = copy, number: int = number) -> None:
            make_mortal(death(number))
            prepare(f"{place}/{copy}", Limits(), NOW, scripts)

        yield killed(work)


def make_mortal(before_each: Callable[..., None]) -> None:
    """Let every cursor that psycopg2 makes call `before_each` before it executes."""

    class Mortal(extensions.cursor):
        """May be the last."""

        def execute(self, *words: Any) -> None:
            """Or not."""
            before_each()
            super().execute(*words)

    connect = psycopg2.connect
    psycopg2.connect = lambda *words, **more: connect(*words, cursor_factory=Mortal, **more)


if __name__ == "__main__":
    kind, target, migrations, copies = sys.argv[1:]
    if kind == "sqlite":
        each = on_sqlite(Path(target), Path(migrations), Path(copies))
    else:
        each = on_postgresql(target, Path(migrations) if migrations else None, copies)
    sys.stdout.write(f"{sum(takewhile(bool, each))}\n")
