"""Delay from arrival to durable, and CPU a location. Prints; asserts nothing.

python -m tests.store.bench_writer [FOLDER]
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from mytracks.clock import Clock
from mytracks.people.ports import Account
from mytracks.phones.facts import Kept, Reported, Source
from mytracks.sharing.identity import Device
from mytracks.store.limits import Limits
from mytracks.store.open import Store, open_store
from mytracks.tracks.locations import Location, Via
from tests.store.cases import sqlite

PHONES = 100


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def location(number: int) -> Location:
    """As an Android phone sends it."""
    return Location(
        at=1_767_225_600 + number,
        seq=hash((number, 7)) % 2**31,
        latitude=48.85833 + number % 1000 / 1e5,
        longitude=2.29513,
        received=1_767_225_605 + number,
        via=Via.MQTT,
        accuracy=12,
        altitude=35,
        vertical_accuracy=3,
        velocity=4,
        course=270,
        battery=81,
        battery_status=1,
        connection="w",
        mode=1,
        trigger="u",
        source="fused",
        tid="l8",
        message_id="3fa91c07",
        created_at=1_767_225_605 + number,
        in_regions=("Home",),
        ssid="lan",
        bssid="02:00:00:00:00:00",
    )


class Bench:
    """One store and its phones."""

    def __init__(self, store: Store, devices: Sequence[Device]) -> None:
        self.store = store
        self.database = sqlite(store)
        self.sources = [
            Source(owner=d.owner, owner_name=d.owner_name, name=d.name, device=d) for d in devices
        ]
        self.number = 0

    def fact(self) -> Reported:
        self.number += 1
        source = self.sources[self.number % PHONES]
        return Reported(source=source, location=location(self.number), may_repeat=False)

    async def at_rate(self, rate: int, seconds: float) -> None:
        total = int(rate * seconds)
        facts = [self.fact() for _ in range(total)]
        delays: list[float] = []
        done: Deferred[None] = Deferred()
        commits, start, cpu = self.database.commits, time.perf_counter(), time.process_time()
        sent = 0

        def stored(_: Sequence[Kept], due: float) -> None:
            delays.append(time.perf_counter() - due)
            if len(delays) == total:
                done.callback(None)

        def tick() -> None:
            nonlocal sent
            due = min(total, int((time.perf_counter() - start) * rate) + 1)
            while sent < due:
                self.store.journal.record([facts[sent]]).addCallback(stored, start + sent / rate)
                sent += 1
            if sent < total:
                Clock(reactor).later(0.0005, tick)

        tick()
        await done
        cpu, commits = time.process_time() - cpu, self.database.commits - commits
        delays.sort()
        say(
            f"{rate}/s: p50 {delays[total // 2] * 1e3:.1f} ms, p99"
            f" {delays[int(total * 0.99)] * 1e3:.1f} ms, {total / commits:.1f} a commit,"
            f" {cpu / total * 1e6:.0f} us CPU each, got"
            f" {total / (time.perf_counter() - start):.0f}/s"
        )

    async def in_batches(self, size: int, rounds: int) -> None:
        """CPU of the writer thread and of everything, at batches of about `size`."""
        facts = [[self.fact() for _ in range(size)] for _ in range(rounds)]
        commits, cpu = self.database.commits, time.process_time()
        thread = await self.store.database.commit(_thread_time)
        for batch in facts:
            await gatherResults([self.store.journal.record([fact]) for fact in batch])
        thread = await self.store.database.commit(_thread_time) - thread
        cpu = time.process_time() - cpu
        commits = self.database.commits - commits
        total = size * rounds
        say(
            f"batches of {size}: {thread / total * 1e6:.1f} us CPU in the writer,"
            f" {cpu / total * 1e6:.1f} us in all, {total / commits:.1f} a commit"
        )


async def _thread_time(_: object) -> float:
    return time.thread_time()


async def main(_: object, folder: str) -> None:
    clock = Clock(reactor)
    store = await open_store(
        Path(folder),
        "sqlite",
        clock,
        cast(Any, reactor),
        Limits(),
        say,
    )
    account = Account(
        number=0,
        name="ana",
        display="",
        admin=False,
        disabled=False,
        password="",
        email="",
        created=0,
    )
    ana = await store.database.commit(lambda tx: store.accounts.add(tx, account))
    sources = [
        Source(owner=ana.number, owner_name="ana", name=f"phone{n}", device=None)
        for n in range(PHONES)
    ]
    facts = [Reported(source=s, location=location(0), may_repeat=False) for s in sources]
    kept = await store.journal.record(facts)
    bench = Bench(store, [k.device for k in kept if k.device])
    for size, rounds in ((1, 300), (10, 200), (50, 200), (500, 20), (2000, 10)):
        await bench.in_batches(size, rounds)
    for rate in (100, 1000, 5000, 10_000, 20_000):
        await bench.at_rate(rate, 3)
    await store.close()
    size = (Path(folder) / "mytracks.sqlite3").stat().st_size
    say(f"{size / bench.number:.0f} bytes a location")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        react(main, sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            react(main, [folder])
