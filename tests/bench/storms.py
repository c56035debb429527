"""Sign-ins under pressure: a thousand wrong passwords, and a thousand phones that come back."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from mytracks.cli.asking import ask_daemon
from mytracks.control.wire import SOCKET_NAME, Request
from tests.bench.accounting import say
from tests.bench.clients import connected
from tests.bench.fairness import playing
from tests.bench.loads import PHONES, Server, publishing
from tests.bench.servers import PASSWORD, ROOMY, USER, described
from tests.whole.daemon import LOCAL, PROJECT, Daemon
from tests.whole.storm import Storm
from tests.whole.web import Web

GUESSES: Final = 1_000
AT_ONCE: Final = (100, 1_000)
OWNERS: Final = ("bea", "cleo", "dora", "emil", "fred", "gina")
"""Each signs in once: a second time their password would be known to be right."""
COMING_BACK: Final = 1_000
HOUSEHOLDS: Final = [f"family{number}" for number in range(20)]
"""Accounts that share the phones: each may keep a hundred sessions."""
DIALLING: Final = 200
"""Phones that have no answer yet at one moment: the system's queue of new connections is short."""


class Stranger(Web):
    """A browser at an address where nobody was before."""

    def __init__(self, port: int, elsewhere: str) -> None:
        Web.__init__(self, port)
        self.elsewhere = elsewhere

    def headers(self) -> dict[str, str]:
        """With what a proxy adds."""
        return Web.headers(self) | {"X-Forwarded-For": self.elsewhere}


@contextmanager
def behind_a_proxy() -> Iterator[Daemon]:
    """A running daemon that believes what 127.0.0.1 says of addresses."""
    flags = (*LOCAL, "--trusted-proxies", "127.0.0.1/32")
    daemon = Daemon(environ=ROOMY, flags=flags)
    try:
        for name in (USER, *OWNERS):
            daemon.add_user(name, PASSWORD)
        daemon.start()
        yield daemon
    finally:
        daemon.close()


def sign_in(daemon: Daemon, name: str, number: int) -> float:
    """Seconds from asking for the page until the browser is signed in."""
    web = Stranger(daemon.http, f"203.0.113.{number}")
    begin = time.perf_counter()
    answer = web.sign_in(name, PASSWORD)
    took = time.perf_counter() - begin
    if answer.status not in (302, 303):
        raise RuntimeError(f"{name} was not let in: {answer.status}")
    return took


def told(statuses: dict[int, int]) -> str:
    """How often each status came."""
    return ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items()))


def storm(seconds: float) -> None:
    """What owners, a ping-pong and phones notice of it."""
    say(f"\nSign-in storm: {GUESSES} wrong passwords, each from an address of its own")
    for at_once in AT_ONCE:
        with behind_a_proxy() as daemon:
            beside_a_ping_pong(daemon, seconds, at_once)
            beside_phones(daemon, seconds, at_once)


def beside_a_ping_pong(daemon: Daemon, seconds: float, at_once: int) -> None:
    """The delays of one storm, and of its owners."""
    server = described(daemon)
    with playing(server) as quiet:
        time.sleep(seconds)
    with playing(server) as stormy:
        blowing = Storm(daemon.http, [USER, "nobody"], GUESSES, at_once)
        blowing.begun()
        took = [sign_in(daemon, name, number) for number, name in enumerate(OWNERS[:3])]
        blown = blowing.over()
    say(f"  {at_once} at a time: {told(blown.statuses)} in {blown.seconds:.1f} s")
    say(f"    owners signed in after {max(took):.2f} s at most (bar 2)")
    say(
        f"    ping-pong p50 {stormy['p50']:.2f} ms, p99 {stormy['p99']:.2f} ms (bar 50), worst "
        f"{stormy['most']:.0f} ms; without the storm {quiet['p50']:.2f} and {quiet['p99']:.2f} ms"
    )


