"""docs/settings.md is made from the settings themselves, so that it cannot drift.

`MAKE_MANUAL=1 python -m twisted.trial tests.house.test_settings_manual` writes it anew.
"""

import ast
import inspect
import os
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from mytracks.settings import SECTIONS, SETTINGS, limit_variable

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

HEAD = """\
# Settings

Each setting has one name in four places; the first that is set wins: flag, environment, TOML file,
default. The file is `--config FILE` or `MYTRACKS_CONFIG`, else `/etc/mytracks/mytracks.toml` if it
exists. In the file a name has `_` where the flag has `-`. An unknown or bad setting ends the start
with one line. SIGHUP re-reads the log level and the limits of `[mqtt]` and `[http]`, and says what
else changed and needs a restart.

| flag | environment | default | meaning |
|---|---|---|---|
"""


def shown(value: object) -> str:
    """A default as one would write it."""
    if value in (None, (), ""):
        return "none"
    if isinstance(value, tuple):
        return "`" + ",".join(value) + "`"
    return f"`{value}`"


def described(limits: type[Any]) -> dict[str, str]:
    """The words below each limit in its class, or in that of which it is a kind."""
    words: dict[str, str] = {}
    for kind in reversed(limits.__mro__[:-1]):
        words |= _described(kind)
    return words


def _described(limits: type[Any]) -> dict[str, str]:
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(limits))).body
    assert isinstance(found, ast.ClassDef)
    words = {}
    for field, below in pairwise(found.body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            words[field.target.id] = " ".join(str(below.value.value).split())
    return words


def manual() -> str:
    """The whole page."""
    lines = [HEAD]
    for setting in SETTINGS:
        default = setting.default
        if setting.name == "data-dir":
            default = "$STATE_DIRECTORY, else $XDG_DATA_HOME/mytracks"
        lines.append(
            f"| `--{setting.name}` | `{setting.variable}` | {shown(default)} | {setting.help} |\n"
        )
    lines.append(
        "\nPorts: 0 lets the system choose, -1 is off; `runtime.json` tells the actual ones.\n"
    )
    for room, limits in SECTIONS.items():
        words = described(limits)
        lines.append(f"\n## `[{room}]`\n\n{' '.join((limits.__doc__ or '').split())}\n")
        lines.append("\n| in the file | environment | default | meaning |\n|---|---|---|---|\n")
        for field in attrs.fields(limits):
            variable = limit_variable(room, field.name)
            meaning = words.get(field.name, "")
            lines.append(
                f"| `{field.name}` | `{variable}` | {shown(field.default)} | {meaning} |\n"
            )
    return "".join(lines)


class ManualTests(SynchronousTestCase):
    """A setting that nobody can read about is not a setting."""

    def test_the_manual_is_what_the_code_says(self) -> None:
        """Names, defaults and meanings, all of them."""
        if os.environ.get("MAKE_MANUAL"):
            MANUAL.write_text(manual())
        self.assertEqual(manual(), MANUAL.read_text())
