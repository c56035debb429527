"""Private keys between the seal and whoever signs with them: for whom one is sealed, and for how
long it is open.

A key is unsealed in the thread that signs, for one signature. Server keys stay open, as TLS needs
them in each handshake.
"""

from typing import Final

from mytracks.errors import Unavailable
from mytracks.pki.certificates import key_bytes, load_key
from mytracks.pki.ports import Authority, Certified, Leaf, Seal, ServerCertificate
from mytracks.pki.state import PrivateKey

_TABLES: Final[dict[type[Certified], str]] = {
    Authority: "authority",
    Leaf: "leaf",
    ServerCertificate: "server_certificate",
}


class KeyMissing(Unavailable):
    """There is no key, or none that can be read."""


def place(kind: type[Certified], fingerprint: bytes) -> str:
    """What a key is sealed for: it cannot be read in another certificate's row."""
    return f"{_TABLES[kind]}/{fingerprint.hex()}/key"


class Keys:
    """Seals and unseals. Call in a thread of `Signing` only."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def sealed(self, kind: type[Certified], fingerprint: bytes, key: PrivateKey) -> bytes:
        """The key as the row of that certificate has it."""
        return self._seal.seal(place(kind, fingerprint), key_bytes(key))

    def of(self, row: Certified) -> PrivateKey:
        """The key of that row. Raises KeyMissing."""
        if row.sealed_key is None:
            raise KeyMissing("The private key of this certificate is not kept here.")
        try:
            return load_key(self._seal.unseal(place(type(row), row.fingerprint), row.sealed_key))
        except (Unavailable, ValueError) as error:
            raise KeyMissing(f"The private key cannot be read: {error}") from error

    def resealed(self, row: Certified) -> bytes | None:
        """The row's key, sealed anew by the ring's present key; None where it has none."""
        if row.sealed_key is None:
            return None
        at = place(type(row), row.fingerprint)
        return self._seal.seal(at, self._seal.unseal(at, row.sealed_key))
