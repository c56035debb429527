"""One run of the `mytracks` command: what it was given, whom it asks, how it ends.

Light to import: with a daemon running, neither Twisted nor the store is loaded.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click
from attrs import Factory, define

from mytracks.cli.asking import Unanswered, ask_daemon
from mytracks.control.wire import SOCKET_NAME, Answer, Refusal, Request
from mytracks.settings import BadSetting, Settings, load

Offline = Callable[[Settings, str, Mapping[str, Any]], Answer]
"""Opens the store itself, for want of a daemon, and runs one operation."""


class Failed(click.ClickException):
    """The command ends with 1 and a line on standard error."""

    exit_code = 1

    def __init__(self, refusal: Refusal, machine: bool) -> None:
        click.ClickException.__init__(self, refusal.text)
        self._refusal = refusal
        self._machine = machine

    def show(self, file: Any = None) -> None:
        """To standard error, as a line for people or an object for machines."""
        if not self._machine:
            click.ClickException.show(self, file)
            return
        refusal = self._refusal
        error = {"kind": refusal.kind, "text": refusal.text, "fields": dict(refusal.fields)}
        click.echo(json.dumps({"error": error}), err=True)


class Misused(Failed):
    """What was given cannot be meant: the command ends with 2."""

    exit_code = 2


@define
class Console:
    """`flags`: the settings given on the command line; `machine`: whether JSON is wanted."""

    offline: Offline
    environment: Mapping[str, str]
    flags: dict[str, str | None] = Factory(dict)
    machine: bool = False

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """The operation's result, from the daemon if one runs. Ends the command when refused."""
        settings = self.settings()
        answer = self._asked(settings, operation, arguments)
        if answer is None:
            answer = self.offline(settings, operation, arguments)
        return self._taken(answer)

    def ask_running(self, operation: str) -> Any:
        """The operation's result from the daemon; None when none runs."""
        answer = self._asked(self.settings(), operation, {})
        return None if answer is None else self._taken(answer)

    def settings(self) -> Settings:
        """As the daemon would read them. Ends the command when they cannot be read."""
        try:
            return load(self.flags, self.environment)
        except BadSetting as error:
            raise self.misuse("bad_setting", str(error)) from None

    def refuse(self, kind: str, text: str) -> Failed:
        """What ends the command with one line."""
        return Failed(Refusal(kind, text), self.machine)

    def misuse(self, kind: str, text: str) -> Failed:
        """The same for what cannot be meant."""
        return Misused(Refusal(kind, text), self.machine)

    def _asked(
        self, settings: Settings, operation: str, arguments: Mapping[str, Any]
    ) -> Answer | None:
        try:
            return ask_daemon(settings.data_dir / SOCKET_NAME, Request(operation, arguments))
        except Unanswered as error:
            raise self.refuse("unanswered", str(error)) from None

    def _taken(self, answer: Answer) -> Any:
        if answer.refusal is not None:
            raise Failed(answer.refusal, self.machine)
        return answer.result

    def tell(self, result: Any, *lines: str) -> None:
        """`result` to machines, `lines` to people."""
        if self.machine:
            click.echo(json.dumps(result, ensure_ascii=False))
            return
        for line in lines:
            click.echo(line)
