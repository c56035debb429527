"""A storm of wrong passwords, in a process of its own: each from an address of its own, as a proxy
would tell it, so many at the same time.

    python -m tests.whole.storm PORT --user ana --guesses 1000 --at-once 100

Writes `begun` at the first answer and in the end one JSON object: how often each status came, and
the seconds it took.
"""

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from tests.whole.daemon import PROJECT

PATIENCE = 120.0


@frozen
class Blown:
    """A storm that is over. `statuses`: how often each came; 0: no answer at all."""

    statuses: dict[int, int]
    seconds: float


class Storm:
    """A running storm at the web port of somebody who trusts 127.0.0.1 to tell addresses."""

    def __init__(self, port: int, users: Sequence[str], guesses: int, at_once: int) -> None:
        words = [str(port), "--guesses", str(guesses), "--at-once", str(at_once)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.whole.storm", *words, "--user", *users],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )

    def begun(self) -> None:
        """Wait for the first answer."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"

    @property
    def blowing(self) -> bool:
        """Whether it is not over."""
        return self._process.poll() is None

    def over(self) -> Blown:
        """Wait for its end: what it was answered."""
        told, _ = self._process.communicate(timeout=PATIENCE)
        found = json.loads(told.splitlines()[-1])
        return Blown({int(k): v for k, v in found["statuses"].items()}, found["seconds"])

    def end(self) -> None:
        """Stop it, if it still runs."""
        self._process.kill()
        self._process.communicate()


def address(number: int) -> str:
    """One of 65,536 that belong to nobody."""
    return f"198.18.{number >> 8 & 255}.{number & 255}"


async def guess(port: int, user: str, number: int) -> int:
    """The status of one wrong password."""
    pair = base64.b64encode(f"{user}:guess {number}".encode()).decode()
    lines = (
        "GET /api/account HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Basic {pair}",
        f"X-Forwarded-For: {address(number)}",
        "Connection: close",
    )
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join([*lines, "", ""]).encode())
        first = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
        return int(first.split()[1])
    except (OSError, IndexError, TimeoutError):
        return 0


async def blow(port: int, users: Sequence[str], guesses: int, at_once: int) -> Counter[int]:
    """All of them."""
    statuses: Counter[int] = Counter()
    numbers = iter(range(guesses))

    async def one_after_the_other() -> None:
        for number in numbers:
            status = await guess(port, users[number % len(users)], number)
            if not statuses:
                print("begun", flush=True)  # noqa: T201
            statuses[status] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return statuses


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--user", nargs="+", required=True)
    parser.add_argument("--guesses", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=100)
    options = parser.parse_args()
    begin = time.monotonic()
    statuses = asyncio.run(blow(options.port, options.user, options.guesses, options.at_once))
    took = time.monotonic() - begin
    print(json.dumps({"statuses": statuses, "seconds": took}))  # noqa: T201


if __name__ == "__main__":
    main()
