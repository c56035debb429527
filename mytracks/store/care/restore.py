"""A backup into a place where nothing is: whole, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from attrs import evolve

from mytracks.store.care import sqlite_side
from mytracks.store.care.archive import DATABASE, KEYRING, Archive, Manifest, Progress
from mytracks.store.care.backup import Source
from mytracks.store.care.copying import copy_all
from mytracks.store.care.sides import counts, refuse_unfinished, revision
from mytracks.store.care.wording import SQLITE, worded
from mytracks.store.files import FILE, StoreRefused, put
from mytracks.store.limits import Limits
from mytracks.store.schema import REVISION

_WHAT: Final = "nothing was restored"
_FOLDER: Final = "restoring.part"
"""In the data folder: what a killed run leaves, and the next one removes."""
_MAGIC: Final = b"SQLite format 3\0"


def restore(path: Path, into: Source, limits: Limits, progress: Progress) -> Manifest:
    """Restore the backup, or the bare SQLite database, at `path`; what was in it.

    Whoever calls holds the lock of the data folder. Raises StoreRefused, whose text is one line.
    """
    with worded(_WHAT, path, into.database), ExitStack() as opened:
        _refuse_occupied(into)
        folder = into.directory / _FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        manifest = _unpack(path, folder, progress)
        _refuse_other_keys(folder / KEYRING, into.directory / KEYRING)
        found = folder / DATABASE
        progress("checking the database", 0, 1)
        sqlite_side.refuse_damaged(found, f"{_WHAT}: the database in {path}")
        manifest = _checked(found, manifest, path)
        # The keys first: what a database holds sealed must not come without them.
        with _keys_put(folder / KEYRING, into.directory / KEYRING):
            if into.database == SQLITE:
                put(found, into.directory / FILE)
            else:
                _into_server(found, into.database, limits, progress)
    return manifest


def _refuse_occupied(into: Source) -> None:
    """Nobody's database is overwritten."""
    if into.database != SQLITE:
        from mytracks.store.care import postgresql_side

        with closing(postgresql_side.reading(into.database)) as side:
            _refuse_tables(side.place, postgresql_side.names(side))
        return
    file = into.directory / FILE
    for each in (file, *(file.with_name(file.name + end) for end in ("-wal", "-journal"))):
        if each.exists():
            raise StoreRefused(
                f"{_WHAT}: {each} is there already; move it away, or name another folder with"
                " --data-dir"
            )


def _refuse_tables(place: str, names: set[str]) -> None:
    if names:
        some = ", ".join(sorted(names)[:3])
        raise StoreRefused(
            f"{_WHAT}: the database {place} is not empty ({some}, …): name another with --database"
        )


def _refuse_other_keys(ours: Path, there: Path) -> None:
    """A key ring beside no database is the same one, of a run that was killed, or in the way."""
    if there.exists() and not (ours.exists() and ours.read_bytes() == there.read_bytes()):
        raise StoreRefused(f"{_WHAT}: the key ring {there} is there already: move it away")


def _unpack(path: Path, folder: Path, progress: Progress) -> Manifest:
    with open(path, "rb") as file:
        magic = file.read(len(_MAGIC))
    if magic == _MAGIC:
        _refuse_open(path)
        _refuse_small(folder, path.stat().st_size)
        shutil.copyfile(path, folder / DATABASE)
        return _bare()
    with closing(Archive(path)) as archive:
        _refuse_small(folder, path.stat().st_size)
        manifest = archive.manifest
        archive.extract(DATABASE, folder / DATABASE, progress)
        if manifest.keys == "included":
            archive.extract(KEYRING, folder / KEYRING, progress)
    return manifest


def _refuse_open(path: Path) -> None:
    """The newest part of a database that is in use, or was killed, is not in the file itself."""
    for end in ("-wal", "-journal"):
        log = path.with_name(path.name + end)
        if log.exists() and log.stat().st_size:
            raise StoreRefused(
                f"{_WHAT}: {log} holds the newest part of {path}: make a backup of that folder,"
                " or start mytracks there and stop it"
            )


def _bare() -> Manifest:
    return Manifest(
        format=0,
        made="",
        mytracks="",
        revision="",
        database="sqlite",
        counts={},
        sha256={},
        keys="none",
        locked=(),
    )


def _checked(found: Path, manifest: Manifest, path: Path) -> Manifest:
    """The manifest with what the database itself says, if it is what was stored and not newer."""
    os.chmod(found, 0o600)
    with closing(sqlite_side.reading(found)) as side:
        tables = {str(name) for (name,) in side.ask("SELECT name FROM sqlite_schema")}
        if not {"alembic_version", "setting", "location"} <= tables:
            raise StoreRefused(f"{_WHAT}: {path} is a database of another program")
        refuse_unfinished(side)
        have, counted = revision(side), counts(side)
    if have > REVISION:
        by = manifest.mytracks or "unknown"
        raise StoreRefused(
            f"{_WHAT}: {path} was made by a newer mytracks ({by}, tables {have}); this one knows"
            f" tables up to {REVISION}: install the newer version"
        )
    if manifest.format and dict(manifest.counts) != dict(counted):
        raise StoreRefused(f"{_WHAT}: {path} does not hold the rows that it promises")
    # Whoever looks at a file in this mode may leave a log beside it.
    for end in ("-wal", "-shm"):
        found.with_name(found.name + end).unlink(missing_ok=True)
    return evolve(manifest, revision=have, counts=counted)


def _into_server(found: Path, url: str, limits: Limits, progress: Progress) -> None:
    from mytracks.store.care import postgresql_side
    from mytracks.store.care.making import make_tables

    if _revision(found) != REVISION:
        # Alembic is large, and needed only now.
        from mytracks.store.migrating import migrate

        migrate(found, limits)
    with (
        closing(sqlite_side.reading(found)) as source,
        closing(postgresql_side.writing(url)) as target,
        # One: killed in the middle, nothing is there.
        target.transaction(),
    ):
        _refuse_tables(target.place, postgresql_side.names(target))
        make_tables(target)
        copy_all(source, target, "copying into the database", progress)


def _revision(found: Path) -> str:
    with closing(sqlite_side.reading(found)) as side:
        return revision(side)


@contextmanager
def _keys_put(ring: Path, there: Path) -> Iterator[None]:
    """The key ring in its place, if there is one; gone again when what follows fails."""
    placed = ring.exists() and not there.exists()
    if placed:
        put(ring, there)
    try:
        yield
    except BaseException:
        if placed:
            there.unlink()
        raise


def _refuse_small(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        mib = 1024 * 1024
        raise StoreRefused(
            f"{_WHAT}: it needs {-(-needed // mib)} MiB in {folder.parent},"
            f" and {free // mib} MiB are free"
        )
