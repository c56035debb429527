"""Whether a payload would be carried out as a command by a phone that gets it (OwnTracks 8.3).

Android with a custom `subTopic` carries out commands from every topic it hears. What a phone takes
for one is an object whose own `_type` is `cmd`, however that is spelled; anything else is nobody's
command and has to arrive. So structure is followed and nothing else of JSON: where members repeat,
bytes follow the object, or the rest is broken, one parser or another still finds the command.
"""

import json
import re
from typing import Final

from mytracks.owntracks.reading import crowded, overquoted

_ESCAPE: Final = b"\\u00"
_WIDE: Final = (b"\xfe\xff", b"\xff\xfe")
_MOST_TYPES: Final = 10_000
"""Members named `_type` that are looked at one by one."""

_IS_CMD: Final = rb"[\s\x00]*+(?::|=>?)[\s\x00]*+(?:\"cmd\"|'cmd'|cmd(?=[\s\x00,;}\]]|\Z))"
"""Quoted, or bare as lenient parsers take it."""
_BEGINNING: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\s\x00]*+[{\[]")
_COMMAND: Final = re.compile(rb"_type[\"']?%b" % _IS_CMD)
_TOKEN: Final = re.compile(
    # The first byte is what Python's search is fast at; what may follow it depends on it.
    rb"[{}\[\]\"_](?:(?<=[{}\[\]])"
    rb"|(?<=\")(?:(?P<quoted>_type\"%b)|[^\"\\]*+(?:\\.[^\"\\]*+)*+\"?)"
    rb"|(?<=_)(?<![\w\\]_)(?P<bare>type'?%b))" % (_IS_CMD, _IS_CMD),
    re.DOTALL,
)


def carries_command(payload: bytes) -> bool:
    """True for an object whose own `_type` is `cmd`, and for an array with such an object."""
    if b"cmd" not in payload and _ESCAPE not in payload and b"\0" not in payload:
        return False  # Nearly every one.
    if payload[:2] in _WIDE or 0 in payload[:2]:
        # Phones recognize UTF-16 and UTF-32 by their zeros.
        wide = payload.decode(json.detect_encoding(payload), "replace")
        if _judged(wide.encode("utf-8", "replace")):
            return True
    return _judged(payload)


def _judged(text: bytes) -> bool:
    if (b"cmd" not in text and _ESCAPE not in text) or _BEGINNING.match(text) is None:
        return False
    if _ESCAPE in text:
        text = _plain(text)
    if b"cmd" not in text or _COMMAND.search(text) is None:
        return False
    if crowded(text) or overquoted(text) or text.count(b"_type") > _MOST_TYPES:
        return True  # It looks like one; to find out where would hold up everybody else.
    return _has_it_on_top(text)


def _plain(text: bytes) -> bytes:
    """`text` without escapes in the two words; in a text between quotes it changes no quote."""
    for letter in b"_typecmd":
        text = text.replace(b"\\u00%02x" % letter, b"%c" % letter)
        text = text.replace(b"\\u00%02X" % letter, b"%c" % letter)
    return text


def _has_it_on_top(text: bytes) -> bool:
    depth = top = 0
    for token in _TOKEN.finditer(text):
        if token["quoted"] is not None or token["bare"] is not None:
            if depth == top:
                return True
        elif (first := token[0][:1]) in (b"{", b"["):
            depth += 1
            # An object's own members are inside it; inside one more where it is in an array.
            top = top or (1 if first == b"{" else 2)
        elif first != b'"':
            depth -= 1
            if depth == 0:
                return False
    return False
