"""What an error of PostgreSQL means: the row's, passing, a lost connection, or the end of writing.

Reasons name neither host nor user: anybody may ask for the health.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import psycopg2


class Late(Exception):
    """No answer in time; the connection was given up."""


class Gone(Exception):
    """The connection ended; the text is for the log."""


class Moved(Exception):
    """The tables are no longer those that were opened; one line says why."""


class Refused(psycopg2.Error):
    """What the server has against a statement, without the rows that it quotes beside it.

    Whoever stored them is not always whoever reads the log.
    """

    # psycopg2's own cannot be set.
    pgcode: str = ""

    def __init__(self, code: str, said: str) -> None:
        # Of data it does not understand, the server quotes even here.
        told = "" if code.startswith("22") else f" {said}"
        super().__init__(f"SQLSTATE {code}{told}")
        self.pgcode = code


class Trouble(Enum):
    """An error that is not a row's."""

    LOST = "lost"
    """The connection is gone: the same on another one, unless it turns out to be stored."""
    AGAIN = "again"
    """Undone for another's sake: the same at once, a few times."""
    PASSING = "passing"
    """Nothing was stored; the same may work later."""
    FATAL = "fatal"
    """Nothing can be stored until somebody has looked."""


READ_ONLY: Final = "25006"
"""SQLSTATE of a write where only reading is allowed."""

CONTRADICTIONS: Final = ("23503", "23505")
"""SQLSTATEs of a reference to a row that is gone, and of a row that is there already."""

_LOST: Final = ("08", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04")
_AGAIN: Final = ("40001", "40P01", "3B001")
"""With 3B001, no such savepoint, a joined text was refused before its first statement ran."""
_FATAL: Final = ("42P01", "42703", "3F000")
_REASONS: Final[Mapping[str, str]] = {
    "53100": "the disk of the database server is full",
    "53200": "the database server is out of memory",
    "53300": "the database server has too many connections",
    "53": "the database server is at a limit of its own",
    READ_ONLY: "the database is read-only",
    "42501": "the rights on the database do not suffice",
    "55P03": "another connection holds what is to be changed",
    "57014": "a statement took too long",
    "58": "the database server cannot use its files",
    "XX001": "the database server found a damaged page",
    "XX002": "the database server found a damaged index",
}
"""Passing trouble by SQLSTATE or its class."""
UNREACHABLE: Final = "the database server cannot be reached"
SILENT: Final = "the database server does not answer"
UNSPECIFIC: Final = "the database server refuses to store"
STARTING: Final = "the database server is starting or stopping"


def code_of(error: BaseException | None) -> str:
    """The SQLSTATE; empty: the server said none."""
    return str(getattr(error, "pgcode", None) or "")


def bare(error: Exception) -> Exception:
    """`error` as it may be logged: of what the server said, no more than its first line."""
    code = code_of(error)
    if not code or isinstance(error, Refused) or not isinstance(error, psycopg2.Error):
        return error
    return Refused(code, error.diag.message_primary or type(error).__name__)


def trouble(error: BaseException) -> Trouble | None:
    """What `error` says of the server; None: it is the row's or the unit's own."""
    if isinstance(error, Late | Gone):
        return Trouble.LOST
    if isinstance(error, Moved):
        return Trouble.FATAL
    if isinstance(error, MemoryError):
        return Trouble.PASSING
    code = code_of(error)
    if code:
        return _by_code(code)
    # Without a code it is libpq that speaks; the subclasses of DatabaseError are psycopg2's own.
    broken = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    return Trouble.LOST if broken or type(error) is psycopg2.DatabaseError else None


def _by_code(code: str) -> Trouble | None:
    if code.startswith(_LOST):
        return Trouble.LOST
    if code in _AGAIN:
        return Trouble.AGAIN
    if code in _FATAL:
        return Trouble.FATAL
    return Trouble.PASSING if code in _REASONS or code[:2] in _REASONS else None


def reason(error: BaseException) -> str:
    """One line for anybody."""
    if isinstance(error, Late):
        return SILENT
    if isinstance(error, Moved):
        return str(error)
    code = code_of(error)
    if code.startswith("57P"):
        return STARTING
    if code in _FATAL:
        return "the tables of the database are not there any more"
    known = _REASONS.get(code) or _REASONS.get(code[:2])
    return known or (UNSPECIFIC if code and not code.startswith(_LOST) else UNREACHABLE)


def line(error: BaseException) -> str:
    """One line for the log. libpq names hosts and users in it, never a password."""
    return " ".join(str(error).split()) or type(error).__name__
