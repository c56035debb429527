"""Bytes of a phone become the members of one JSON object, or Unreadable.

Lenient where phones and trackers are known to be sloppy: a byte order mark, zero bytes and blanks
around the object, text that is not UTF-8, NaN, infinite and endless numbers, half surrogate pairs.
Those become text in the member that has them. What comes out can always be written as JSON again.
"""

import json
import math
import zlib
from typing import Any, Final

import orjson

LARGEST_SLOPPY: Final = 64 * 1024
"""Bytes: a larger payload must be proper JSON, for the tolerant reader is slow."""

LARGEST_TEXT: Final = 64 * 1024
"""Bytes: a longer text (a picture, nearly always) is replaced by a remark before reading."""

MOST_BRACKETS: Final = 10_000
"""Arrays and objects in one payload: no phone sends more, and reading them holds up the others."""

_MOST_QUOTES: Final = 20_000
_BETWEEN_TEXTS: Final = b":,]} \t\r\n"

DEEPEST: Final = 64
"""Levels of nesting that are kept; what lies deeper is replaced by a remark."""

TOO_DEEP: Final = "(nested too deeply to be kept)"

_LONGEST_INTEGER: Final = 18
"""Digits: a longer one is kept as text."""

_AROUND: Final = b"\x00 \t\r\n\x0b\x0c"


class Unreadable(Exception):
    """This cannot be understood; `str` says why, in words for the administrator."""


def members(body: bytes, most: int | None = None) -> dict[str, Any]:
    """The members of the object in `body`; of a name that comes twice the last counts.

    `most`: bytes that are read, long texts not counted; None: any number. Raises Unreadable.
    """
    read = without_long_texts(body)
    if most is not None and len(read) > most:
        raise Unreadable("too large to be read")
    if crowded(read):
        raise Unreadable("more arrays and objects than are read")
    try:
        value = orjson.loads(read)
    except orjson.JSONDecodeError:
        value = _tolerant(read)
    if type(value) is not dict:
        raise Unreadable(f"not a JSON object but {_KINDS.get(type(value), 'something else')}")
    return value


def without_long_texts(body: bytes) -> bytes:
    """`body` with a remark in place of each text of more than `LARGEST_TEXT` bytes.

    The remark tells its size and CRC-32, so that two messages that differ only there still do.
    """
    if len(body) <= LARGEST_TEXT or overquoted(body):
        return body
    first, *pieces = body.split(b'"')
    return b'"'.join((first, *map(_shortened, pieces)))


def crowded(body: bytes) -> bool:
    """Whether there are more than `MOST_BRACKETS` arrays and objects in it."""
    return len(body) > MOST_BRACKETS and body.count(b"[") + body.count(b"{") > MOST_BRACKETS


def overquoted(body: bytes) -> bool:
    """Whether there are more quotes in it than are looked at one by one."""
    return len(body) > _MOST_QUOTES and body.count(b'"') > _MOST_QUOTES


def _shortened(piece: bytes) -> bytes:
    """A piece between two quotes, shortened where it is long and a text for certain.

    What begins as the space between two texts does stays, and so does what ends in half an escape.
    Should a piece be no text all the same, then the remark makes no JSON of the whole.
    """
    if len(piece) <= LARGEST_TEXT or piece[:1] in _BETWEEN_TEXTS or piece.endswith(b"\\"):
        return piece
    return b"(left out: %d bytes, CRC-32 %08x)" % (len(piece), zlib.crc32(piece))


def canonical(value: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`value` in one fixed spelling, the same for equal content, and what that spelling holds."""
    try:
        return value, orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        writable = _writable(value, 0)
        return writable, orjson.dumps(writable, option=orjson.OPT_SORT_KEYS)


_KINDS: Final[dict[type, str]] = {
    list: "an array",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _tolerant(body: bytes) -> Any:
    trimmed = body.removeprefix(b"\xef\xbb\xbf").strip(_AROUND)
    if not trimmed:
        raise Unreadable("nothing but blanks")
    if not trimmed.startswith(b"{"):
        raise Unreadable("not a JSON object")
    try:
        return orjson.loads(trimmed)
    except orjson.JSONDecodeError as error:
        if len(trimmed) > LARGEST_SLOPPY:
            raise Unreadable(f"not JSON: {_why(error)}") from error
    try:
        value = json.loads(
            trimmed.decode("utf-8", "replace"),
            parse_constant=str,
            parse_float=_finite,
            parse_int=_short,
        )
    except RecursionError as error:
        raise Unreadable("not JSON: nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"not JSON: {_why(error)}") from error
    return _writable(value, 0)


def _why(error: ValueError) -> str:
    """The parser's words without what the phone sent."""
    return str(getattr(error, "msg", "broken"))[:100]


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _short(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


def _writable(value: Any, depth: int) -> Any:
    """The same without half surrogate pairs and bottomless nesting, which no JSON can carry on."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, list):
        return [_writable(item, depth + 1) for item in value]
    return {_writable(name, depth): _writable(item, depth + 1) for name, item in value.items()}
