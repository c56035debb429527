"""All rows of one database into another that has the same tables and none of the rows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mytracks.store.care.archive import Progress
from mytracks.store.care.sides import Row, Side, count, everything, kept

PAGE: Final = 5_000
"""Rows that are written at once."""
PAGE_BYTES: Final = 8 * 1024 * 1024
"""The same for the bytes of the texts and bodies in them."""


def copy_all(source: Side, target: Side, what: str, progress: Progress) -> None:
    """Copy every table within the target's transaction, and how far numbers were given."""
    tables = kept()
    total, done = sum(count(source, table) for table in tables), 0
    for table in tables:
        for page in pages(everything(source, table)):
            target.insert(table, page)
            done += len(page)
            progress(what, done, total)
    copy_given(source, target)


def copy_given(source: Side, target: Side) -> None:
    """Numbers go on where they were; those of rows that are gone are not given again either."""
    for table in kept():
        if table.counted:
            target.set_given(table, source.given(table))


def pages(rows: Iterable[Row], most: int = PAGE) -> Iterator[Sequence[Row]]:
    """The rows in groups of at most `most`, which fit into memory."""
    page: list[Row] = []
    size = 0
    for row in rows:
        page.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(page) >= most or size >= PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page
