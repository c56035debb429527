"""What the disk and plain `sqlite3` take for the same rows: the measure for the store."""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from attrs import frozen

from mytracks.phones.facts import Reported
from mytracks.store.location_rows import row_of
from mytracks.store.schema import ddl, location
from mytracks.store.sqlite.opening import create
from mytracks.store.sqlite.pragmas import WRITER, connect
from mytracks.store.statements import NAMED, Values
from tests.bench.fleet import FIRST

_BLOCK: Final = b"\0" * 4096


@frozen
class Spent:
    """Rows a second, and CPU microseconds a row."""

    rate: float
    cpu: float


class Stopwatch:
    """Time and CPU of this process since it was made."""

    def __init__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.process_time()

    def spent(self, rows: int) -> Spent:
        """For so many rows."""
        lasted, cpu = time.perf_counter() - self._start, time.process_time() - self._cpu
        return Spent(rows / lasted, cpu / rows * 1e6)


def sync_times(folder: Path, count: int = 200) -> tuple[float, float]:
    """Seconds of one `fdatasync`, the median: after a page in the place of another, and after one
    at the end of the file, which makes the file system keep its length as well."""
    path = folder / "sync-times"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        os.pwrite(handle, _BLOCK * count, 0)
        os.fsync(handle)
        within = [_synced(handle, 4096 * each) for each in range(count)]
        beyond = [_synced(handle, 4096 * (count + each)) for each in range(count)]
    finally:
        os.close(handle)
        path.unlink()
    return statistics.median(within), statistics.median(beyond)


def _synced(handle: int, offset: int) -> float:
    os.pwrite(handle, _BLOCK, offset)
    start = time.perf_counter()
    os.fdatasync(handle)
    return time.perf_counter() - start


def inserts(folder: Path, facts: Sequence[Reported], each: int) -> Spent:
    """Insert `facts` with plain `sqlite3`, `each` rows a commit, into the store's own tables under
    the store's own pragmas. Only the rows are made as the store makes them."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "plain.sqlite3"
    create(path, ddl(NAMED["sqlite"]), FIRST)
    text = f"INSERT INTO location VALUES ({', '.join('?' * len(location.c))})"
    with closing(connect(path, WRITER)) as connection:
        # There is no device that these rows could belong to.
        connection.execute("PRAGMA foreign_keys = 0")
        watch = Stopwatch()
        for first in range(0, len(facts), each):
            rows = [_row(fact) for fact in facts[first : first + each]]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(text, rows)
            connection.execute("COMMIT")
        return watch.spent(len(facts))


def _row(fact: Reported) -> Values:
    assert fact.source.device is not None
    return row_of(fact.source.device.number, fact.location, 0, 1)
