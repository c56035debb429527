"""Certificates that an authority of ours signs: each under a serial that no other has, its key
sealed before anything is stored.

What is asked for, and what becomes of the one before, is decided by `clients` and `servers`.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from cryptography import x509
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict
from mytracks.pki import certificates
from mytracks.pki.book import Book
from mytracks.pki.certificates import Issuer
from mytracks.pki.keys import Keys
from mytracks.pki.ports import Authority, Revocable
from mytracks.pki.signing import Signing
from mytracks.pki.state import PrivateKey

T = TypeVar("T")

TRIES: Final = 3
"""A serial of 159 random bits that was given before is no chance, but a bad source of it."""

Signed = tuple[x509.Certificate, bytes | None]
"""A certificate, and its key as the row has it; None: the key never was here."""


class Issuing:
    """Signs and seals, in the thread for that. `serial`: a new one."""

    def __init__(self, book: Book, keys: Keys, signing: Signing, serial: Callable[[], int]) -> None:
        self._book = book
        self._keys = keys
        self._signing = signing
        self._serial = serial

    def signed(
        self,
        authority: Authority,
        kind: type[Revocable],
        key: PrivateKey | None,
        make: Callable[[Issuer, int], x509.Certificate],
    ) -> Deferred[Signed]:
        """What `make` makes for the authority and a new serial. Raises Unavailable."""
        certificate, serial = self._book.certificate(authority), self._serial()

        def work() -> Signed:
            made = make(Issuer(certificate, self._keys.of(authority)), serial)
            return made, self._row_key(kind, made, key)

        return self._signing.sign(work)

    def sealed(
        self, kind: type[Revocable], made: x509.Certificate, key: PrivateKey | None
    ) -> Deferred[bytes | None]:
        """The key of one that was made elsewhere. Raises Unavailable."""
        return self._signing.sign(lambda: self._row_key(kind, made, key))

    def _row_key(
        self, kind: type[Revocable], made: x509.Certificate, key: PrivateKey | None
    ) -> bytes | None:
        if key is None:
            return None
        return self._keys.sealed(kind, certificates.fingerprint(made), key)


async def tried_again(issue: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> T:
    """What `issue` signs and stores; once more under another serial where that was known already.
    Raises Conflict when it goes on being so."""
    for _ in range(TRIES - 1):
        try:
            return await issue()
        except Conflict:
            continue
    return await issue()
