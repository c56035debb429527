"""Whether a payload would be carried out as a command by a phone that gets it (OwnTracks 8.3).

Android with a custom `subTopic` carries out commands from every topic it hears. Doubt counts as
yes: what we cannot read, but a more lenient reader might, is a command when it looks like one.
"""

import json
from typing import Any, Final

from mytracks.owntracks.reading import crowded, without_long_texts

_ESCAPE: Final = b"\\u"
_LARGEST: Final = 256 * 1024
"""Bytes, long texts not counted: what is larger is not looked into, for others are waiting."""


def carries_command(payload: bytes) -> bool:
    """True for an object (or an array with one) whose `_type` is `cmd`, however it is spelled."""
    if b"cmd" not in payload and _ESCAPE not in payload:
        return False
    looked_into = without_long_texts(payload)
    if len(looked_into) > _LARGEST or crowded(looked_into):
        return True
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(("_type", "cmd") in pairs)

    try:
        json.loads(looked_into.decode("utf-8", "replace"), object_pairs_hook=look)
    except (ValueError, RecursionError):
        return b"_type" in payload or _ESCAPE in payload
    return any(found)
