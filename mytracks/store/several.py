"""Asking for the rows of several numbers at once: to a server, each question is a round trip."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, bindparam
from sqlalchemy.sql.elements import ColumnElement

_AT_ONCE: Final = 64


def among(column: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether `column` is one of the numbers that `groups` names."""
    return column.in_([bindparam(f"n{place}", type_=BigInteger) for place in range(_AT_ONCE)])


def groups(numbers: Sequence[int]) -> Iterator[Mapping[str, int]]:
    """The values for a statement with `among`, which runs once for each group: all of one size, so
    that one text will do."""
    for first in range(0, len(numbers), _AT_ONCE):
        group = list(numbers[first : first + _AT_ONCE])
        group += group[-1:] * (_AT_ONCE - len(group))
        yield {f"n{place}": number for place, number in enumerate(group)}
