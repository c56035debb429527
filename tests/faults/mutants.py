"""mytracks with one thing broken, for proving that the proofs can fail.

`python -m tests.faults.mutants NAME --data-dir …`: everything else is the product, started as
twistd starts it, in the foreground.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, get_args

from twisted.internet.defer import Deferred
from twisted.scripts.twistd import run

from mytracks.daemon import service
from mytracks.host.data_dir import DataDirLock
from mytracks.mqtt.routing.changes import Change
from mytracks.mqtt.routing.journal import Recorded
from mytracks.phones.facts import Fact, Kept
from mytracks.store.database import StorageFull
from mytracks.store.mqtt_sessions import StoredJournal
from mytracks.store.sqlite import pragmas, writer
from mytracks.store.sqlite.failures import Trouble
from tests.faults.hasty import believed


def command(name: str) -> Sequence[str]:
    """How to start the mutant of this name."""
    return (sys.executable, "-m", "tests.faults.mutants", name)


def _synchronous(level: int) -> None:
    broken: Any = pragmas.WRITER
    broken["synchronous"] = level


def _off() -> None:
    """Commits are left to the kernel, as SQLite's `synchronous` OFF does."""
    _synchronous(0)


def _normal() -> None:
    """The log is synced only when it is folded, as NORMAL does."""
    _synchronous(1)


def _boastful() -> None:
    """What a full disk refused is acknowledged all the same."""
    broken: Any = StoredJournal
    honest = broken.record

    def record(
        self: StoredJournal, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        def lie(failure: Any) -> Recorded[Kept]:
            failure.trap(StorageFull)
            return Recorded([known for fact in facts if (known := believed(fact)) is not None])

        recorded: Deferred[Recorded[Kept]] = honest(self, facts, changes)
        return recorded.addErrback(lie)

    broken.record = record


def _forgets(kind: type[Change]) -> None:
    """The broker's journal leaves out all changes of one kind."""
    broken: Any = StoredJournal
    honest = broken.record

    def record(
        self: StoredJournal, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        remembered = [each for each in changes if not isinstance(each, kind)]
        recorded: Deferred[Recorded[Kept]] = honest(self, facts, remembered)
        return recorded

    broken.record = record


def _stubborn() -> None:
    """Whatever the disk did, it is tried again."""
    broken: Any = writer
    honest = broken.trouble
    broken.trouble = lambda *about: honest(*about) and Trouble.PASSING


def _wall() -> None:
    """Timers follow the date."""
    broken: Any = service
    broken.use_monotonic_timers = lambda reactor: setattr(reactor, "seconds", time.time)


def _lockless() -> None:
    """The data directory is anybody's."""
    broken: Any = DataDirLock
    broken.acquire = lambda _: None


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "off": _off,
    "normal": _normal,
    "boastful": _boastful,
    "stubborn": _stubborn,
    "wall": _wall,
    "lockless": _lockless,
    **{f"forgets {kind.__name__}": partial(_forgets, kind) for kind in get_args(Change)},
}


def main() -> None:
    """Break it and run it."""
    MUTANTS[sys.argv[1]]()
    sys.argv[:] = ["twistd", "-n", "mytracks", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
