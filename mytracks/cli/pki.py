"""`mytracks pki …`: certificates from the command line."""

import base64
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options

Shown = Mapping[str, Any]
_KEYS: Final = click.Choice(["p256", "rsa2048", "rsa3072", "rsa4096"])
_READABLE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
@shared_options
def pki() -> None:
    """Certificates: the authority, the server's, and people's."""


@pki.command("init")
@click.option("--common-name", metavar="N", help="What phones show as its name.")
@click.option("--days", metavar="N", type=int, help="How long it is good.")
@click.option("--key", type=_KEYS, help="Its key.")
@shared_options
@click.pass_obj
def make_authority(
    console: Console, common_name: str | None, days: int | None, key: str | None
) -> None:
    """Make a certificate authority. An earlier one's clients are let in until it is revoked."""
    made = console.ask("pki.init", {"common_name": common_name, "days": days, "key": key})
    console.tell(made, f"{made['subject']} signs from now on.", *_facts(made))


@pki.command("import")
@click.argument("certificate", metavar="CERT", type=_READABLE)
@click.argument("key", metavar="KEY", type=_READABLE)
@click.option("--password-stdin", is_flag=True, help="Read the key's password from there.")
@shared_options
@click.pass_obj
def bring_authority(console: Console, certificate: Path, key: Path, password_stdin: bool) -> None:
    """Bring an authority that was made elsewhere: CERT and KEY are PEM files."""
    asked = {"certificate": _text(certificate), "key": _text(key)}
    if password_stdin:
        asked["password"] = sys.stdin.readline().rstrip("\r\n")
    brought = console.ask("pki.import", asked)
    lacks = [f"It lacks: {each}" for each in brought["lacks"]]
    console.tell(brought, f"{brought['subject']} signs from now on.", *_facts(brought), *lacks)


@pki.command("server")
@click.option("--san", metavar="A,B", multiple=True, help="Host names and addresses.")
@click.option("--common-name", metavar="N", help="Its name; else the first of those.")
@click.option("--days", metavar="N", type=int, help="How long it is good.")
@click.option("--key", type=_KEYS, help="Its key.")
@shared_options
@click.pass_obj
def make_server(
    console: Console,
    san: Sequence[str],
    common_name: str | None,
    days: int | None,
    key: str | None,
) -> None:
    """Make the server's certificate; it is shown at once. Without --san it is for what this machine
    is called."""
    names = [part.strip() for each in san for part in each.split(",") if part.strip()]
    asked = {"names": names, "common_name": common_name, "days": days, "key": key}
    made = console.ask("pki.server", asked)
    console.tell(made, f"It is for {', '.join(made['names'])}.", *_facts(made))


@pki.command("client")
@click.argument("user")
@click.option("--days", metavar="N", type=int, help="How long it is good.")
@click.option("--grace-days", metavar="N", type=int, default=0, help="For the one before.")
@click.option("--key", type=_KEYS, help="Its key.")
@click.option("--format", "form", type=click.Choice(["p12", "p12-modern", "pem"]), default="p12")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Where to write it.")
@click.option("--password-stdin", is_flag=True, help="Read the file's password from there.")
@shared_options
@click.pass_obj
def make_client(
    console: Console,
    user: str,
    days: int | None,
    grace_days: int,
    key: str | None,
    form: str,
    out: Path | None,
    password_stdin: bool,
) -> None:
    """Make a certificate for USER in place of the one before, and write it to a new file."""
    target = (out or Path(f"{user}.{'pem' if form == 'pem' else 'p12'}")).absolute()
    if os.path.lexists(target):
        raise click.UsageError(f"{target} is there already; it is not overwritten.")
    asked: dict[str, Any] = {"user": user, "days": days, "grace_days": grace_days}
    asked |= {"key": key, "format": form}
    if password_stdin:
        asked["password"] = sys.stdin.readline().rstrip("\r\n")
    with _new_file(console, target) as file:
        made = dict(console.ask("pki.client", asked))
        file.write(base64.b64decode(made.pop("bundle")))
    made["file"] = str(target)
    once = [f"Its password, shown only now: {made['password']}"] if "password" in made else []
    console.tell(made, f"{target} is {made['user']}'s.", *_facts(made), *once)


@pki.command("revoke")
@click.argument("serial")
@click.option("--reason", metavar="R", help="Such as key-compromise, superseded.")
@shared_options
@click.pass_obj
def revoke(console: Console, serial: str, reason: str | None) -> None:
    """Let nobody in by the certificate any more, and cut who is in. An authority's: by all that it
    signed."""
    gone = console.ask("pki.revoke", {"serial": serial, "reason": reason})
    console.tell(gone, f"{gone['subject']} is good for nothing any more.")


@pki.command("list")
@shared_options
@click.pass_obj
def list_certificates(console: Console) -> None:
    """List all certificates."""
    found = console.ask("pki.list", {})
    every = [*found["authorities"], *found["servers"], *found["clients"]]
    console.tell(found, *_table(every), *found["problems"])


def _facts(made: Shown) -> Sequence[str]:
    return [f"serial   {made['serial']}", f"until    {_date(made['not_after'])}"]


def _table(every: Sequence[Shown]) -> Sequence[str]:
    rows = [("KIND", "STATE", "UNTIL", "FOR", "SERIAL")]
    rows += [
        (
            each["kind"],
            each["state"],
            _date(each["not_after"]),
            each.get("user") or ",".join(each.get("names", ())) or each["subject"],
            each["serial"],
        )
        for each in every
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _date(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{path} is no PEM file that can be read.") from None


@contextmanager
def _new_file(console: Console, path: Path) -> Iterator[BinaryIO]:
    """A new file that nobody else may read; gone again when what is done meanwhile fails. It is
    there first: else a certificate might replace another one and then be written nowhere."""
    made = False
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            made = True
            yield file
    except BaseException as error:
        if made:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            text = f"{path} cannot be written: {error.strerror}."
            raise console.refuse("unwritable", text) from None
        raise
