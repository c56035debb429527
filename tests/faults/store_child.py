"""A process with a store, to be broken or killed from outside.

python -m tests.faults.store_child SCENARIO FOLDER [FIRST]: writes what happened as JSON lines.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.phones.facts import Kept, Reported, Source
from mytracks.store.database import State
from mytracks.store.limits import Limits
from mytracks.store.open import Store, open_store
from mytracks.tracks.locations import Location, Via
from tests.store.cases import account

IN_FLIGHT = 50


def tell(**what: Any) -> None:
    """One line, out of this process before the next statement."""
    os.write(1, (json.dumps(what) + "\n").encode())


class Child:
    """A store and a phone that never ends sending."""

    def __init__(self, store: Store, source: Source, first: int) -> None:
        self.store = store
        self.source = source
        self.next = first

    async def send(self, count: int) -> None:
        """Send so many locations; tell which were acknowledged and how others were refused."""
        waits = []
        for _ in range(count):
            number, self.next = self.next, self.next + 1
            each = Location(
                at=number,
                seq=number,
                latitude=1.0,
                longitude=2.0,
                received=number,
                via=Via.MQTT,
                extra={"padding": "x" * 200},
            )
            fact = Reported(source=self.source, location=each, may_repeat=False)
            waits.append(self.store.journal.record([fact]).addCallbacks(*self.answers(number)))
        for wait in waits:
            await wait

    def answers(self, number: int) -> tuple[Any, Any]:
        """What to do with either outcome."""

        def stored(_: Sequence[Kept]) -> None:
            tell(acknowledged=number)

        def refused(failure: Any) -> None:
            failure.trap(Unavailable)
            tell(refused=failure.type.__name__, reason=str(failure.value))

        return stored, refused


async def endless(child: Child) -> None:
    """Until killed."""
    while True:
        await child.send(IN_FLIGHT)


def begin(failure: Path) -> None:
    """The disk fails from now on."""
    failure.touch()


def end(failure: Path) -> None:
    """The disk is well again."""
    failure.unlink()


async def failing(child: Child, flag: str) -> None:
    """Before, while and after the disk fails."""
    command = Path(os.environ[flag])
    await child.send(IN_FLIGHT)
    tell(phase="failing")
    begin(command)
    await child.send(IN_FLIGHT)
    end(command)
    tell(phase="well again")
    database = child.store.database
    tell(health=database.health.state.value)
    while database.health.state is State.FULL:
        await database.read(_look)
    await child.send(IN_FLIGHT)
    tell(health=database.health.state.value)


async def _look(_: object) -> None:
    """A turn of the reactor."""


async def main(_: object, scenario: str, folder: str, first: str = "1") -> None:
    clock = Clock(cast(Any, reactor))
    limits = Limits(ballast=0, probe_after=0.01)
    store = await open_store(
        Path(folder),
        "sqlite",
        clock,
        cast(Any, reactor),
        limits,
        lambda reason: tell(fatal=reason),
    )
    accounts = await store.database.read(store.accounts.all)
    if not accounts:
        made = store.database.commit(lambda tx: store.accounts.add(tx, account()))
        accounts = [await cast(Deferred[Any], made)]
    source = Source(owner=accounts[0].number, owner_name="ana", name="phone", device=None)
    child = Child(store, source, int(first))
    if scenario == "endless":
        await endless(child)
    await failing(child, scenario)
    await store.close()


if __name__ == "__main__":
    react(main, sys.argv[1:])
