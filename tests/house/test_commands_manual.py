"""Every command and every option of it stands in docs/commands.md."""

from collections.abc import Iterator

import click
from twisted.trial.unittest import SynchronousTestCase

from mytracks.cli.command import mytracks
from tests.house.source import ROOT

MANUAL = ROOT / "docs" / "commands.md"


def commands(group: click.Group, path: str = "mytracks") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name."""
    for name, command in group.commands.items():
        if command.hidden:
            # What the server runs by itself.
            continue
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


class CommandManualTests(SynchronousTestCase):
    """A command that nobody can read about is not a command."""

    def test_every_command_is_in_the_manual_with_its_options(self) -> None:
        """Options that every command has are told once, at the top."""
        manual = MANUAL.read_text()
        missing = []
        for name, command in commands(mytracks):
            line = next((each for each in manual.splitlines() if f"`{name}" in each), None)
            if line is None:
                missing.append(name)
                continue
            for parameter in command.params:
                told = [option for option in parameter.opts if option in line or option in manual]
                if isinstance(parameter, click.Option) and not told:
                    missing.append(f"{name} {parameter.opts}")
        self.assertEqual([], missing)

    def test_the_manual_names_no_command_that_is_not_there(self) -> None:
        """Nobody should type what a manual promised and get `No such command`."""
        there = {name for name, _ in commands(mytracks)}
        rows = [line for line in MANUAL.read_text().splitlines() if line.startswith("| `mytracks ")]
        for row in rows:
            words = row.split("`")[1].split(" ")
            self.assertTrue(any(" ".join(words[:n]) in there for n in range(2, 5)), row)
