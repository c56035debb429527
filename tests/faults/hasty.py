"""The mutant: mytracks with a Journal that says `durable` at once and commits a while later.

Everything else is the product, unpatched, started with the daemon's own flags:
`python -m tests.faults.hasty --data-dir …`. Only for proving that the proofs can fail.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final, cast

from twisted.internet.defer import Deferred, succeed
from twisted.logger import globalLogBeginner

from mytracks.mqtt.routing.changes import Change
from mytracks.mqtt.routing.journal import Journal, Queued, Recorded, Remembered
from mytracks.phones.facts import Fact, Kept, SetAside

HASTY: Final = (sys.executable, "-m", "tests.faults.hasty")
LATE: Final = 0.4
"""Seconds between what it says and what it does."""


def believed(fact: Fact) -> Kept | None:
    """What the store would most likely answer; None when only the store can know."""
    if isinstance(fact, SetAside):
        return Kept(fact=fact, device=None, new=True)
    if fact.source.device is None:
        return None
    return Kept(fact=fact, device=fact.source.device, new=True)


class HastyJournal:
    """Answers before it has written."""

    def __init__(self, honest: Journal[Fact, Kept], reactor: Any) -> None:
        self._honest = honest
        self._reactor = reactor

    def load(self) -> Deferred[Remembered]:
        """What is remembered."""
        return self._honest.load()

    def record(
        self, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        """Lie now, write later; honest only about devices that the store has not yet numbered."""
        kept = [known for fact in facts if (known := believed(fact)) is not None]
        if len(kept) < len(facts):
            return self._honest.record(facts, changes)
        self._reactor.callLater(LATE, self._honest.record, list(facts), list(changes))
        return succeed(Recorded(kept))

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        """A page of a queue."""
        return self._honest.queued(session, after, most, most_bytes)


def main() -> None:
    """Run the daemon around this journal, in the foreground."""
    from twisted.internet import reactor

    from mytracks.daemon.service import Daemon
    from mytracks.host.log_observer import LevelledObserver
    from mytracks.tap import Options

    options = Options()
    options.parseOptions(sys.argv[1:])
    settings = options.settings
    observer = LevelledObserver(sys.stdout, settings.log_level, settings.log_format)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    daemon = Daemon(
        settings,
        cast(Any, reactor),
        observer=observer,
        observes=True,
        reread=lambda: settings,
        wrap_journal=lambda honest: HastyJournal(honest, reactor),
    )
    cast(Any, reactor).addSystemEventTrigger("before", "shutdown", daemon.stopService)
    daemon.startService()
    cast(Any, reactor).run()


if __name__ == "__main__":
    main()