def beside_phones(daemon: Daemon, seconds: float, at_once: int) -> None:
    """Another storm, and phones that publish as fast as they can."""
    server = described(daemon)
    alone = publishing(server, seconds, 0)
    blowing = Storm(daemon.http, ["guest", "admin"], GUESSES, at_once)
    blowing.begun()
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(publishing, server, seconds, 1_000_000)
        took = [sign_in(daemon, name, number + 9) for number, name in enumerate(OWNERS[3:])]
        beside = load.result()
    blowing.end()
    say(
        f"    {PHONES} phones: {beside.per_s:.0f} PUBACKs/s, p99 {beside.p99_ms:.0f} ms; without "
        f"the storm {alone.per_s:.0f}/s, {alone.p99_ms:.0f} ms; owners {max(took):.2f} s"
    )


def device_passwords(daemon: Daemon) -> list[tuple[str, str]]:
    """New ones of all phones, with whose they are, by the control socket."""
    made = []
    for number in range(COMING_BACK):
        name = HOUSEHOLDS[number % len(HOUSEHOLDS)]
        request = Request("device.credential", {"device": f"{name}/p{number}"})
        answer = ask_daemon(daemon.data / SOCKET_NAME, request)
        assert answer is not None
        assert answer.refusal is None
        made.append((name, answer.result["password"]))
    return made


def reconnecting(server: Server, shown: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """All phones connect as fast as they are answered, from a process of their own."""
    words = [sys.executable, "-m", "tests.bench.storms", str(server.mqtt)]
    done = subprocess.run(
        words, input=json.dumps(list(shown)), capture_output=True, text=True, cwd=PROJECT
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def reconnect(runs: int) -> None:
    """A restart, and all phones are back: by device passwords, or by their accounts'."""
    say(f"\n{COMING_BACK} phones of {len(HOUSEHOLDS)} accounts reconnect after a restart")
    daemon = Daemon(environ=ROOMY)
    try:
        for name in HOUSEHOLDS:
            daemon.add_user(name, PASSWORD)
        daemon.start()
        of_devices = device_passwords(daemon)
        of_accounts = [(name, PASSWORD) for name, _ in of_devices]
        for kind, shown in (("device passwords", of_devices), ("accounts'", of_accounts)):
            for _ in range(runs):
                daemon.stop()
                begin = time.perf_counter()
                daemon.start()
                started = time.perf_counter() - begin
                found = reconnecting(described(daemon), shown)
                say(
                    f"  {kind:16} {found['in']} in within {found['seconds']:.2f} s (bar 10) of a "
                    f"start that took {started:.2f} s; refused {found['refused']}; CONNACK p50 "
                    f"{found['p50']:.0f} ms, p99 {found['p99']:.0f} ms"
                )
    finally:
        daemon.close()


async def come_back(port: int, shown: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Sign them in, and keep them; what it took."""
    delays: list[float] = []
    refused = 0
    kept = []
    dialling = asyncio.Semaphore(DIALLING)

    async def one(number: int, name: str, password: str) -> None:
        nonlocal refused
        async with dialling:
            begin = time.perf_counter()
            client = await connected(port)
            kept.append(client)
            try:
                await client.sign_in(f"p{number}", name, password, clean=False)
            except ConnectionError:
                refused += 1
            else:
                delays.append((time.perf_counter() - begin) * 1e3)

    begin = time.perf_counter()
    await asyncio.gather(*(one(number, *each) for number, each in enumerate(shown)))
    took = time.perf_counter() - begin
    delays.sort()
    return {
        "in": len(delays),
        "refused": refused,
        "seconds": took,
        "p50": delays[len(delays) // 2],
        "p99": delays[len(delays) * 99 // 100],
    }


def main() -> None:
    """The phones of `reconnecting`: passwords come as JSON by standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    found = asyncio.run(come_back(port, json.load(sys.stdin)))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
