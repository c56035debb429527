"""All of a database into another one: begun, killed, begun again, and in the end the same.

How far it is stands in the target, in the same transaction as the rows. A target that is not
finished is not started on: on PostgreSQL its settings say so, a file has another name until then.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from mytracks.clock import monotonic
from mytracks.store.care import sqlite_side
from mytracks.store.care.archive import Progress
from mytracks.store.care.backup import Source
from mytracks.store.care.copying import PAGE, copy_given, pages
from mytracks.store.care.sides import Kept, Side, after, count, kept, refuse_unfinished, revision
from mytracks.store.care.tally import Tally, tally
from mytracks.store.care.wording import SQLITE, worded
from mytracks.store.files import FILE, StoreRefused, put
from mytracks.store.notes import COPYING
from mytracks.store.schema import REVISION

_WHAT: Final = "the copy is not finished"


@frozen(kw_only=True)
class Moved:
    """What was copied. `rows`, `seconds`: by this run; `tables`: what both sides hold now.
    `before`: an earlier run had finished it."""

    rows: int
    seconds: float
    resumed: bool
    before: bool = False
    tables: dict[str, Tally]


@frozen(kw_only=True)
class _Way:
    """How far a copy is: whose it is, the tables that are done, the last key of the next one."""

    source: str
    done: tuple[str, ...] = ()
    key: tuple[Any, ...] | None = None


def move(
    source: Source, to: str, now: int, *, node: int, progress: Progress, page: int = PAGE
) -> Moved:
    """Copy the database of `source` into the one at `to`, a URL or `sqlite`.

    Whoever calls holds the lock of the data folder; on PostgreSQL the lock of `node` is taken here.
    `page`: rows in one transaction. Raises StoreRefused, whose text is one line.
    """
    if source.database == to:
        raise StoreRefused(
            "source and target are the same database; for another folder use backup and restore"
        )
    url = to if source.database == SQLITE else source.database
    with worded(_WHAT, source.directory / FILE, url), ExitStack() as opened:
        read, unused = _opened_source(source, node, opened)
        name = (
            str((source.directory / FILE).absolute()) if source.database == SQLITE else read.place
        )
        target = _opened_target(source.directory, to, name, now, read, opened)
        way = _way(target)
        moving = _Moving(read, target, now, page, progress)
        if way is None:
            return moving.finished_before(unused)
        if way.source != name:
            raise StoreRefused(
                f"the database {target.place} is an unfinished copy of {way.source}: empty it first"
            )
        moved = moving.run(way, unused)
    if to == SQLITE:
        with worded(_WHAT, source.directory / FILE):
            put(_unfinished_file(source.directory), source.directory / FILE)
    return moved


class _Moving:
    """One run of a copy."""

    def __init__(self, source: Side, target: Side, now: int, page: int, progress: Progress) -> None:
        self._source, self._target = source, target
        self._now, self._page, self._progress = now, page, progress
        self._total = sum(count(source, table) for table in kept())
        self._rows = 0

    def run(self, way: _Way, unused: Callable[[], object]) -> Moved:
        """Go on from `way` to the end. `unused` raises when somebody else uses the source."""
        begun, resumed = monotonic(), bool(way.done or way.key)
        self._copy(way)
        tables = self._compared()
        if tables is None and resumed:
            # The source was used between two runs: what was copied before is not what it holds.
            self._empty(way.source)
            self._copy(_Way(source=way.source))
            tables = self._compared()
        if tables is None:
            raise StoreRefused(f"{_WHAT}: both databases do not hold the same; run it again")
        unused()
        with self._target.transaction():
            self._target.run(f"DELETE FROM setting WHERE name = {self._target.mark}", (COPYING,))
        return Moved(rows=self._rows, seconds=monotonic() - begun, resumed=resumed, tables=tables)

    def finished_before(self, unused: Callable[[], object]) -> Moved:
        """What a run that was killed after its end would have told. Raises StoreRefused when the
        target is something else, or one of both was used since."""
        begun = monotonic()
        tables = self._compared()
        if tables is None:
            raise StoreRefused(
                f"the database {self._target.place} is there already, and it is no copy, or one"
                " that was used since: move it away or empty it first"
            )
        unused()
        return Moved(rows=0, seconds=monotonic() - begun, resumed=True, before=True, tables=tables)

    def _copy(self, way: _Way) -> None:
        done = sum(count(self._target, table) for table in kept())
        for table in kept():
            if table.name in way.done:
                continue
            for rows in pages(after(self._source, table, way.key), self._page):
                way = evolve(way, key=_key(table, rows[-1]))
                with self._target.transaction():
                    self._target.insert(table, rows)
                    self._note(way)
                done += len(rows)
                self._rows += len(rows)
                self._progress("copying", done, self._total)
            way = evolve(way, done=(*way.done, table.name), key=None)
            with self._target.transaction():
                self._note(way)
        with self._target.transaction():
            copy_given(self._source, self._target)

    def _compared(self) -> dict[str, Tally] | None:
        """By table what both sides hold; None when they do not hold the same."""
        found, tables = {}, kept()
        for number, table in enumerate(tables):
            self._progress("comparing", number, len(tables))
            ours, theirs = tally(self._source, table), tally(self._target, table)
            if ours != theirs:
                return None
            found[table.name] = ours
        return found

    def _empty(self, name: str) -> None:
        mark = self._target.mark
        with self._target.transaction():
            for table in reversed(kept()):
                condition = f"WHERE name <> {mark}" if table.name == "setting" else ""
                values = (COPYING,) if condition else ()
                self._target.run(f'DELETE FROM "{table.name}" {condition}', values)
            self._note(_Way(source=name))

    def _note(self, way: _Way) -> None:
        mark = self._target.mark
        self._target.run(
            f"UPDATE setting SET value = {mark}, changed = {mark} WHERE name = {mark}",
            (_written(way), self._now, COPYING),
        )


def _opened_source(
    source: Source, node: int, opened: ExitStack
) -> tuple[Side, Callable[[], object]]:
    """The source, and what raises StoreRefused when another process uses it."""
    side: Side
    unused: Callable[[], object] = lambda: None  # noqa: E731 - the folder's lock sees to it
    if source.database == SQLITE:
        side = sqlite_side.reading(source.directory / FILE)
    else:
        from mytracks.store.care import postgresql_side
        from mytracks.store.care.making import hold_node, refuse_nodes

        holder = postgresql_side.writing(source.database)
        opened.enter_context(closing(holder))
        hold_node(holder, node)
        unused = partial(refuse_nodes, holder)
        side = postgresql_side.reading(source.database)
        if "alembic_version" not in postgresql_side.names(side):
            raise StoreRefused(f"the database {side.place} holds no tables of mytracks")
    opened.enter_context(closing(side))
    refuse_unfinished(side)
    if (found := revision(side)) != REVISION:
        raise StoreRefused(
            f"the database {side.place} has tables {found} and this mytracks knows {REVISION}:"
            " start it once, so that they are the same"
        )
    return side, unused


def _opened_target(
    directory: Path, to: str, name: str, now: int, source: Side, opened: ExitStack
) -> Side:
    if to != SQLITE:
        from mytracks.store.care import postgresql_side
        from mytracks.store.care.making import begin_copy

        server = postgresql_side.writing(to)
        opened.enter_context(closing(server))
        begin_copy(server, _written(_Way(source=name)), now)
        return server
    if (directory / FILE).exists():
        return _opened_file(directory / FILE, opened)
    path = _unfinished_file(directory)
    if not path.exists():
        _refuse_small(directory, source)
        _begin_file(path, _Way(source=name), now)
    file = sqlite_side.writing(path)
    opened.enter_context(closing(file))
    if not file.ask("SELECT 1 FROM setting WHERE name = ?", (COPYING,)):
        # Killed after the very end: only compared again, and given its name.
        with file.transaction():
            _begin(file, _Way(source=name, done=tuple(table.name for table in kept())), now)
    return file


def _opened_file(path: Path, opened: ExitStack) -> Side:
    """A file that is there already and may be a copy that is finished."""
    try:
        side = sqlite_side.reading(path)
        opened.enter_context(closing(side))
        if revision(side) == REVISION:
            return side
    except (sqlite3.Error, LookupError):
        pass
    raise StoreRefused(f"{path} is there already: move it away first")


def _unfinished_file(directory: Path) -> Path:
    return directory / f"{FILE}.copying"


def _begin_file(path: Path, way: _Way, now: int) -> None:
    """Made under yet another name: killed in the middle, the next run makes it anew."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite_side.created(part)) as side:
        _begin(side, way, now)
    put(part, path)


