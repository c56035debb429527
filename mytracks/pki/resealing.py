"""Seals every private key here anew, so that an old key of the ring can go."""

from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import evolve

from mytracks.pki.acme.kept import Kept
from mytracks.pki.book import Book, Change
from mytracks.pki.keys import Keys
from mytracks.pki.ports import Authority, Certified, Leaf, ServerCertificate
from mytracks.pki.signing import Signing

KINDS: Final = (Authority, ServerCertificate, Leaf)
Progress = Callable[[int, int], object]


class Resealing:
    """One small commit for each key; whatever breaks it off, what was done stays readable."""

    def __init__(self, book: Book, keys: Keys, signing: Signing, kept: Kept) -> None:
        self._book = book
        self._keys = keys
        self._signing = signing
        self._kept = kept

    async def run(self, progress: Progress = lambda _done, _all: None) -> int:
        """Seal all anew; how many. `progress` is called with how many are done, and of how many.

        Raises errors.Unavailable at the first that cannot be read, or stored.
        """
        rows = [row for kind in KINDS for row in self._book.table(kind).values() if row.sealed_key]
        for done, row in enumerate(rows, 1):
            await self._book.take(partial(self._one, type(row), row.number))
            progress(done, len(rows))
        return len(rows) + await self._kept.reseal()

    async def _one(self, kind: type[Certified], number: int) -> None:
        row = self._book.table(kind).get(number)
        if row is None:
            return
        sealed = await self._signing.sign(lambda: self._keys.resealed(row))
        if sealed is not None:
            await self._book.commit(Change(rows=[evolve(row, sealed_key=sealed)]))
