"""How long a ping-pong takes while others keep the broker busy."""

import argparse
import asyncio
import json
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from tests.bench.accounting import say
from tests.bench.brokers import Broker
from tests.bench.clients import connected, when
from tests.bench.loads import Server
from tests.bench.servers import PASSWORD, USER
from tests.whole import packets
from tests.whole.daemon import PROJECT
from tests.whole.phone import Phone

WAITING: Final = 10_000
PING: Final = f"owntracks/{USER}/ping/cmd"
BUSY: Final = f"owntracks/{USER}/busy/cmd"
REPLAYED: Final = f"owntracks/{USER}/replayed/cmd"


def play(port: int) -> None:
    """Say something to ourselves, again and again, until standard input ends."""
    phone = Phone(port)
    assert phone.connect(f"ping{time.time_ns()}", USER, PASSWORD) == 0
    phone.send(packets.subscribe(1, PING, qos=0))
    phone.read()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    delays = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        begin = time.perf_counter()
        phone.send(packets.publish(PING, b"ping", qos=0))
        phone.read(60)
        delays.append((time.perf_counter() - begin) * 1e3)
    delays.sort()
    found = {
        "count": len(delays),
        "p50": delays[len(delays) // 2],
        "p99": delays[len(delays) * 99 // 100],
        "most": delays[-1],
    }
    sys.stdout.write(json.dumps(found) + "\n")


@contextmanager
def playing(server: Server) -> Iterator[dict[str, Any]]:
    """A ping-pong in a process of its own; afterwards what it found."""
    words = [sys.executable, "-m", "tests.bench.fairness", str(server.mqtt)]
    found: dict[str, Any] = {}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=PROJECT, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield found
        process.stdin.close()
        found |= json.loads(process.stdout.readline())


def flooded(server: Server, seconds: float) -> float:
    """One publisher that never waits, one subscriber, QoS 1; messages a second."""

    async def run() -> float:
        reader, writer = await connected(server.mqtt), await connected(server.mqtt)
        await reader.sign_in(f"r{time.time_ns()}", USER, PASSWORD)
        await reader.subscribe(BUSY, 1)
        await writer.sign_in(f"w{time.time_ns()}", USER, PASSWORD)
        block = b"".join(
            packets.publish(BUSY, b"x" * 200, number + 1, qos=1) for number in range(100)
        )
        sent, begin = 0, time.perf_counter()
        done = 0

        def acknowledged(_: int) -> None:
            nonlocal done
            done += 1

        writer.acknowledged = acknowledged
        while time.perf_counter() < begin + seconds:
            while sent - done < 2_000:
                writer.transport.write(block)
                sent += 100
            await asyncio.sleep(0)
        reader.transport.abort()
        writer.transport.abort()
        return reader.received / seconds

    return asyncio.run(run())


def prepare(server: Server) -> None:
    """A client goes away, and `WAITING` messages wait for it."""

    async def run() -> None:
        reader, writer = await connected(server.mqtt), await connected(server.mqtt)
        await reader.sign_in("replayed", USER, PASSWORD, clean=False)
        await reader.subscribe(REPLAYED, 1)
        reader.transport.write(packets.DISCONNECT)
        reader.transport.close()
        await writer.sign_in("filler", USER, PASSWORD)
        done = 0

        def acknowledged(_: int) -> None:
            nonlocal done
            done += 1

        def through(count: int) -> bool:
            return done >= count

        writer.acknowledged = acknowledged
        for first in range(0, WAITING, 100):
            writer.transport.write(
                b"".join(
                    packets.publish(REPLAYED, b"x" * 200, number + 1, qos=1)
                    for number in range(first, first + 100)
                )
            )
            await when(partial(through, first + 100), 60, 0)
        writer.transport.close()

    asyncio.run(asyncio.wait_for(run(), 120))


def replayed(server: Server) -> float:
    """The client comes back and takes all; messages a second, 0 where none comes."""

    async def run() -> float:
        reader = await connected(server.mqtt)
        begin = time.perf_counter()
        await reader.sign_in("replayed", USER, PASSWORD, clean=False)
        await reader.subscribe(REPLAYED, 1)
        if await when(lambda: reader.received > 0, 5):
            await when(lambda: reader.received >= WAITING, 60)
        took = time.perf_counter() - begin
        reader.transport.close()
        return reader.received / took

    return asyncio.run(run())


def fairness(brokers: Sequence[Broker], seconds: float, runs: int) -> None:
    """Alone, beside a publisher at full speed, beside a replay."""
    say(f"\nA ping-pong at QoS 0 beside others; {WAITING} messages in a replay")
    for broker in brokers:
        found: dict[str, list[dict[str, Any]]] = {"alone": [], "beside a flood": []}
        found["beside a replay"] = []
        rates: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(runs):
            prepare(broker.server)
            for name in found:
                with playing(broker.server) as run:
                    if name == "alone":
                        time.sleep(seconds)
                    elif name == "beside a flood":
                        rates[name].append(flooded(broker.server, seconds))
                    else:
                        rates[name].append(replayed(broker.server))
                found[name].append(run)
        for name, each in found.items():
            shares = [statistics.median(run[key] for run in each) for key in ("p50", "p99", "most")]
            beside = (
                f"  ({statistics.median(rates[name]):.0f}/s of the others)" if rates[name] else ""
            )
            say(
                f"  {broker.server.name:10} {name:16} p50 {shares[0]:6.2f} p99 {shares[1]:7.2f}"
                f" most {shares[2]:7.2f} ms{beside}"
            )
    say("  (aim: mytracks' p99 below 100 ms)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    play(parser.parse_args().port)
