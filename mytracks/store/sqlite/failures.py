"""What an error of SQLite means: is it the row's, does it pass, or is it the end of writing?"""

import errno
import sqlite3
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Final


class Trouble(Enum):
    """An error of the file, not of a row."""

    PASSING = "passing"
    """Nothing was stored; the same may work later."""
    FATAL = "fatal"
    """What the disk holds is unknown: nothing more may be acknowledged."""


_PASSING: Final = (
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_CANTOPEN",
)
_FATAL: Final = ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")
_REFUSED_BY_DISK: Final = (
    "SQLITE_IOERR_WRITE",
    "SQLITE_IOERR_SHM",
    "SQLITE_IOERR_TRUNCATE",
    "SQLITE_CANTOPEN",
)
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNWRITABLE: Final = _NO_ROOM | {errno.EROFS, errno.EACCES, errno.EPERM}


def name_of(error: BaseException) -> str:
    """`SQLITE_…`, with the extended code where there is one; else empty."""
    return str(getattr(error, "sqlite_errorname", ""))


def trouble(error: BaseException, directory: Path) -> Trouble | None:
    """What `error` says of the file; None: it is the row's or the unit's own."""
    if isinstance(error, MemoryError):
        return Trouble.PASSING
    if refusal_of_disk(error, directory) is not None:
        return Trouble.PASSING
    name = name_of(error)
    if name.startswith(_FATAL):
        return Trouble.FATAL
    return Trouble.PASSING if name.startswith(_PASSING) else None


def is_full(error: BaseException, directory: Path) -> bool:
    """Whether room would help."""
    said = error if isinstance(error, OSError) else refusal_of_disk(error, directory)
    if said is not None:
        return said.errno in _NO_ROOM
    return name_of(error).startswith("SQLITE_FULL")


def is_damaged(error: BaseException) -> bool:
    """Whether the file is not a database, or no longer a whole one."""
    return name_of(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def line(error: BaseException) -> str:
    """One line for people, which names no file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    name = name_of(error)
    text = str(error) or type(error).__name__
    return f"{text} ({name})" if isinstance(error, sqlite3.Error) and name else text


def passing_reason(error: BaseException, directory: Path) -> str:
    """One line for anybody on trouble that passes: what the disk itself says, if it does."""
    refusal = refusal_of_disk(error, directory)
    return line(error) if refusal is None else f"the disk cannot be written: {refusal.strerror}"


def refusal_of_disk(error: BaseException, directory: Path) -> OSError | None:
    """Why the disk does not take a few bytes now, if that may have led to `error` and passes.

    A quota, a file system that became read-only, no room for the log's index: SQLite has no names
    of its own for those.
    """
    if not name_of(error).startswith(_REFUSED_BY_DISK):
        return None
    probe = directory / "writable.part"
    try:
        with open(probe, "wb") as file:
            file.write(b"\0" * 4096)
    except OSError as error:
        return error if error.errno in _UNWRITABLE else None
    finally:
        with suppress(OSError):
            probe.unlink()
    return None
