"""Tokens by which a form or a script shows that it comes from our own page.

The secret of a session is derived from the session's own token, so it needs no storage, cannot be
turned back into the token, and ends with it. What a page carries is masked anew each time, so
that a compressed answer does not give it away byte by byte. Pure but for the mask's randomness.
"""

import base64
import binascii
import hmac
import secrets

_PURPOSE = b"mytracks csrf"
_SIZE = 32


def issue(session_token: str) -> str:
    """A fresh CSRF token for the session; each call gives another, all of them are good."""
    mask = secrets.token_bytes(_SIZE)
    return base64.urlsafe_b64encode(mask + _xor(mask, _secret(session_token))).rstrip(b"=").decode()


def verify(session_token: str, shown: str) -> bool:
    """Whether `shown` was issued for this session; takes equally long for any wrong one."""
    try:
        raw = base64.b64decode(shown + "=" * (-len(shown) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != 2 * _SIZE:
        return False
    return hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _secret(session_token))


def _secret(session_token: str) -> bytes:
    return hmac.digest(session_token.encode(), _PURPOSE, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
