"""How generated credentials are written: `<prefix>_<id>_<secret>_<check>`.

The id finds the row; the check (CRC-32) tells a mistyped one from a revoked one, and lets secret
scanners know ours. Lower case only, so that phones' keyboards do no harm. The secret has 5 random
bits a letter and is kept as its SHA-256, which is enough above 112 bits [ASVS 5.0 6.5.2].
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from attrs import field, frozen

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_CHECK: Final = "[a-z2-7]{7}"


class Kept(Protocol):
    """What is kept of a credential."""

    @property
    def secret_hash(self) -> bytes:
        """As `digest` makes it."""


K = TypeVar("K", bound=Kept)


@frozen
class Shown:
    """A well-formed credential as somebody showed it."""

    number: int
    secret: str = field(repr=False)

    def among(self, kept: Mapping[int, K]) -> K | None:
        """The one that was shown, by number; None: it is none of them."""
        found = kept.get(self.number)
        expected = found.secret_hash if found is not None else b""
        return found if hmac.compare_digest(expected, digest(self.secret)) else None


class Written:
    """One kind of generated credential: its `prefix`, and the letters of its secret."""

    def __init__(self, prefix: str, letters: int) -> None:
        self._prefix = prefix
        self._letters = letters
        body = rf"({re.escape(prefix)}_([0-9]{{1,18}})_([a-z2-7]{{{letters}}}))"
        self._form = re.compile(f"{body}_({_CHECK})", re.ASCII)

    def secret(self) -> str:
        """A new secret."""
        return "".join(secrets.choice(_ALPHABET) for _ in range(self._letters))

    def read(self, text: str) -> Shown | None:
        """A credential in its written form; None when `text` is not one (mistyped, say)."""
        form = self._form.fullmatch(text.strip().lower())
        if form is None or _check(form[1]) != form[4]:
            return None
        return Shown(int(form[2]), form[3])

    def write(self, number: int, secret: str) -> str:
        """The written form of a credential."""
        text = f"{self._prefix}_{number}_{secret}"
        return f"{text}_{_check(text)}"


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def _check(text: str) -> str:
    """CRC-32 in seven letters."""
    value = zlib.crc32(text.encode())
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(30, -1, -5))
