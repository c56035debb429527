"""The `mytracks` command. Asks the running daemon; without one it opens the store itself."""

import os
from collections.abc import Mapping
from typing import Any

from mytracks.cli.command import mytracks
from mytracks.cli.console import Console
from mytracks.control.wire import Answer
from mytracks.host.garbage import expect_much
from mytracks.settings import Settings


def main() -> None:
    """What the installed script calls; ends the process with 0, 1 (refused) or 2 (usage)."""
    mytracks(obj=Console(_offline, os.environ))


def _offline(settings: Settings, operation: str, arguments: Mapping[str, Any]) -> Answer:
    expect_much()
    # Imported only when needed: all of Twisted and the store hang on it.
    from mytracks.daemon.offline import run_offline

    return run_offline(settings, operation, arguments)
