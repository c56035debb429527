"""What is to be known about the data of a server: one finding after the other, good or bad."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from mytracks.clock import EARLIEST, believable, iso
from mytracks.store.care import sqlite_side
from mytracks.store.care.backup import Source
from mytracks.store.care.certificates import counted
from mytracks.store.care.folder import backups, made
from mytracks.store.care.sides import Side, counts, refuse_unfinished, revision
from mytracks.store.care.wording import SQLITE, worded
from mytracks.store.files import FILE, StoreRefused, snapshots
from mytracks.store.schema import REVISION
from mytracks.store.structure import differences

OK, WARNING, BAD = "ok", "warning", "bad"
LOW: Final = 1024 * 1024 * 1024
"""Bytes that should be free at the least, beside a tenth of the disk."""

_HOUR: Final = 3600
_MIB: Final = 1024 * 1024
_DIFFERENCES: Final = 5
"""How many are told at most."""


@frozen
class Finding:
    """`level`: `ok`, `warning` or `bad`; `facts`: the same for machines."""

    what: str
    level: str
    text: str
    facts: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Backups:
    """Where scheduled backups go, and after how many hours each (0: there are none)."""

    folder: Path
    every: float


def check(source: Source, kept: Backups, now: float, *, full: bool) -> Iterator[Finding]:
    """All findings, each as soon as it is known. `now`: UTC seconds; `full`: however long."""
    yield from _database(source, now, full)
    yield _space(source.directory)
    yield _clock(now)
    yield _backups(source.directory, kept, now)


def _database(source: Source, now: float, full: bool) -> Iterator[Finding]:
    side: Side
    try:
        with worded("the database cannot be read", source.directory / FILE, source.database):
            if source.database == SQLITE:
                side = sqlite_side.reading(source.directory / FILE)
            else:
                from mytracks.store.care import postgresql_side

                side = postgresql_side.reading(source.database)
    except StoreRefused as error:
        yield Finding("database", BAD, str(error))
        return
    with closing(side):
        first = partial(_pages, full=full) if source.database == SQLITE else _server
        certified = partial(_certificates, source.directory, now)
        for look in (first, _tables, _counts, partial(_dates, now), certified):
            try:
                with worded("it cannot be looked at", source.directory / FILE, source.database):
                    found = look(side)
            except StoreRefused as error:
                found = Finding("database", BAD, str(error))
            yield found
            if found.level == BAD:
                return


def _pages(side: Side, full: bool) -> Finding:
    """Whether the pages of the file belong together; `full`: its indexes and rows as well."""
    try:
        query = f"PRAGMA {'integrity_check' if full else 'quick_check'}(5)"
        found = [str(text) for (text,) in side.ask(query)]
        if full and found == ["ok"]:
            found = [f"row of {row[0]} without its {row[2]}" for row in _orphans(side)] or found
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    if found != ["ok"]:
        told = " ".join("; ".join(found).split())
        return Finding("database", BAD, f"the file {side.place} is damaged: {told}")
    size = Path(side.place).stat().st_size
    told = f"the file {side.place} is whole ({-(-size // _MIB)} MiB)"
    return Finding("database", OK, told, {"bytes": size, "full": full})


def _orphans(side: Side) -> Sequence[tuple[Any, ...]]:
    return side.ask("SELECT * FROM pragma_foreign_key_check LIMIT 5")


def _server(side: Side) -> Finding:
    """Whether the server keeps what it acknowledges."""
    from mytracks.store.postgresql.catalogue import SERVER, Server
    from mytracks.store.postgresql.refusing import refuse_server

    server = Server(*side.ask(SERVER)[0])
    facts = {
        "server": server.version,
        "fsync": server.fsync,
        "full_page_writes": server.full_page_writes,
        "synchronous_commit": server.synchronous_commit,
    }
    try:
        # A transaction that only reads is our own wish here.
        refuse_server(evolve(server, read_only="off"), side.place)
    except StoreRefused as error:
        return Finding("database", BAD, str(error), facts)
    told = f"the database {side.place} answers (PostgreSQL {server.version})"
    if server.synchronous_commit == "off":
        told += "; synchronous_commit is off: mytracks turns it on for itself, others do not"
        return Finding("database", WARNING, told, facts)
    return Finding("database", OK, told, facts)


def _tables(side: Side) -> Finding:
    have = revision(side)
    facts = {"revision": have, "newest": REVISION}
    if have < REVISION:
        told = f"tables of revision {have}: the next start makes them {REVISION}"
        return Finding("tables", WARNING, told, facts)
    if have > REVISION:
        told = f"tables of revision {have}: this mytracks knows only {REVISION}"
        return Finding("tables", BAD, told, facts)
    refuse_unfinished(side)
    found = differences(side.ask, side.dialect)
    if found:
        more = f" and {len(found) - _DIFFERENCES} more" if len(found) > _DIFFERENCES else ""
        told = "; ".join(found[:_DIFFERENCES]) + more
        return Finding("tables", BAD, told, {**facts, "differences": list(found)})
    return Finding("tables", OK, f"as they should be (revision {have})", facts)


def _counts(side: Side) -> Finding:
    found = counts(side)
    told = [f"{found.get(name, 0)} {words}" for name, words in _TOLD.items()]
    return Finding("rows", OK, ", ".join(told), {"counts": dict(found)})


def _dates(now: float, side: Side) -> Finding:
    """Whether the clock is behind what was stored: it was ahead then, or is behind now."""
    ((newest,),) = side.ask("SELECT max(seen) FROM device")
    if newest is None:
        return Finding("dates", OK, "no device has reported yet")
    facts = {"newest": iso(newest)}
    if newest > now + _HOUR:
        told = f"the newest report came at {iso(newest)}, after what the clock says now"
        return Finding("dates", WARNING, told, facts)
    return Finding("dates", OK, f"the newest report came at {iso(newest)}", facts)


def _certificates(directory: Path, now: float, side: Side) -> Finding:
    """Whether certificates, their keys and the revocation lists fit together."""
    if revision(side) != REVISION:
        return Finding("certificates", WARNING, "not looked at before the tables are made new")
    found, faults = counted(side, directory, now)
    facts = {"counts": found, "faults": faults}
    if faults:
        return Finding("certificates", BAD, "; ".join(faults), facts)
    told = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found.items())
    return Finding("certificates", OK, told, facts)


_TOLD: Final = {"user_account": "accounts", "device": "devices", "location": "locations"}


def _space(directory: Path) -> Finding:
    try:
        found = shutil.disk_usage(directory)
    except OSError as error:
        return Finding("space", BAD, f"{directory}: {error.strerror}")
    facts = {"free": found.free, "total": found.total}
    told = f"{found.free // _MIB} MiB free for {directory}"
    share = 100 * found.free / found.total if found.total else 0
    low = found.free < LOW or share < 10
    return Finding("space", WARNING if low else OK, f"{told} ({share:.0f} %)", facts)


def _clock(now: float) -> Finding:
    facts = {"now": iso(now), "earliest": iso(EARLIEST)}
    if believable(now):
        return Finding("clock", OK, f"the clock says {iso(now)}", facts)
    told = f"the clock says {iso(now)}: no certificates are made until it is set"
    return Finding("clock", WARNING, told, facts)


def _backups(directory: Path, kept: Backups, now: float) -> Finding:
    try:
        dated = [(float(made(path)), path) for path in backups(kept.folder, now)[:1]]
        dated += [(path.stat().st_mtime, path) for path in snapshots(directory)[:1]]
    except OSError as error:
        return Finding("backup", WARNING, f"{kept.folder}: {error.strerror}")
    if not dated:
        return Finding("backup", WARNING, f"none in {kept.folder}: see `mytracks backup`")
    past, at, path = max((at <= now, at, path) for at, path in dated)
    hours = (now - at) / _HOUR
    facts = {"newest": str(path), "made": iso(at), "hours": round(hours, 1)}
    if not past:
        return Finding("backup", WARNING, f"the newest, {path}, is dated {iso(at)}", facts)
    told = f"the newest is {path}, {_ago(hours)} old"
    late = bool(kept.every) and hours > 2 * kept.every
    return Finding("backup", WARNING if late else OK, told, facts)


def _ago(hours: float) -> str:
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.1f} hours"
