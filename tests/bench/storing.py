"""The store without a network, in a process of its own: `python -m tests.bench.storing`.

Prints; asserts nothing. Everything lies in a temporary directory of the disk.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from twisted.internet.task import react

from mytracks.store.open import SQLITE
from tests.bench.place import Place
from tests.bench.rates import against_plain, rates
from tests.bench.years import CACHE, years

PARTS: Final = ("rates", "plain", "years")
KINDS: Final = (SQLITE, "postgresql")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk that goes again. A server may run as somebody else, who has to pass."""
    with tempfile.TemporaryDirectory(prefix="mt-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


async def main(_: object, options: argparse.Namespace) -> None:
    """The wanted parts on the wanted databases."""
    with scratch() as folder:
        for kind in options.on:
            with closing(Place(kind, folder)) as place:
                if "rates" in options.parts:
                    await rates(place, options.seconds, options.runs)
                if "plain" in options.parts and kind == SQLITE:
                    await against_plain(place, options.runs)
                if "years" in options.parts:
                    rows = options.rows if kind == SQLITE else options.rows // 10
                    await years(place, cache(), rows)


def cache() -> Path | None:
    """Where millions of rows are kept for another run; None: nowhere."""
    named = os.environ.get(CACHE)
    if not named:
        return None
    folder = Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def options() -> Sequence[argparse.Namespace]:
    """The words of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.storing", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--on", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000_000, help="a tenth on PostgreSQL")
    return [parser.parse_args()]


if __name__ == "__main__":
    react(main, options())
