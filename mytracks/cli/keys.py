"""`mytracks key …`: the key ring, which opens what is sealed in the database."""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options

if TYPE_CHECKING:
    from mytracks.store.care.forgetting import Lost

PASSPHRASE_BYTES: Final = 15
"""120 random bits."""
_MOST: Final = 10
"""Names in one line at most."""
_READABLE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
@shared_options
def key() -> None:
    """The key ring: without it, what is sealed in a backup cannot be read."""


@key.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--lock", is_flag=True, help="Lock it with a passphrase, which is printed once.")
@click.option("--passphrase-stdin", is_flag=True, help="Lock it with the one read from there.")
@shared_options
@click.pass_obj
def export_keys(console: Console, file: Path, lock: bool, passphrase_stdin: bool) -> None:
    """Write the key ring to the new FILE. Whoever has that and a backup can open all that is sealed
    in it: keep both apart, or lock it."""
    from mytracks.errors import Unavailable
    from mytracks.pki.keyring import FILE, KeyRingRefused, open_keyring

    target = file.absolute()
    path = console.settings().data_dir / FILE
    if os.path.lexists(target):
        raise console.refuse("conflict", f"{target} is there already; it is not overwritten.")
    if not path.exists():
        raise console.refuse("not_found", f"There is no key ring {path} that could be exported.")
    made = secrets.token_urlsafe(PASSPHRASE_BYTES) if lock and not passphrase_stdin else None
    passphrase = _passphrase() if passphrase_stdin else made
    try:
        content = open_keyring(path, sealed_exists=True).exported(passphrase)
    except (KeyRingRefused, Unavailable) as error:
        raise console.refuse("unavailable", str(error)) from None
    try:
        with open(target, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as written:
            written.write(content)
    except OSError as error:
        text = f"{target} cannot be written: {error.strerror}."
        raise console.refuse("unwritable", text) from None
    told, lines = {"file": str(target)}, [f"{target} holds the key ring."]
    if made is not None:
        told["password"] = made
        lines.append(f"Its passphrase, shown only now: {made}")
    console.tell(told, *lines)


@key.command("import")
@click.argument("file", type=_READABLE)
@click.option(
    "--passphrase-stdin", is_flag=True, help="Read the passphrase of a locked one from there."
)
@shared_options
@click.pass_obj
def import_keys(console: Console, file: Path, passphrase_stdin: bool) -> None:
    """Put an exported key ring where none is. The server must be stopped."""
    from mytracks.host.data_dir import DataDirLock, DataDirRefused, make_private
    from mytracks.pki.keyring import FILE, KeyRingRefused, imported, is_locked

    directory = console.settings().data_dir
    passphrase = None
    try:
        content = file.read_bytes()
        if is_locked(content):
            typed = passphrase_stdin or not sys.stdin.isatty()
            passphrase = _passphrase() if typed else _asked()
        make_private(directory)
        lock = DataDirLock(directory)
        lock.acquire()
        try:
            ring = imported(directory / FILE, content, passphrase)
        finally:
            lock.release()
    except (DataDirRefused, KeyRingRefused, OSError) as error:
        raise console.refuse("unavailable", str(error)) from None
    told = {"file": str(directory / FILE), "keys": len(ring.ids)}
    console.tell(told, f"The key ring is there, with {len(ring.ids)} keys.")


@key.command("rotate")
@shared_options
@click.pass_obj
def rotate_keys(console: Console) -> None:
    """Make a new key, and seal with it anew whatever is sealed."""
    done = console.ask("key.rotate", {})
    console.tell(
        done,
        f"{done['resealed']} secrets are sealed with a new key; {done['keys']} keys are kept, "
        f"{done['forgotten']} forgotten.",
    )


@key.command("forget")
@click.option("--yes", is_flag=True, help="Do not ask back.")
@shared_options
@click.pass_obj
def forget_keys(console: Console, yes: bool) -> None:
    """Give up what only a lost key ring could open, so that the server starts again. It must be
    stopped."""
    from mytracks.clock import today
    from mytracks.host.data_dir import DataDirLock, DataDirRefused
    from mytracks.pki.keyring import KeyRingRefused
    from mytracks.store.care.backup import Source
    from mytracks.store.care.forgetting import give_up, lost
    from mytracks.store.files import StoreRefused

    settings = console.settings()
    source = Source(directory=settings.data_dir, database=settings.database)
    try:
        lock = DataDirLock(settings.data_dir)
        lock.acquire()
        try:
            found = lost(source)
            if found.counted() and not yes:
                _confirm(console, found)
            gone = give_up(source, int(today()))
        finally:
            lock.release()
    except KeyRingRefused as error:
        text = f"{error}, or move it away, if it is to be given up"
        raise console.refuse("unavailable", text) from None
    except (DataDirRefused, StoreRefused) as error:
        raise console.refuse("unavailable", str(error)) from None
    names = {kind: [each.name for each in things] for kind, things in gone.kinds().items()}
    if not gone.counted():
        console.tell(names, "The key ring opens all that is sealed: nothing was given up.")
        return
    told = _wordings(gone) if yes else ()
    console.tell(names, *told, "This was given up. Now mytracks starts again.")


def _confirm(console: Console, found: "Lost") -> None:
    """Tell what goes, and ask back; whoever cannot be asked has to say --yes."""
    if console.machine or not sys.stdin.isatty():
        told = f"{found.counted()} secrets would be given up for good: say --yes."
        raise console.misuse("unconfirmed", told)
    for line in _wordings(found):
        click.echo(line)
    click.confirm("If the key ring may be found again, do not. Give all this up?", abort=True)


def _wordings(found: "Lost") -> Iterator[str]:
    """What is given up, and what follows, one line each."""
    told = (
        (found.second_factors, "second factors", "their passwords alone let them in"),
        (found.payload_keys, "payload encryption keys", "their phones' keys have to be set again"),
        (
            found.authorities,
            "keys of authorities",
            "clients come in until the revocation list lapses, in 30 days at most; make a new "
            "authority, and issue them anew",
        ),
        (
            found.server_certificates,
            "keys of server certificates",
            "they are shown no more; make a new one",
        ),
        (
            found.client_certificates,
            "keys of client certificates",
            "they let in as before, but cannot be downloaded again",
        ),
        (found.acme, "what was agreed with the public authority", "it is agreed anew"),
    )
    for things, what, follows in told:
        if things:
            names = list(dict.fromkeys(each.name for each in things))
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            yield f"{what} ({', '.join(names[:_MOST])}{more}): {follows}"


def _passphrase() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _asked() -> str:
    typed: str = click.prompt("Its passphrase", hide_input=True)
    return typed
