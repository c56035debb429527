"""The folder of scheduled backups: what we made there, and what of it goes."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mytracks.store.files import sync

_NAME: Final = re.compile(r"mytracks-\d{8}T\d{6}Z\.tar")


def name(now: float) -> str:
    """What a backup of that moment (UTC seconds) is called."""
    return datetime.fromtimestamp(now, UTC).strftime("mytracks-%Y%m%dT%H%M%SZ.tar")


def backups(folder: Path) -> Sequence[Path]:
    """The files there that bear such a name, the newest first. Raises OSError."""
    if not folder.exists():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def rotate(folder: Path, keep: int) -> Sequence[Path]:
    """Remove all but the newest `keep` of our own; what was removed. Raises OSError."""
    gone = list(backups(folder)[keep:])
    for path in gone:
        path.unlink()
    if gone:
        sync(folder)
    return gone
