"""`mytracks token …`: API tokens from the command line."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options

_UNITS: Final = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_LENGTH: Final = re.compile(r"([0-9]{1,6})([hdw])", re.ASCII)


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """A length of time such as `90d`. Ends the command with 2 when it is none."""
    if value is None:
        return None
    form = _LENGTH.fullmatch(value)
    if form is None or int(form[1]) == 0:
        raise click.BadParameter("a length is written 12h, 90d or 4w.")
    return int(form[1]) * _UNITS[form[2]]


@click.group()
@shared_options
def token() -> None:
    """API tokens: what scripts and programs sign in by."""


@token.command("add")
@click.argument("user")
@click.option("--name", metavar="N", required=True, help="What it is for.")
@click.option(
    "--scope",
    metavar="A,B",
    required=True,
    multiple=True,
    help="What it may: ingest, read, command; for administrators also admin, read:metrics.",
)
@click.option("--expires", metavar="90d", callback=_seconds, help="After 12h, 90d, 4w; else never.")
@shared_options
@click.pass_obj
def add_token(
    console: Console, user: str, name: str, scope: Sequence[str], expires: int | None
) -> None:
    """Make a token of USER and show it once."""
    scopes = [part.strip() for each in scope for part in each.split(",") if part.strip()]
    asked = {"user": user, "name": name, "scopes": scopes, "expires_in": expires}
    made = console.ask("token.add", asked)
    console.tell(
        made,
        f"Token {made['id']} of {made['user']}, for {', '.join(made['scopes'])}; "
        f"{_ends(made['expires'])}.",
        f"It is shown only now: {made['token']}",
    )


@token.command("list")
@click.argument("user", required=False)
@shared_options
@click.pass_obj
def list_tokens(console: Console, user: str | None) -> None:
    """List the tokens of USER, or of everybody."""
    tokens = console.ask("token.list", {"user": user})
    console.tell(tokens, *_table(tokens))


@token.command("revoke")
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@shared_options
@click.pass_obj
def revoke_token(console: Console, number: int) -> None:
    """Let nobody in by the token any more."""
    gone = console.ask("token.revoke", {"number": number})
    console.tell(gone, f"Token {gone['id']} of {gone['user']} ({gone['name']}) was revoked.")


def _table(tokens: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    rows = [("ID", "USER", "SCOPES", "CREATED", "LAST USED", "EXPIRES", "NAME")]
    rows += [
        (
            str(each["id"]),
            each["user"],
            ",".join(each["scopes"]) or "-",
            _date(each["created"]),
            _date(each["last_used"]),
            "expired" if each["expired"] else _date(each["expires"]),
            each["name"],
        )
        for each in tokens
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _ends(expires: int | None) -> str:
    return "it does not expire" if expires is None else f"it expires on {_date(expires)}"


def _date(at: int | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).date().isoformat()
