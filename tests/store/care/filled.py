"""A data directory in which every table has rows, with values that are easily mangled."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, Text

from mytracks.store.care import sqlite_side
from mytracks.store.care.sides import Kept, Side, kept
from mytracks.store.files import FILE
from mytracks.store.schema import tables

NASTY = "\t\\N \\x41\r\n'\"%s é 😀 \\"
DELETED = 1_000
"""The highest number that was ever given: its row is gone."""


def fill(directory: Path, locations: int = 500) -> Path:
    """Make a database there; returns its file."""
    path = directory / FILE
    with closing(sqlite_side.created(path)) as side, side.transaction():
        for table, plan in zip(tables("sqlite"), kept(), strict=True):
            rows = locations if table.name == "location" else 3
            side.insert(plan, [_row(table, number) for number in range(1, rows + 1)])
            if plan.numbered:
                side.set_given(plan, DELETED)
    return path


def held(side: Side) -> dict[str, list[Any]]:
    """All rows of every table, sorted."""
    return {table.name: sorted(_all(side, table), key=repr) for table in kept()}


def given(side: Side) -> dict[str, int]:
    """By numbered table, how far numbers were given."""
    return {table.name: side.given(table) for table in kept() if table.numbered}


def _all(side: Side, table: Kept) -> Sequence[Any]:
    return side.ask(f'SELECT {table.listed} FROM "{table.name}" {table.condition()}')


def _row(table: Table, number: int) -> tuple[Any, ...]:
    return tuple(_value(table, column, number) for column in table.columns)


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if column.foreign_keys:
        return 1 if table.name == "location" else number
    if column.nullable and number % 2:
        return None
    if isinstance(column.type, Text):
        return f"{number} {NASTY}"
    if isinstance(column.type, LargeBinary):
        return bytes([number % 256]) + bytes(range(256))
    if column.name == "tst" and table.name == "location":
        return 1_767_225_600 + number
    # Beyond every state of which there may be only one.
    return number + 100 if column.name == "state" else number
