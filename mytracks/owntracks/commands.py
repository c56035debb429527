"""Whether a payload would be carried out as a command by a phone that gets it (OwnTracks 8.3).

Android with a custom `subTopic` carries out commands from every topic it hears. Doubt counts as
yes: what we cannot read, but a more lenient reader might, is a command when it looks like one.
"""

import json
from typing import Any, Final

_ESCAPE: Final = b"\\u"
_MOST_OBJECTS: Final = 10_000
"""A payload with more is not looked into: no phone sends such, and others are waiting."""


def carries_command(payload: bytes) -> bool:
    """True for an object (or an array with one) whose `_type` is `cmd`, however it is spelled."""
    if b"cmd" not in payload and _ESCAPE not in payload:
        return False
    if payload.count(b"{") > _MOST_OBJECTS:
        return True
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(("_type", "cmd") in pairs)

    try:
        json.loads(payload.decode("utf-8", "replace"), object_pairs_hook=look)
    except (ValueError, RecursionError):
        return b"_type" in payload or _ESCAPE in payload
    return any(found)
