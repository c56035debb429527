"""What a table holds, in a number that is the same on both databases and in any order of rows."""

from hashlib import blake2b
from typing import Final

from attrs import frozen

from mytracks.store.care.sides import Kept, Side, everything

_BYTES: Final = 16


@frozen
class Tally:
    """The rows, and the sum of their hashes (modulo 2 to the 128th)."""

    rows: int
    checksum: str


def tally(side: Side, table: Kept) -> Tally:
    """Reads the whole table."""
    rows = total = 0
    for row in everything(side, table):
        # Integers, texts, bytes and None are written in one way only.
        hashed = blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
        total += int.from_bytes(hashed, "big")
        rows += 1
    return Tally(rows, format(total % (1 << 8 * _BYTES), "032x"))
