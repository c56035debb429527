"""A backup of a database that may be in use: one consistent state of it in one file."""

import fcntl
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from mytracks import __version__
from mytracks.pki.keyring import KeyRingRefused, open_keyring
from mytracks.store.care import archive, sqlite_side
from mytracks.store.care.archive import DATABASE, KEYRING, Manifest, Member, Progress
from mytracks.store.care.copying import copy_all
from mytracks.store.care.sides import counts, refuse_unfinished, revision
from mytracks.store.care.wording import SQLITE, worded
from mytracks.store.files import FILE, StoreRefused, put
from mytracks.store.schema import REVISION

_WHAT: Final = "no backup was made"


@frozen(kw_only=True)
class Source:
    """What is backed up: the data folder, and the URL of the database or `sqlite`."""

    directory: Path
    database: str


def back_up(
    source: Source, target: Path, now: int, *, with_keys: bool, progress: Progress
) -> Manifest:
    """Write a backup to the new file `target`, which is there at the end or not at all.

    `now`: UTC seconds. Raises StoreRefused, whose text is one line.
    """
    with worded(_WHAT, target, source.database), ExitStack() as opened:
        if target.exists() or target.is_symlink():
            raise StoreRefused(f"{_WHAT}: {target} is there already, and is not overwritten")
        part, copy = target.with_name(f"{target.name}.part"), _copy_of(target)
        file = opened.enter_context(_alone(part))
        copy.unlink(missing_ok=True)
        for left in (part, copy):
            opened.callback(left.unlink, missing_ok=True)
        known = _keys_in(source.directory / KEYRING)
        if source.database == SQLITE:
            _copy_file(source.directory / FILE, copy, progress)
        else:
            _copy_server(source.database, copy, progress)
        progress("checking the copy", 0, 1)
        sqlite_side.refuse_damaged(copy, f"{_WHAT}: the copy {copy}")
        manifest = _write(source, file, copy, now, with_keys, progress)
        if with_keys and not known <= _keys_in(source.directory / KEYRING):
            # What was copied before may be sealed with one that went.
            raise StoreRefused(f"{_WHAT}: a key of the key ring went meanwhile; make it again")
        if target.exists():
            raise StoreRefused(f"{_WHAT}: {target} has come meanwhile, and is not overwritten")
        put(part, target)
    return manifest


def _copy_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.database.part")


def _alone(part: Path) -> IO[bytes]:
    """The unfinished file, emptied; one that a killed run left is taken over."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(part, flags, 0o600), "r+b")
    try:
        os.fchmod(file.fileno(), 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreRefused(f"{_WHAT}: another backup is being written to {part}") from None
    file.truncate()
    return file


def _copy_file(path: Path, copy: Path, progress: Progress) -> None:
    if not path.exists():
        raise StoreRefused(f"{_WHAT}: there is no database {path}")
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    # The copy, and the tar with the copy in it.
    _refuse_small(copy.parent, 2 * size + size // 10)
    with worded(_WHAT, path):
        sqlite_side.copy_whole(path, copy, progress)


def _copy_server(url: str, copy: Path, progress: Progress) -> None:
    # psycopg2 and libpq are large, and needed only here.
    from mytracks.store.care import postgresql_side

    with closing(postgresql_side.reading(url)) as side:
        if "alembic_version" not in postgresql_side.names(side):
            raise StoreRefused(f"{_WHAT}: the database {side.place} holds no tables of mytracks")
        refuse_unfinished(side)
        if (found := revision(side)) != REVISION:
            raise StoreRefused(
                f"{_WHAT}: the database {side.place} has tables {found} and this mytracks knows"
                f" {REVISION}: start it once, so that they are the same"
            )
        # The same rows take less in a SQLite file, which is written twice.
        ((size,),) = side.ask("SELECT pg_database_size(current_database())")
        _refuse_small(copy.parent, int(size))
        with closing(sqlite_side.created(copy)) as written, written.transaction():
            copy_all(side, written, "copying the database", progress)


def _write(
    source: Source, file: IO[bytes], copy: Path, now: int, with_keys: bool, progress: Progress
) -> Manifest:
    ring = source.directory / KEYRING
    keys = "none" if not ring.exists() else "included" if with_keys else "left out"
    members: Sequence[Member] = [Member(DATABASE, copy)]
    if keys == "included":
        members = [*members, Member(KEYRING, ring)]
    found, counted = _described(copy)
    manifest = archive.described(
        members,
        now=now,
        version=__version__,
        revision=found,
        database="sqlite" if source.database == SQLITE else "postgresql",
        counts=counted,
        keys=keys,
    )
    archive.write(file, manifest, members, progress)
    file.flush()
    return manifest


def _keys_in(ring: Path) -> frozenset[bytes]:
    """The ids of its keys. Of one that is not there, or that the server would refuse: none."""
    try:
        return frozenset(open_keyring(ring, sealed_exists=False).ids)
    except KeyRingRefused:
        return frozenset()


def _described(copy: Path) -> tuple[str, Mapping[str, int]]:
    with closing(sqlite_side.reading(copy)) as side:
        return revision(side), counts(side)


def _refuse_small(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreRefused(
            f"{_WHAT}: it needs {_mib(needed)} MiB in {folder}, and {_mib(free)} MiB are free"
        )


def _mib(size: int) -> int:
    return -(-size // (1024 * 1024))
