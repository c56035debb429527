"""Arrivals at a steady rate, from a process of its own: `python -m tests.bench.pacer RATE COUNT`.

Writes to standard output, for each, eight bytes: the monotonic clock in nanoseconds as it is
written. It never waits for whoever reads, so that a stall hides no delay.
"""

import struct
import sys
import time
from typing import Final

STAMP: Final = struct.Struct("<q")
_SHORTEST: Final = 0.0002
"""Seconds of a sleep: what falls due meanwhile goes together, as on a busy wire."""


def main() -> None:
    """Write, and end when all is written."""
    rate, count = float(sys.argv[1]), int(sys.argv[2])
    out = sys.stdout.buffer
    start, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - start) * rate) + 1)
        if due > sent:
            out.write(STAMP.pack(time.monotonic_ns()) * (due - sent))
            out.flush()
            sent = due
        time.sleep(max(_SHORTEST, start + sent / rate - time.monotonic()))


if __name__ == "__main__":
    main()
