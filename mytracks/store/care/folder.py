"""The folder of scheduled backups: what we made there, and what of it goes."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mytracks.store.files import sync

_FORM: Final = "mytracks-%Y%m%dT%H%M%SZ.tar"
_NAME: Final = re.compile(r"mytracks-\d{8}T\d{6}Z\.tar")
_LEFT: Final = re.compile(_NAME.pattern + r"(\.database)?\.part(-journal)?")


def name(now: float) -> str:
    """What a backup of that moment (UTC seconds) is called."""
    return datetime.fromtimestamp(now, UTC).strftime(_FORM)


def made(path: Path) -> int:
    """The moment (UTC seconds) in the name of such a backup. Raises ValueError for other names."""
    if not _NAME.fullmatch(path.name):
        raise ValueError(path.name)
    return int(datetime.strptime(path.name, _FORM).replace(tzinfo=UTC).timestamp())


def backups(folder: Path, now: float) -> Sequence[Path]:
    """The files there that bear such a name, the newest first. Raises OSError.

    What is dated after `now` (UTC seconds) was made while a clock was ahead: nobody knows when, and
    it counts as older than all others.
    """
    if not folder.exists():
        return []
    dated = []
    for path in folder.iterdir():
        with suppress(ValueError):
            dated.append(((at := made(path)) <= now, at, path))
    return [path for _, _, path in sorted(dated, reverse=True) if path.is_file()]


def rotate(folder: Path, keep: int, now: float) -> Sequence[Path]:
    """Remove all but the newest `keep` of our own; what was removed. Raises OSError."""
    gone = list(backups(folder, now)[keep:])
    for path in gone:
        path.unlink()
    if gone:
        sync(folder)
    return gone


def clear(folder: Path) -> None:
    """Remove what runs left that were killed; nothing is written there now. Raises OSError."""
    for path in list(folder.iterdir()):
        if _LEFT.fullmatch(path.name):
            path.unlink()
