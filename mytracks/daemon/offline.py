"""One operation of the `mytracks` command on the store itself, for want of a daemon."""

import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from twisted.internet.defer import Deferred

from mytracks.clock import Clock
from mytracks.control.wire import Answer, Refusal
from mytracks.daemon.joining import open_ground, operations
from mytracks.host.data_dir import DataDirLock, DataDirRefused, make_private
from mytracks.pki.keyring import KeyRingRefused
from mytracks.settings import Settings
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.open import open_store


def run_offline(settings: Settings, operation: str, arguments: Mapping[str, Any]) -> Answer:
    """Run one operation on the store itself, for want of a daemon."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    clock = Clock(reactor)
    answers: list[Answer] = []

    async def work() -> None:
        async with AsyncExitStack() as opened:
            make_private(settings.data_dir)
            lock = DataDirLock(settings.data_dir)
            lock.acquire()
            opened.callback(lock.release)
            if not (settings.data_dir / FILE).exists():
                sys.stderr.write(f"mytracks: {settings.data_dir} holds no data yet: made anew\n")
            store = await open_store(
                settings.data_dir, settings.database, clock, reactor, settings.store, sys.exit
            )
            opened.push_async_callback(store.close)
            ground = await open_ground(settings, store, clock, reactor, opened)
            answers.append(await operations(ground).run(operation, arguments))
            # There is no daemon to go on with it.
            await ground.people.removals.settled()

    async def answer() -> None:
        try:
            await work()
        except (DataDirRefused, StoreRefused, KeyRingRefused) as error:
            answers.append(Answer(refusal=Refusal("unavailable", str(error))))
        finally:
            reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(answer()))
    reactor.run()
    return answers[0]
