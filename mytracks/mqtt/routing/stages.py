"""The stages of a client's life, by name. How one leads to the next is `client`'s."""

from enum import Enum
from typing import Final


class Stage(Enum):
    """How far a client has come."""

    __hash__ = object.__hash__

    ARRIVED = "its CONNECT is awaited"
    TURNED_AWAY = "there are too many; its CONNECT is awaited, to be told so"
    DECIDING = "the door was asked"
    OPENING = "let in; what that promises is being stored"
    CONNECTED = "told so"
    HUNG_UP = "gone; what it said before is still being heard"
    LEAVING = "the broker closes; what it said is still being answered"
    CLOSING = "over; the transport is on its way out"


UNHEARD: Final = frozenset({Stage.LEAVING, Stage.CLOSING})
"""Whatever comes now is not listened to any more."""
