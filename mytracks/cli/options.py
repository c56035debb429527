"""Options that every command takes, before its name or after it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mytracks.cli.console import Console

_Command = TypeVar("_Command", bound=Callable[..., Any])


def shared_options(command: _Command) -> _Command:
    """Give `command` the options that say whose data it is about and who reads the answer."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _note_flag(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    console = context.find_object(Console)
    if value is not None and console is not None and parameter.name is not None:
        console.flags[parameter.name.replace("_", "-")] = value


def _note_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    console = context.find_object(Console)
    if value and console is not None:
        console.machine = True


_OPTIONS = (
    click.option(
        "--data-dir",
        metavar="DIR",
        expose_value=False,
        callback=_note_flag,
        help="Where the daemon keeps its data.",
    ),
    click.option(
        "--database",
        metavar="URL",
        expose_value=False,
        callback=_note_flag,
        help="As the daemon's setting of that name.",
    ),
    click.option(
        "--config",
        metavar="FILE",
        expose_value=False,
        callback=_note_flag,
        help="The daemon's TOML file.",
    ),
    click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_note_json,
        help="Answer for machines.",
    ),
)
