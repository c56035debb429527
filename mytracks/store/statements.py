"""SQL texts, compiled once at import for each database; executed without SQLAlchemy.

Knows how a statement is written, not what any of them means.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

Values = tuple[Any, ...]

# SQLAlchemy leaves the constructors of its dialects untyped.
NAMED: Final[Mapping[str, Dialect]] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": psycopg2.dialect(),  # type: ignore[no-untyped-call]
}
_POSITIONAL: Final[Mapping[str, tuple[Dialect, str]]] = {
    "sqlite": (sqlite.dialect(paramstyle="qmark"), "?"),
    "postgresql": (psycopg2.dialect(paramstyle="format"), "%s"),  # type: ignore[no-untyped-call]
}


def _compiled(clause: ClauseElement, dialect: Dialect) -> SQLCompiler:
    compiled = clause.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"not a statement: {clause}")
    if compiled._bind_processors:
        raise TypeError(f"values that need conversion: {sorted(compiled._bind_processors)}")
    return compiled


class Statement:
    """One statement. `key` maps bind parameters to the columns of the last row that they continue
    from, for statements that can be read page by page (they also take `page`, the rows in one)."""

    def __init__(self, clause: ClauseElement, key: Mapping[str, int] | None = None) -> None:
        self.texts: dict[str, str] = {}
        self.defaults: dict[str, Any] = {}
        self.key = key or {}
        for name, dialect in NAMED.items():
            compiled = _compiled(clause, dialect)
            self.texts[name] = str(compiled)
            # Constants, such as the OFFSET that a LIMIT gets on SQLite, are parameters as well.
            self.defaults |= {k: v for k, v in compiled.params.items() if v is not None}


class Rows:
    """An INSERT of one row, sent for many at once: VALUES in groups of 1024, 512, ... 1, so that
    any number of rows needs at most eleven texts. Values come in the order of `columns`."""

    SIZES: Final = tuple(1 << power for power in range(10, -1, -1))
    MOST_VALUES: Final = 32_766
    """SQLite's own limit for the parameters of one statement."""

    def __init__(self, clause: ClauseElement) -> None:
        self.columns: tuple[str, ...] = ()
        self._texts: dict[str, dict[int, str]] = {}
        for name, (dialect, mark) in _POSITIONAL.items():
            compiled = _compiled(clause, dialect)
            self.columns = tuple(compiled.positiontup or ())
            group = "(" + ", ".join([mark] * len(self.columns)) + ")"
            text = str(compiled)
            if text.count(group) != 1 or text.count(mark) != len(self.columns):
                raise TypeError(f"not an INSERT of one row: {text}")
            sizes = [size for size in self.SIZES if size * len(self.columns) <= self.MOST_VALUES]
            self._texts[name] = {
                size: text.replace(group, ", ".join([group] * size)) for size in sizes
            }

    def pieces(self, dialect: str, rows: Sequence[Values]) -> Iterator[tuple[str, list[Any]]]:
        """The texts, each with its values, that together insert `rows` in their order."""
        if len(rows) == 1:
            yield self._texts[dialect][1], list(rows[0])
            return
        start = 0
        for size, text in self._texts[dialect].items():
            while len(rows) - start >= size:
                yield text, list(chain.from_iterable(rows[start : start + size]))
                start += size

    def around(self, dialect: str) -> tuple[str, str]:
        """What stands before and after the groups of values, for a driver that writes these."""
        _, mark = _POSITIONAL[dialect]
        group = "(" + ", ".join([mark] * len(self.columns)) + ")"
        head, _, tail = self._texts[dialect][1].partition(group)
        # A percent sign stands twice where values are put in by marks.
        return (head.replace("%%", "%"), tail.replace("%%", "%"))
