"""The built-in load for brokers, a process of its own: `python -m tests.bench.traffic …`.

Closed loop: publishers send as much as `--window` (messages not yet delivered, over all) and
`--inflight` (not yet acknowledged, of each) let them. Prints one JSON object. Being Python it is
slower than what it measures: rates are a lower bound, the server's CPU for each message holds.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from tests.bench.accounting import cpu_seconds, resident_kib
from tests.bench.clients import Client, connected, when
from tests.whole import packets


class Publisher:
    """Sends while it may."""

    def __init__(self, client: Client, topic: str, options: argparse.Namespace) -> None:
        self.client = client
        self.topic = topic
        self.qos = options.qos
        self.inflight = options.inflight if options.qos else options.window
        self.under_way = 0
        self._filling = b"x" * max(0, options.size - 8)
        self._number = 0
        client.acknowledged = self._acknowledged

    def _acknowledged(self, _: int) -> None:
        self.under_way -= 1

    def packet(self) -> bytes:
        """The next message; its first 8 bytes say when it was sent."""
        self._number += 1
        if self.qos:
            self.under_way += 1
        stamp = time.perf_counter_ns().to_bytes(8, "big")
        number = self._number % 65535 + 1 if self.qos else None
        return packets.publish(self.topic, stamp + self._filling, number, qos=self.qos)


class Load:
    """Publishers, subscribers and what was heard."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.publishers: list[Publisher] = []
        self.delays: list[int] = []
        self.copies = 1
        self.sent = 0
        self.clients: list[Client] = []

    async def open(self) -> None:
        """Sign everybody in."""
        each = self.options
        for number in range(each.subs):
            client = await self._signed_in(f"s{number}")
            client.heard = self._heard
            await client.subscribe(each.filter.replace("{i}", str(number % each.pubs)), each.qos)
        for number in range(each.pubs):
            client = await self._signed_in(f"p{number}")
            topic = each.topic.replace("{i}", str(number))
            self.publishers.append(Publisher(client, topic, each))
        self.copies = each.subs // (each.pubs if "{i}" in each.filter else 1)

    async def _signed_in(self, name: str) -> Client:
        client = await connected(self.options.port)
        await client.sign_in(f"{name}-{time.time_ns()}", self.options.user, self.options.password)
        self.clients.append(client)
        return client

    def _heard(self, body: bytes) -> None:
        at = 2 + (body[0] << 8 | body[1]) + (2 if self.options.qos else 0)
        sent = int.from_bytes(body[at : at + 8], "big")
        self.delays.append(time.perf_counter_ns() - sent)

    @property
    def _missing(self) -> int:
        return self.sent * self.copies - len(self.delays)

    async def run(self) -> None:
        """Send for as long as it takes, then wait for what is missing."""
        end = time.perf_counter() + self.options.duration
        while time.perf_counter() < end:
            for publisher in self.publishers:
                room = self.options.window - self._missing // max(1, self.copies)
                count = min(50, room, publisher.inflight - publisher.under_way)
                if count > 0:
                    self.sent += count
                    publisher.client.transport.write(
                        b"".join(publisher.packet() for _ in range(count))
                    )
            await asyncio.sleep(0)
        await when(self._complete, 5)

    def _complete(self) -> bool:
        return not self._missing and not any(each.under_way for each in self.publishers)


def _shares(delays: list[int]) -> dict[str, float]:
    delays = sorted(delays) or [0]
    places = {"p50": len(delays) // 2, "p99": len(delays) * 99 // 100}
    return {name: delays[place] / 1e3 for name, place in places.items()}


async def publishing(options: argparse.Namespace) -> dict[str, Any]:
    """Publishers to subscribers."""
    load = Load(options)
    await load.open()
    cpu, own, begin = cpu_seconds(options.server_pid), time.process_time(), time.perf_counter()
    await load.run()
    elapsed = time.perf_counter() - begin
    spent, heard = cpu_seconds(options.server_pid) - cpu, len(load.delays)
    return {
        "received": heard,
        "expected": load.sent * load.copies,
        "recv_per_s": heard / elapsed,
        "srv_us_per_delivery": spent * 1e6 / max(1, heard),
        "own_busy": (time.process_time() - own) / elapsed,
        "e2e_us": _shares(load.delays),
    }


async def idling(options: argparse.Namespace) -> dict[str, Any]:
    """Connections that say nothing."""
    pid = options.server_pid
    cpu, memory, begin = cpu_seconds(pid), resident_kib(pid), time.perf_counter()
    load = Load(options)
    for number in range(options.conns):
        await load._signed_in(f"i{number}")
    elapsed = time.perf_counter() - begin
    return {
        "conn_per_s": options.conns / elapsed,
        "srv_cpu_ramp_s": cpu_seconds(pid) - cpu,
        "kb_per_conn": (resident_kib(pid) - memory) / options.conns,
    }


def main() -> None:
    """Read the words, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["pub", "idle"], default="pub")
    for name in ("port", "server-pid"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name, usual in {
        "pubs": 1,
        "subs": 1,
        "qos": 0,
        "size": 200,
        "conns": 1000,
        "window": 2000,
        "inflight": 100,
        "keepalive": 60,
        "concurrency": 1,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    for name in ("topic", "filter", "user", "pass"):
        parser.add_argument(f"--{name}", default="", dest="password" if name == "pass" else name)
    for name in ("duration", "hold"):
        parser.add_argument(f"--{name}", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run((idling if options.mode == "idle" else publishing)(options))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
