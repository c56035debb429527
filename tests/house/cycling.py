"""Starts and stops the daemon again and again in one process and prints what is left each time.

`python -m tests.house.cycling TIMES DATA_DIR`: one line `descriptors threads timers` a cycle.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from mytracks.daemon.service import Daemon
from mytracks.host.log_observer import LevelledObserver
from mytracks.tap import Options
from tests.whole.daemon import LOCAL


def left(reactor: Any) -> str:
    """What this process holds."""
    timers = [call for call in reactor.getDelayedCalls() if call.active()]
    return f"{len(os.listdir('/proc/self/fd'))} {threading.active_count()} {len(timers)}"


async def ready(reactor: Any, look: Callable[[], bool]) -> None:
    """Until `look` says so; ten seconds at most."""
    for _ in range(1000):
        if look():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("it did not become ready")


async def cycle(options: Options, reactor: Any, runtime: Path) -> None:
    """One life."""
    settings = options.settings
    observer = LevelledObserver(sys.stderr, settings.log_level, settings.log_format)
    daemon = Daemon(settings, reactor, observer=observer, observes=False, reread=lambda: settings)
    daemon.startService()
    await ready(reactor, runtime.exists)
    await daemon.stopService()


async def main(times: int, data: Path, reactor: Any) -> None:
    """All of them."""
    options = Options()
    options.parseOptions(["--data-dir", str(data), *LOCAL])
    for _ in range(times):
        await cycle(options, reactor, data / "runtime.json")
        sys.stdout.write(left(reactor) + "\n")


def run() -> None:
    """With a reactor of our own."""
    from twisted.internet import reactor as installed

    reactor = cast(Any, installed)
    failures: list[Any] = []

    def begin() -> None:
        work = Deferred.fromCoroutine(main(int(sys.argv[1]), Path(sys.argv[2]), reactor))
        work.addErrback(failures.append)
        work.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if failures:
        sys.exit(str(failures[0]))


if __name__ == "__main__":
    run()
