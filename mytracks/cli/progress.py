"""How far a long piece of work is: a bar on a terminal, silence elsewhere."""

import sys
from typing import Any

import click


class Bar:
    """Call it as often as there is news; one bar for each kind of work."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet or not sys.stderr.isatty()
        self._what = ""
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """`what` is under way, `done` of `total` behind us."""
        if self._quiet:
            return
        if what != self._what:
            self.close()
            self._what = what
            self._bar = click.progressbar(length=max(total, 1), label=what, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(max(0, done - self._bar.pos))

    def close(self) -> None:
        """Leave the line."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
