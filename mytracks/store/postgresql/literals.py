"""Rows of values as SQL, many times faster than a value at a time.

Whole numbers and NULL, which are nearly all of a location, are written here; texts and bytes as
psycopg2 quotes them.
"""

import math
from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any, Final

from psycopg2.extensions import Float, adapt

from mytracks.store.postgresql.connection import Link
from mytracks.store.statements import Rows, Values

_PLAIN: Final = frozenset({int, NoneType})
_MOST_ROWS: Final = 1024
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Beyond these an INSERT ends and the next begins."""


def inserts(link: Link, rows: Rows, values: Sequence[Values]) -> Iterator[bytes]:
    """The texts that together insert `values` in their order. Raises what psycopg2 has against
    one of them."""
    head, tail = (part.encode() for part in rows.around("postgresql"))
    groups: list[bytes] = []
    size = 0
    for row in values:
        group = _row(link, row)
        groups.append(group)
        size += len(group)
        if len(groups) == _MOST_ROWS or size > _MOST_BYTES:
            yield head + b",".join(groups) + tail
            groups, size = [], 0
    if groups:
        yield head + b",".join(groups) + tail


def _row(link: Link, row: Values) -> bytes:
    """`(1,NULL,'a')`. The text of a tuple of numbers is SQL but for its `None`."""
    if _PLAIN.issuperset(map(type, row)) and len(row) > 1:
        return str(row).replace("None", "NULL").encode()
    return b"(" + b",".join([_value(link, value) for value in row]) + b")"


def _value(link: Link, value: Any) -> bytes:
    if value is None:
        return b"NULL"
    if type(value) is int:
        return b"%d" % value
    if isinstance(value, float):
        return link.quote(Float(value)) if math.isfinite(value) else b"'%a'::float8" % value
    return link.quote(adapt(int(value) if isinstance(value, int) else value))
