"""`mytracks user …`: accounts from the command line."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options

User = Mapping[str, Any]


@click.group()
@shared_options
def user() -> None:
    """Accounts: who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May manage accounts.")
@click.option("--email", metavar="E", default="", help="Where to reach the person.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@shared_options
@click.pass_obj
def add_user(console: Console, name: str, admin: bool, email: str, password_stdin: bool) -> None:
    """Make an account. Without a password, one is made and shown once."""
    arguments: dict[str, Any] = {"name": name, "admin": admin, "email": email}
    made = console.ask("user.add", arguments | _password(password_stdin))
    console.tell(made, f"{made['name']} was added.", *_shown_once(made))


@user.command("list")
@shared_options
@click.pass_obj
def list_users(console: Console) -> None:
    """List all accounts."""
    users = console.ask("user.list", {})
    console.tell(users, *_table(users))


@user.command("show")
@click.argument("name")
@shared_options
@click.pass_obj
def show_user(console: Console, name: str) -> None:
    """Show one account."""
    found = console.ask("user.show", {"name": name})
    console.tell(
        found,
        f"name      {found['name']}",
        f"display   {found['display'] or '-'}",
        f"email     {found['email'] or '-'}",
        f"role      {_role(found)}",
        f"state     {_state(found)}",
        f"created   {_date(found['created'])}",
        f"signed in {_date(found['last_login'])}",
        f"2nd step  {'on' if found['second_factor'] else 'off'}",
    )


@user.command("disable")
@click.argument("name")
@shared_options
@click.pass_obj
def disable_user(console: Console, name: str) -> None:
    """Let nobody in by this account any more, and cut who is in."""
    changed = console.ask("user.disable", {"name": name})
    console.tell(changed, f"{changed['name']} is disabled.")


@user.command("enable")
@click.argument("name")
@shared_options
@click.pass_obj
def enable_user(console: Console, name: str) -> None:
    """Let a disabled account in again."""
    changed = console.ask("user.enable", {"name": name})
    console.tell(changed, f"{changed['name']} is enabled.")


@user.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@shared_options
@click.pass_obj
def set_password(console: Console, name: str, password_stdin: bool) -> None:
    """Give an account a new password; without one, it is made and shown once."""
    changed = console.ask("user.password", {"name": name, **_password(password_stdin)})
    console.tell(changed, f"{changed['name']} has a new password.", *_shown_once(changed))


@user.command("second-factor-off")
@click.argument("name")
@shared_options
@click.pass_obj
def turn_second_factor_off(console: Console, name: str) -> None:
    """Let an account in by its password alone: its phone is lost."""
    changed = console.ask("user.second-factor-off", {"name": name})
    was = "has no second factor any more" if changed["was_on"] else "had no second factor"
    console.tell(changed, f"{changed['name']} {was}.")


@user.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask back on a terminal.")
@shared_options
@click.pass_obj
def delete_user(console: Console, name: str, yes: bool) -> None:
    """Remove an account with all its devices and locations."""
    if not yes and not console.machine and sys.stdin.isatty():
        click.confirm(f"Remove {name} and everything that is theirs?", abort=True)
    gone = console.ask("user.delete", {"name": name})
    console.tell(gone, f"{gone['name']} was deleted.")


def _password(from_stdin: bool) -> dict[str, str]:
    """The password as an argument, if one is given: the first line of standard input."""
    if not from_stdin:
        return {}
    return {"password": sys.stdin.readline().rstrip("\r\n")}


def _shown_once(answer: User) -> Sequence[str]:
    """A password that was made: the last word that is written."""
    return [f"Its password, shown only now: {answer['password']}"] if "password" in answer else []


def _table(users: Sequence[User]) -> Sequence[str]:
    rows = [("NAME", "ROLE", "STATE", "CREATED", "EMAIL")]
    rows += [
        (u["name"], _role(u), _state(u), _date(u["created"]), u["email"] or "-") for u in users
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _role(account: User) -> str:
    return "admin" if account["admin"] else "user"


def _state(account: User) -> str:
    return "disabled" if account["disabled"] else "active"


def _date(at: int | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).date().isoformat()
