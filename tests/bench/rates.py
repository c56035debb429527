"""Arrival to durable through the store at several rates, flat out, and against plain `sqlite3`."""

from typing import Final

from attrs import frozen
from twisted.internet.defer import gatherResults

from mytracks.store.open import SQLITE, Store
from tests.bench.accounting import say
from tests.bench.arrival import Arrived, Nothing, at_rate, flat_out, share
from tests.bench.fleet import Fleet, joined
from tests.bench.place import Place, commits
from tests.bench.plain import Spent, Stopwatch, inserts, sync_times

RATES: Final = (10, 100, 1_000, 5_000, 10_000)
_BARS: Final = {SQLITE: 12, "postgresql": 60}
"""CPU microseconds a location in the store at 5,000/s."""


@frozen
class _Cost:
    """One run through the store beside the same load on nothing."""

    found: Arrived
    load: Arrived
    server: float
    commits: int

    @property
    def in_store(self) -> float:
        """CPU microseconds of this process a location, without the load's own."""
        return self.found.each - self.load.each

    def say(self, name: str) -> None:
        """A line of the report."""
        delays, ticks = self.found.delays, self.found.ticks
        server = f" + {self.server / len(delays) * 1e6:.0f} in the server" if self.server else ""
        say(
            f"  {name:>8} p50 {share(delays, 0.5) * 1e3:6.2f} p99 {share(delays, 0.99) * 1e3:6.2f}"
            f" ms  {len(delays) / self.commits:6.1f} a commit  CPU {self.in_store:5.1f} us in the"
            f" store{server} (load {self.load.each:.1f})  tick p50 {share(ticks, 0.5) * 1e3:.1f}"
            f" p99 {share(ticks, 0.99) * 1e3:.1f} ms  got {self.found.rate:.0f}/s"
        )


async def rates(place: Place, seconds: float, runs: int) -> None:
    """Arrival to durable at each rate, and flat out."""
    store = await place.opened()
    fleet = await joined(store)
    for run in range(runs):
        within, beyond = sync_times(place.folder)
        say(f"\nArrival to durable, {place.kind}; one fdatasync {within * 1e3:.2f} ms")
        say(f"  ({beyond * 1e3:.2f} ms where it makes the file longer)")
        costs = {}
        for rate in RATES:
            costs[rate] = await _paced(place, store, fleet, rate, seconds)
            costs[rate].say(f"{rate}/s")
        full = await _saturated(place, store, fleet, int(10_000 * seconds))
        full.say("flat out")
        syncs = share(costs[1_000].found.delays, 0.5) / within
        say(
            f"  run {run + 1}: p50 at 1,000/s {syncs:.1f} sync times (bar 3); CPU in the store at"
            f" 5,000/s {costs[5_000].in_store:.1f} us (bar {_BARS[place.kind]}); a tick beside full"
            f" load p99 {share(full.found.ticks, 0.99) * 1e3:.1f} ms (bar 20)"
        )
    await store.close()


async def _paced(place: Place, store: Store, fleet: Fleet, rate: int, seconds: float) -> _Cost:
    facts = fleet.facts(int(rate * max(seconds, 10 if rate < 100 else 0)))
    load = await at_rate(Nothing(), place.clock, facts, rate)
    before, server = commits(store), place.server_cpu()
    found = await at_rate(store.journal, place.clock, facts, rate)
    return _Cost(found, load, place.server_cpu() - server, commits(store) - before)


async def _saturated(place: Place, store: Store, fleet: Fleet, count: int) -> _Cost:
    facts = fleet.facts(count)
    load = await flat_out(Nothing(), store.database, place.clock, facts)
    before, server = commits(store), place.server_cpu()
    found = await flat_out(store.journal, store.database, place.clock, facts)
    return _Cost(found, load, place.server_cpu() - server, commits(store) - before)


async def against_plain(place: Place, runs: int) -> None:
    """The same rows through the store, and by plain `sqlite3`, as many in each commit."""
    store = await place.opened()
    fleet = await joined(store)
    say("\nAgainst plain sqlite3 with the same tables and pragmas")
    for each, count in ((1, 1_000), (25, 20_000), (100, 50_000)):
        for _ in range(runs):
            plain = inserts(place.folder, fleet.facts(count), each)
            ours = await _in_commits(store, fleet, count, each)
            say(
                f"  {each:4} a commit: plain {plain.rate:7.0f}/s at {plain.cpu:6.1f} us CPU,"
                f" the store {ours.rate:7.0f}/s at {ours.cpu:6.1f} us; ratio of rates"
                f" {ours.rate / plain.rate:.2f}, of CPU {ours.cpu / plain.cpu:.2f}"
            )
    await store.close()


async def _in_commits(store: Store, fleet: Fleet, count: int, each: int) -> Spent:
    """Messages of one location each, the next `each` of them when those before are durable."""
    facts = fleet.facts(count)
    watch = Stopwatch()
    for first in range(0, count, each):
        await gatherResults([store.journal.record([fact]) for fact in facts[first : first + each]])
    return watch.spent(count)
