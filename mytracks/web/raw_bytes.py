"""Bytes that nobody understood, as people can read them: text where they are text, else numbers."""

import codecs
from typing import Final

_LINE: Final = 16
_PRINTABLE: Final = range(0x20, 0x7F)
_DECODER: Final = codecs.getincrementaldecoder("utf-8")


def as_text(body: bytes, *, cut: bool = False) -> str | None:
    """The text that `body` is in UTF-8; None: it is none. `cut`: there was more, so that its last
    character may be a part of one."""
    try:
        return _DECODER().decode(body, final=not cut)
    except UnicodeDecodeError:
        return None


def is_readable(text: str) -> bool:
    """Whether nothing of it is a control character or otherwise not seen, but for line ends."""
    return all(character.isprintable() or character in "\t\r\n" for character in text)


def beginning(body: bytes, *, cut: bool) -> tuple[str, bool]:
    """How `body` begins, and whether that is its text; else it is hexadecimal."""
    text = as_text(body, cut=cut)
    if text is not None and is_readable(text):
        return text, True
    return body.hex(" "), False


def dump(body: bytes) -> str:
    """The classic three columns: place, sixteen bytes, and what of them is ASCII."""
    lines = []
    for start in range(0, len(body), _LINE):
        part = body[start : start + _LINE]
        shown = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in part)
        halves = f"{part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}"
        lines.append(f"{start:08x}  {halves}  {shown}")
    return "\n".join(lines)
