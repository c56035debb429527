"""`mytracks key …`: the key ring, which opens what is sealed in the database."""

import os
import secrets
import sys
from pathlib import Path
from typing import Final

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options

PASSPHRASE_BYTES: Final = 15
"""120 random bits."""
_READABLE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
@shared_options
def key() -> None:
    """The key ring: without it, what is sealed in a backup cannot be read."""


@key.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase from there.")
@shared_options
@click.pass_obj
def export_keys(console: Console, file: Path, passphrase_stdin: bool) -> None:
    """Write the key ring to the new FILE, locked with a passphrase; keep both apart."""
    from mytracks.errors import Unavailable
    from mytracks.pki.keyring import FILE, KeyRingRefused, open_keyring

    target = file.absolute()
    path = console.settings().data_dir / FILE
    if os.path.lexists(target):
        raise console.refuse("conflict", f"{target} is there already; it is not overwritten.")
    if not path.exists():
        raise console.refuse("not_found", f"There is no key ring {path} that could be exported.")
    passphrase = _passphrase() if passphrase_stdin else secrets.token_urlsafe(PASSPHRASE_BYTES)
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
    told = {"file": str(target)}
    if passphrase_stdin:
        console.tell(told, f"{target} holds the key ring.")
        return
    console.tell(
        {**told, "password": passphrase},
        f"{target} holds the key ring.",
        f"Its passphrase, shown only now: {passphrase}",
    )


@key.command("import")
@click.argument("file", type=_READABLE)
@click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase from there.")
@shared_options
@click.pass_obj
def import_keys(console: Console, file: Path, passphrase_stdin: bool) -> None:
    """Put an exported key ring where none is. The server must be stopped."""
    from mytracks.host.data_dir import DataDirLock, DataDirRefused, make_private
    from mytracks.pki.keyring import FILE, KeyRingRefused, imported

    directory = console.settings().data_dir
    if passphrase_stdin or not sys.stdin.isatty():
        passphrase = _passphrase()
    else:
        passphrase = click.prompt("Its passphrase", hide_input=True)
    try:
        make_private(directory)
        lock = DataDirLock(directory)
        lock.acquire()
        try:
            ring = imported(directory / FILE, file.read_bytes(), passphrase)
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


def _passphrase() -> str:
    return sys.stdin.readline().rstrip("\r\n")
