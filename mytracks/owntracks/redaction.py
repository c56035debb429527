"""Secrets in what phones send about themselves: taken out before anything is stored or shown.

`dump` and `configuration` hold passwords, keys and passphrases in clear (OwnTracks 7.12).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

REMOVED: Final = "(removed)"

_SECRET: Final = (
    "password",
    "encryptionkey",
    "passphrase",
    "tlsclientcrtpassword",
    "httpheaders",
    "opencagegeocoderapikey",
)
_SPELLED: Final = re.compile(
    rb'("(?:' + b"|".join(name.encode() for name in _SECRET) + rb')"\s*:\s*)"(?:[^"\\]|\\.)*+"?',
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*@")
_DEEPEST: Final = 64


def redacted(members: Mapping[str, Any]) -> bytes:
    """The message as JSON without its secrets."""
    return orjson.dumps(_redact(members, 0))


def redacted_text(body: bytes) -> bytes:
    """The same, as far as it goes, for what is not (or not all of) a JSON object."""
    lowered = body.lower()
    if not any(name.encode() in lowered for name in _SECRET):
        return body
    return _SPELLED.sub(rb'\1"(removed)"', body)


def _redact(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return REMOVED
    if isinstance(value, str):
        return _USERINFO.sub("", value) if "://" in value else value
    if isinstance(value, list):
        return [_redact(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            name: REMOVED if name.lower() in _SECRET and item else _redact(item, depth + 1)
            for name, item in value.items()
        }
    return value
