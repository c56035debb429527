"""What `twistd mytracks` calls: options in, a service out. Decides nothing else."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from twisted.application.service import IService
from twisted.python import usage

from mytracks.host.garbage import expect_much
from mytracks.settings import SETTINGS, BadSetting, Settings, load


def refuse(line: str) -> SystemExit:
    """How a start that cannot be ends: one line, exit code 1."""
    return SystemExit(f"mytracks: {line}")


class Options(usage.Options):
    """The flags of `twistd mytracks`: one for each setting of the process."""

    longdesc = "Each flag can be set in the environment (MYTRACKS_HTTP_PORT) or the file instead."
    optParameters: Sequence[Sequence[object]] = [
        ["config", None, None, "TOML file; /etc/mytracks/mytracks.toml if it exists."],
        *([setting.name, None, None, setting.help] for setting in SETTINGS),
    ]
    settings: Settings

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read flags, environment and file. Bad ones end the start with a line, not a page."""
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            raise refuse(str(error)) from None

    def parseArgs(self, *extra: str) -> None:
        """There is nothing but flags."""
        if extra:
            raise usage.UsageError(f"unexpected argument {extra[0]!r}")

    def postOptions(self) -> None:
        """Settle all settings, and keep twistd from writing outside the data dir."""
        try:
            self.settings = load(cast(Mapping[str, Any], self), os.environ)
        except BadSetting as error:
            raise refuse(str(error)) from None
        twistd = self._twistd()
        if twistd.get("pidfile") == "twistd.pid":
            twistd["pidfile"] = ""

    def logs_to_terminal(self) -> bool:
        """Whether the log is ours to form: twistd was not told where else to put it."""
        twistd = self._twistd()
        elsewhere = twistd.get("logfile") or twistd.get("logger") or twistd.get("syslog")
        return bool(twistd.get("nodaemon")) and not elsewhere

    def _twistd(self) -> dict[str, Any]:
        return cast(dict[str, Any], getattr(self, "parent", None) or {})


def makeService(options: Options) -> IService:
    """The daemon, built but not yet started."""
    expect_much()
    from twisted.internet import reactor

    from mytracks.daemon.service import Daemon
    from mytracks.host.log_observer import LevelledObserver

    settings = options.settings
    observer = LevelledObserver(sys.stdout, settings.log_level, settings.log_format)
    return Daemon(
        settings,
        cast(Any, reactor),
        observer=observer,
        observes=options.logs_to_terminal(),
        reread=lambda: load(cast(Mapping[str, Any], options), os.environ),
    )
