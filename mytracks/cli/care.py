"""`mytracks backup`, `restore`, `check`, `migrate-database`: done in this very process, so that the
daemon is not disturbed and writes nothing outside its own directory.
"""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options
from mytracks.cli.progress import Bar

if TYPE_CHECKING:
    from mytracks.store.care.archive import Manifest
    from mytracks.store.care.backup import Source
    from mytracks.store.care.checking import Finding


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--without-keys", is_flag=True, help="Leave the key ring out.")
@shared_options
@click.pass_obj
def backup(console: Console, file: Path, without_keys: bool) -> None:
    """Write everything to the new FILE, while the server runs or not."""
    from mytracks.clock import today
    from mytracks.store.care.backup import back_up

    target = file.absolute()
    with _care(console) as bar:
        made = back_up(
            _source(console), target, int(today()), with_keys=not without_keys, progress=bar
        )
    size = target.stat().st_size
    console.tell(
        {"file": str(target), "bytes": size, **_told(made)},
        f"{target} holds {_rows(made.counts)} ({-(-size // 1024)} KiB).",
        _keys(made),
    )


@click.command("back-up-if-due", hidden=True)
@click.option("--at", type=int, required=True)
@shared_options
@click.pass_obj
def back_up_if_due(console: Console, at: int) -> None:
    """What the server runs by itself: one backup as its settings want it, AT seconds of UTC."""
    from attrs import asdict

    from mytracks.store.care.scheduled import back_up_if_due as made

    with _care(console) as bar:
        done = made(_source(console), console.settings().backup, at, bar)
    told = asdict(done) | {"file": None if done.file is None else str(done.file)}
    console.tell(told, f"The newest backup: {done.newest}.")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@shared_options
@click.pass_obj
def restore(console: Console, file: Path) -> None:
    """Put the backup FILE into a data directory, or a database, where nothing is yet."""
    from mytracks.store.care.backup import Source
    from mytracks.store.care.restore import restore as restored

    settings = console.settings()
    with _care(console) as bar, _held(console):
        into = Source(directory=settings.data_dir, database=settings.database)
        found = restored(file.absolute(), into, settings.store, bar)
    made = f"made {found.made}, " if found.made else ""
    console.tell(
        {"file": str(file.absolute()), "data_dir": str(settings.data_dir), **_told(found)},
        f"{_rows(found.counts)} were restored ({made}tables {found.revision}).",
        _keys(found),
    )


@click.command("migrate-database")
@click.option("--to", metavar="URL", required=True, help="sqlite, or the URL of a PostgreSQL.")
@shared_options
@click.pass_obj
def migrate_database(console: Console, to: str) -> None:
    """Copy everything into another database; killed at any moment, run it again."""
    from mytracks.clock import today
    from mytracks.settings import BadSetting, read_database
    from mytracks.store.care.backup import Source
    from mytracks.store.care.moving import move

    settings = console.settings()
    try:
        target = read_database("--to", to)
    except BadSetting as error:
        raise console.misuse("bad_setting", str(error)) from None
    source = Source(directory=settings.data_dir, database=settings.database)
    with _care(console) as bar, _held(console):
        moved = move(source, target, int(today()), node=settings.store.node, progress=bar)
    tables = {name: each.rows for name, each in moved.tables.items()}
    told = {name: [each.rows, each.checksum] for name, each in moved.tables.items()}
    rate = moved.rows / moved.seconds if moved.seconds > 0 else 0.0
    console.tell(
        {
            "rows": moved.rows,
            "rows_per_second": round(rate),
            "finished_before": moved.before,
            "tables": told,
        },
        f"{_rows(tables)}: counts and checksums of all {len(tables)} tables are the same.",
        "It was finished before: nothing was copied now."
        if moved.before
        else f"{moved.rows} rows were copied by this run, {rate:.0f} a second.",
        "Now set `database` to that URL (MYTRACKS_DATABASE, or the file) and start mytracks."
        if target != "sqlite"
        else 'Now set `database` to "sqlite", or remove it from the settings, and start mytracks.',
    )


@click.command("check")
@click.option("--full", is_flag=True, help="Look at every row of a SQLite file, however long.")
@shared_options
@click.pass_obj
def check(console: Console, full: bool) -> None:
    """Tell how the data fares: file, tables, rows, space, clock, backups, running server."""
    from mytracks.clock import today
    from mytracks.store.care.checking import BAD, Backups, Finding
    from mytracks.store.care.checking import check as checked

    settings = console.settings()
    running = console.ask_running("store.state")
    kept = Backups(folder=settings.backup.place(settings.data_dir), every=settings.backup.every)
    findings: list[Finding] = []
    with _care(console):
        for finding in checked(_source(console, running), kept, today(), full=full):
            findings.append(finding)
            _show(console, finding)
    findings.append(_daemon(running))
    _show(console, findings[-1])
    bad = any(finding.level == BAD for finding in findings)
    told = [
        {"what": each.what, "level": each.level, "text": each.text, **each.facts}
        for each in findings
    ]
    console.tell({"ok": not bad, "findings": told})
    if bad:
        raise click.exceptions.Exit(1)


def _show(console: Console, finding: "Finding") -> None:
    if not console.machine:
        click.echo(f"{finding.level:<8} {finding.what:<9} {finding.text}")


def _daemon(running: Any) -> "Finding":
    """What the running server says of itself."""
    from mytracks.store.care.checking import BAD, OK, Finding

    if running is None:
        return Finding("server", OK, "it does not run", {"running": False})
    state = running["health"]["database"]
    facts = {"running": True, **running["health"]}
    if state["state"] == "ok":
        return Finding("server", OK, f"it runs and stores, since {state['since']}", facts)
    told = f"{state['state']} since {state['since']}: {state['reason']}"
    return Finding("server", BAD, told, facts)


def _source(console: Console, running: Any = None) -> "Source":
    """The database that the running daemon really uses, else the one of the settings."""
    from mytracks.store.care.backup import Source

    settings = console.settings()
    running = running or console.ask_running("store.state")
    database = settings.database if running is None else str(running["database"])
    return Source(directory=settings.data_dir, database=database)


@contextmanager
def _care(console: Console) -> Iterator[Bar]:
    """A bar for the work within; what is refused ends the command with one line."""
    from mytracks.host.data_dir import DataDirRefused
    from mytracks.store.files import StoreRefused

    # As Ctrl-C: what is half done is cleared away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bar = Bar(console.machine)
    try:
        yield bar
    except (StoreRefused, DataDirRefused) as error:
        bar.close()
        raise console.refuse("refused", str(error)) from None
    finally:
        bar.close()


@contextmanager
def _held(console: Console) -> Iterator[None]:
    """The data directory is ours alone: no daemon runs on it meanwhile."""
    from mytracks.host.data_dir import DataDirLock, make_private

    directory = console.settings().data_dir
    make_private(directory)
    lock = DataDirLock(directory)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _rows(counts: Mapping[str, int]) -> str:
    told = {"user_account": "accounts", "device": "devices", "location": "locations"}
    return ", ".join(f"{counts.get(table, 0)} {words}" for table, words in told.items())


def _told(manifest: "Manifest") -> dict[str, Any]:
    from attrs import asdict

    return asdict(manifest)


def _keys(manifest: "Manifest") -> str:
    if manifest.keys == "included":
        return "The key ring is in it: whoever has the file can open all that it holds."
    if manifest.keys == "left out":
        return f"The key ring is not in it; without it nobody can use {_and(manifest.locked)}."
    return "There is no key ring in it: the server had none."


def _and(words: Sequence[str]) -> str:
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"
