"""`python -m tests.mqtt.fuzz [SECONDS] [SEED]`: damaged streams, until something is found.

Ends with 1 and the seed that found it; `SEED` alone of `hunt` plays it again.
"""

import gc
import sys
from collections import Counter
from itertools import count
from time import monotonic

from mytracks.mqtt.protocol.events import Violated
from tests.mqtt.fuzz.hunt import hunt

ROUND = 2000
"""Streams between two looks at the memory."""
MOST_GROWTH = 1000
"""Blocks of memory from one look to the next that are nobody's leak, yet."""
LEAKING = 3
"""Looks in a row with more than that: a leak."""


def run(seconds: float, seed: int) -> int:
    """Hunt from this seed on; how many streams there were. Raises what was found."""
    until = monotonic() + seconds
    rules: Counter[str] = Counter()
    before, growing = 0, 0
    for number in count(seed):
        if monotonic() >= until:
            _say(f"{number - seed} streams, {len(rules)} rules broken: {sorted(rules)}")
            return number - seed
        try:
            tale = hunt(number)
        except Exception:
            _say(f"found by seed {number}")
            raise
        rules.update(event.rule for event in tale.events if isinstance(event, Violated))
        if number % ROUND == ROUND - 1:
            gc.collect()
            now = sys.getallocatedblocks()
            growing = growing + 1 if before and now - before > MOST_GROWTH else 0
            if growing == LEAKING:
                raise MemoryError(f"{now} blocks are held after {number - seed} streams")
            before = now
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    asked = sys.argv[1:]
    run(float(asked[0]) if asked else 60.0, int(asked[1]) if len(asked) > 1 else 0)
