"""Password hashes as Django writes them: checked, and replaced by ours at the next sign-in.

`pbkdf2_sha256$<iterations>$<salt>$<base64>` and `argon2` before an encoded argon2 hash. What a hash
may cost is bounded, for it comes from a file that somebody brought. Blocks: call in a thread.
"""

import base64
import hashlib
import hmac
from typing import Final

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

_PBKDF2: Final = "pbkdf2_sha256$"
_ARGON2: Final = "argon2$"
_MAX_ITERATIONS: Final = 5_000_000
"""Django 6 has 1,200,000, which is some 0.4 s."""
_MAX_MEMORY_KIB: Final = 256 * 1024
"""Django has 100 MiB."""
_MAX_PASSES: Final = 10
_MAX_LANES: Final = 16


def is_foreign(encoded: str) -> bool:
    """Whether this is a hash that Django made."""
    return encoded.startswith((_PBKDF2, _ARGON2))


def verified(encoded: str, password: bytes) -> bool:
    """Whether `password` is right; never for a hash that is damaged or costs too much."""
    if encoded.startswith(_ARGON2):
        return _by_argon2(encoded.removeprefix("argon2"), password)
    parts = encoded.split("$")
    if len(parts) != 4:
        return False
    _, iterations, salt, wanted = parts
    if not (iterations.isascii() and iterations.isdigit() and len(iterations) < 10):
        return False
    if not 1 <= int(iterations) <= _MAX_ITERATIONS:
        return False
    try:
        digest = base64.b64decode(wanted, validate=True)
    except ValueError:
        return False
    made = hashlib.pbkdf2_hmac("sha256", password, salt.encode(), int(iterations))
    return hmac.compare_digest(made, digest)


def _by_argon2(encoded: str, password: bytes) -> bool:
    try:
        costs = extract_parameters(encoded)
        dear = (
            costs.memory_cost > _MAX_MEMORY_KIB
            or costs.time_cost > _MAX_PASSES
            or costs.parallelism > _MAX_LANES
        )
        return not dear and PasswordHasher().verify(encoded, password)
    except (Argon2Error, InvalidHashError, ValueError):
        return False
