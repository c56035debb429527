"""Files of the data folder: found, made and moved so that a crash leaves the old or the new one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FILE: Final = "mytracks.sqlite3"
SNAPSHOTS: Final = "snapshots"


class StoreRefused(Exception):
    """The store cannot be opened; one line says why."""


class CorruptDatabase(StoreRefused):
    """The file is damaged or gone; the text names it and says what to do. Nothing was changed."""


def snapshots(directory: Path) -> Sequence[Path]:
    """Whole snapshots of the database, the newest first."""
    found = (directory / SNAPSHOTS).glob("*.sqlite3")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def damaged(path: Path, what: str) -> CorruptDatabase:
    """The refusal to go on with `path`, which tells how to restore it."""
    kept = snapshots(path.parent)
    if kept:
        way = f"the newest snapshot is {kept[0]}: give it, or a backup, to `mytracks restore`"
    else:
        way = "there is no snapshot: give a backup to `mytracks restore`"
    return CorruptDatabase(
        f"{path} {what}; {way}"
        f" (move {path.name} and {path.name}-wal away first, do not delete them)"
    )


def put(part: Path, whole: Path) -> None:
    """Make the finished file `part` durable under its final name."""
    sync(part)
    os.replace(part, whole)
    sync(whole.parent)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
