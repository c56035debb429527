"""Acknowledged and stored: mytracks against a broker whose messages a script writes to the disk.

The broker acknowledges before anything is stored, and what waits for the script is in its memory
alone; that is all the same what people run today.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from tests.bench.accounting import cpu_seconds, say
from tests.bench.loads import PHONES, Server
from tests.bench.loads import publishing as publish_load
from tests.bench.servers import PASSWORD, USER
from tests.whole.daemon import PROJECT, scratch
from tests.whole.web import Web


@frozen
class Stored:
    """Messages acknowledged and stored, stored a second, CPU microseconds of all processes for
    each, and the delay to the acknowledgement."""

    acked: int
    stored: int
    per_s: float
    cpu_us: float
    p50_ms: float


def stored(server: Server) -> int:
    """How many locations the account has."""
    web = Web(server.http, basic=(USER, PASSWORD))
    count = web.get("/api/locations", limit=1, repeats=1).json()["count"]
    assert isinstance(count, int)
    return count


def ours(server: Server, seconds: float, first: int) -> Stored:
    """One run against mytracks."""
    before = stored(server)
    found = publish_load(server, seconds, first)
    count = stored(server) - before
    return Stored(found.done, count, found.per_s, found.cpu_us, found.p50_ms)


@contextmanager
def _recorder(server: Server) -> Iterator[subprocess.Popen[str]]:
    path = scratch() / "messages"
    words = [str(server.mqtt), server.user, server.password, str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.recorder", *words],
        cwd=PROJECT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the recorder did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def theirs(server: Server, seconds: float, first: int) -> Stored:
    """One run against a broker and its recorder, until that has stored all."""
    with _recorder(server) as process:
        before = cpu_seconds(server.pid)
        found = publish_load(server, seconds, first)
        out, _ = process.communicate()
        cpu = cpu_seconds(server.pid) - before
    told = json.loads(out)
    count = int(told["stored"])
    lasted = found.done / found.per_s
    each = (cpu + told["cpu"]) / count * 1e6
    return Stored(found.done, count, count / lasted, each, found.p50_ms)


def against_recorder(server: Server, broker: Server, seconds: float, runs: int) -> None:
    """Both in turn, from the same generator."""
    say(f"\nMQTT, QoS 1, {PHONES} phones, against a broker and a script that syncs what it writes")
    found: dict[str, list[Stored]] = {"mytracks": [], "broker": []}
    for run in range(runs):
        first = 200_000_000 + run * 1_000_000
        found["mytracks"].append(ours(server, seconds, first))
        found["broker"].append(theirs(broker, seconds, first))
    for name, all_runs in found.items():
        rate = statistics.median(run.per_s for run in all_runs)
        cpu = statistics.median(run.cpu_us for run in all_runs)
        p50 = statistics.median(run.p50_ms for run in all_runs)
        acked, kept = sum(run.acked for run in all_runs), sum(run.stored for run in all_runs)
        say(
            f"  {name:10} {rate:7.0f} stored/s  {cpu:6.1f} us CPU of all processes"
            f"  p50 {p50:.2f} ms  acknowledged {acked}, stored {kept}"
        )
    ratios = [a.per_s / b.per_s for a, b in zip(*found.values(), strict=True)]
    costs = [a.cpu_us / b.cpu_us for a, b in zip(*found.values(), strict=True)]
    say(f"  ratio: stored {statistics.median(ratios):.2f}, CPU {statistics.median(costs):.2f}")
