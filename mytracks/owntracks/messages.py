"""What a phone said: a location, its last will, or something else that is kept as it came.

`parse` raises Unreadable for what is none of them, and nothing else, whatever the bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from attrs import frozen

from mytracks.owntracks.location import LocationMessage, read_location
from mytracks.owntracks.reading import Unreadable, members

LOCATION: Final = "location"
LAST_WILL: Final = "lwt"
COMMAND: Final = "cmd"

_LONGEST_KIND: Final = 64


@frozen
class LastWill:
    """`_type: lwt`: a broker speaks for a phone whose connection broke (OwnTracks 7.3).

    It has no useful time: Android gives none, iOS that of the CONNECT.
    """

    @property
    def kind(self) -> str:
        """Its `_type`."""
        return LAST_WILL


@frozen
class Other:
    """Any other message. `kind`: its `_type`."""

    kind: str
    members: Mapping[str, Any]


Said = LocationMessage | LastWill | Other


def parse(body: bytes, *, now: int, dated: bool = True) -> Said:
    """Understand one payload that arrived at `now` (UTC seconds); `dated`: whether that is
    believed. Raises Unreadable."""
    return understand(members(body), now=now, dated=dated)


def understand(said: dict[str, Any], *, now: int, dated: bool = True) -> Said:
    """The same for the members of an object, which are used up. Raises Unreadable.

    An object with a position but without `_type` is a location, as the old server took it.
    """
    kind = said.get("_type")
    if kind == LOCATION or (kind is None and _has_position(said)):
        return read_location(said, now, dated=dated)
    if kind == LAST_WILL:
        return LastWill()
    if type(kind) is not str or not kind or len(kind) > _LONGEST_KIND or "\x00" in kind:
        raise Unreadable("a message that does not say what it is (_type)")
    return Other(kind, said)


def answer(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """The array that answers a phone in HTTP mode; `[]` when there is nothing to say (9.2)."""
    return orjson.dumps(list(messages))


def _has_position(said: Mapping[str, Any]) -> bool:
    return "lat" in said and ("lon" in said or "long" in said)