def _begin(side: Side, way: _Way, now: int) -> None:
    side.run(
        "INSERT INTO setting (name, value, changed) VALUES (?, ?, ?)", (COPYING, _written(way), now)
    )


def _refuse_small(directory: Path, source: Side) -> None:
    ((size,),) = source.ask("SELECT pg_database_size(current_database())")
    free = shutil.disk_usage(directory).free
    if free < int(size):
        mib = 1024 * 1024
        raise StoreRefused(
            f"it needs {-(-int(size) // mib)} MiB in {directory}, and {free // mib} MiB are free"
        )


def _way(target: Side) -> _Way | None:
    """None: nothing is copied into it now, but it may be a copy that is finished."""
    found = target.ask(f"SELECT value FROM setting WHERE name = {target.mark}", (COPYING,))
    if not found:
        return None
    told = json.loads(found[0][0])
    key = told["key"]
    return _Way(
        source=told["source"],
        done=tuple(told["done"]),
        key=None if key is None else tuple(map(_from_json, key)),
    )


def _written(way: _Way) -> str:
    key = None if way.key is None else list(map(_to_json, way.key))
    return json.dumps({"source": way.source, "done": list(way.done), "key": key})


def _key(table: Kept, row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(row[table.columns.index(name)] for name in table.key)


def _to_json(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _from_json(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
