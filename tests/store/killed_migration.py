"""Migrates copies of a database and dies before the n-th statement, for every n.

python -m tests.store.killed_migration DATABASE SCRIPTS FOLDER: leaves `FOLDER/<n>/…` behind, each
killed once, and writes how many there are. Forks, so it must run in a process without threads.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from mytracks.store.limits import Limits
from mytracks.store.migrating import migrate

KILLED = 9


def killed_before(database: Path, scripts: Path, folder: Path, number: int) -> bool:
    """Whether the migration of a copy had an n-th statement, before which it was killed."""
    folder.mkdir()
    copy = folder / database.name
    shutil.copy(database, copy)
    child = os.fork()
    if child == 0:
        statements = 0

        def count(*_: Any) -> None:
            nonlocal statements
            statements += 1
            if statements == number:
                os._exit(KILLED)

        event.listen(Engine, "before_cursor_execute", count)
        migrate(copy, Limits(), scripts)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def main(database: Path, scripts: Path, folder: Path) -> None:
    number = 1
    while killed_before(database, scripts, folder / str(number), number):
        number += 1
    sys.stdout.write(f"{number - 1}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
