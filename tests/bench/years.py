"""Millions of stored locations: what a day of a device and everybody's last position take to read,
and how many bytes each location needs.

The rows are made by the database itself, step by step for all devices in turn, as they would have
arrived; only the first and the last of each device come through the store.
"""

import random
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2
from attrs import evolve

from mytracks.host.garbage import settle
from mytracks.store.database import sql
from mytracks.store.files import FILE
from mytracks.store.locations import PAGE
from mytracks.store.open import SQLITE, Store
from mytracks.store.sqlite.pragmas import WRITER, connect
from mytracks.tracks.ports import Selection
from mytracks.transaction import Transaction, Unit
from tests.bench.accounting import say
from tests.bench.arrival import share
from tests.bench.fleet import FIRST, PHONES, joined
from tests.bench.place import Place

CACHE: Final = "BENCH_CACHE"
"""Names a folder in which the rows on SQLite are kept for another run."""
_STEP: Final = 60
"""Seconds between two reports of a device: a day has 1,440."""
_DAY: Final = 86_400
_AT_ONCE: Final = 2_000
"""Steps in one commit."""
_READS: Final = 200

_FILL: Final = """
INSERT INTO location (device_id, tst, seq, lat, lon, acc, alt, vac, vel, cog, batt, bs, conn, mode,
    trig, source, via, flags, delay, message_id, reported, context_id, extra)
WITH RECURSIVE step(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM step WHERE n < {last})
SELECT device.id, {start} + n * {step}, (n * 2654435761 + device.id * 40503) % 4294967296
    - 2147483648, 485000000 + device.id * 10000 + n * 7919 % 2000000,
    22000000 + n * 104729 % 3000000, 5 + n % 40, 30 + n % 300, 3 + n % 9, n % 120,
    n * 37 % 360, 20 + n % 80, 1, 119, 1, 117, 2, 1, 0, 1 + n % 5,
    (n * 2246822519 + device.id * 668265263) % 4294967296 - 2147483648, n % 3, context.id, NULL
FROM step CROSS JOIN device JOIN context ON context.device_id = device.id
ORDER BY step.n, device.id
"""


def _fill(steps: int) -> Sequence[str]:
    """Statements that add so many reports of each device, a commit each."""
    return [
        _FILL.format(
            first=f"CAST({first} AS BIGINT)",
            last=min(first + _AT_ONCE, steps) - 1,
            start=FIRST + _STEP,
            step=_STEP,
        )
        for first in range(0, steps, _AT_ONCE)
    ]


async def _filled(place: Place, data: Path, steps: int) -> Store:
    """A store with so many reports of each device, the newest of which came through it."""
    store = await place.opened(data)
    fleet = await joined(store)
    start = time.perf_counter()
    if place.server is None:
        with closing(connect(data / FILE, {**WRITER, "synchronous": 0})) as file:
            for text in _fill(steps):
                file.execute(text)
    else:
        with closing(psycopg2.connect(place.url)) as server, server.cursor() as cursor:
            for text in _fill(steps):
                cursor.execute(text)
                server.commit()
    at = FIRST + (steps + 1) * _STEP
    for fact in fleet.facts(PHONES):
        await store.journal.record([evolve(fact, location=evolve(fact.location, at=at))])
    say(f"  made in {time.perf_counter() - start:.0f} s")
    return store


async def years(place: Place, cache: Path | None, rows: int) -> None:
    """Fill a database with so many rows, or take the one of an earlier run; then read."""
    say(f"\n{rows:,} locations of {PHONES} devices, {place.kind}")
    steps = rows // PHONES
    folder = (cache or place.folder) / f"years-{rows}"
    if place.kind != SQLITE:
        store = await _filled(place, folder, steps)
    elif folder.exists():
        store = await place.opened(folder)
    else:
        part = folder.with_name(f"{folder.name}.part-{time.time_ns()}")
        await (await _filled(place, part, steps)).close()
        part.rename(folder)
        store = await place.opened(folder)
    await _read(store, steps)
    bar = " (bar 70)" if place.kind == SQLITE else ""
    await store.close()
    size = (folder / FILE).stat().st_size if place.server is None else _server_bytes(place)
    say(f"  {size / ((steps + 2) * PHONES):.1f} bytes a location{bar}, indexes and contexts too")


def _server_bytes(place: Place) -> int:
    """Of the two tables that grow with them: an empty database has some MB of its own."""
    assert place.server is not None
    text = "SELECT pg_total_relation_size('location') + pg_total_relation_size('context')"
    return int(place.server.ask(text, place.url.rpartition("/")[2])[0][0])


async def _read(store: Store, steps: int) -> None:
    chance = random.Random(4)
    devices = [each.device.number for each in await store.database.read(store.devices.all)]

    def day() -> Selection:
        since = FIRST + chance.randrange(max(1, steps * _STEP - _DAY))
        number = chance.choice(devices)
        return Selection(devices=[number], since=since, until=since + _DAY - 1)

    async def rows(tx: Transaction) -> int:
        chosen = day()
        values: dict[str, Any] = {"since": chosen.since, "until": chosen.until, "hidden": 0}
        values |= {"device": chosen.devices[0], "after_tst": -1, "after_seq": 0, "page": 10_000}
        return len(await sql(tx).all(PAGE[False], **values))

    async def locations(tx: Transaction) -> int:
        return len(await store.locations.page(tx, day(), newest_first=False, limit=10_000))

    async def last(tx: Transaction) -> int:
        return len(await store.locations.last(tx, devices))

    settle()
    await _timed(store, "a device's day", rows, " (bar 5)")
    await _timed(store, "a device's day as locations", locations, "")
    await _timed(store, "last position of all", last, " (bar 5)")


async def _timed(store: Store, name: str, unit: Unit[int], bar: str) -> None:
    delays, found, cpu = [], 0, time.process_time()
    for _ in range(_READS):
        start = time.perf_counter()
        found = await store.database.read(unit)
        delays.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / _READS * 1e3
    delays.sort()
    p50, p99 = share(delays, 0.5) * 1e3, share(delays, 0.99) * 1e3
    say(f"  {name}: p50 {p50:.2f} ms{bar}, p99 {p99:.2f} ms, CPU {cpu:.2f} ms, {found} rows")
