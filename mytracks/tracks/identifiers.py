"""A location's name for the outside: opaque text that stays the same for ever.

It holds the location's place in the time order, so that it is a cursor as well. Whoever gets one
learns nothing that they may not see: rights are asked when it is used.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from mytracks.tracks.locations import Recorded
from mytracks.tracks.ports import Position

_AT: Final = 5
_SEQ: Final = 4
_FIXED: Final = _AT + _SEQ
_LONGEST: Final = 24
"""Characters: 9 fixed bytes and at most 8 of a device number, in base64."""


class Unknown(ValueError):
    """The text is not one of our identifiers."""


def position_of(recorded: Recorded) -> Position:
    """Where `recorded` stands in the time order."""
    location = recorded.location
    return Position(at=location.at, device=recorded.device.number, seq=location.seq)


def encode(position: Position) -> str:
    """Letters, digits, `-` and `_` only: fits a URL as it is."""
    number = position.device
    packed = (
        position.at.to_bytes(_AT, "big", signed=True)
        + position.seq.to_bytes(_SEQ, "big", signed=True)
        + number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
    )
    return urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode(text: str) -> Position:
    """The reverse of `encode`. Raises Unknown for everything that `encode` never gives."""
    if len(text) > _LONGEST or not text.isascii():
        raise Unknown(text[:_LONGEST])
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Unknown(text) from error
    position = Position(
        at=int.from_bytes(packed[:_AT], "big", signed=True),
        device=int.from_bytes(packed[_FIXED:], "big"),
        seq=int.from_bytes(packed[_AT:_FIXED], "big", signed=True),
    )
    if position.device.bit_length() > 63 or encode(position) != text:
        raise Unknown(text)
    return position
