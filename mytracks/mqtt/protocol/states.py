"""Where a connection stands, and what its own side may ask of it there."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class State(Enum):
    """Where a connection stands."""

    __hash__ = object.__hash__  # Enum's own is a Python function; these are looked up all the time

    AWAITING_CONNECT = "nothing but CONNECT may come"
    DECIDING = "CONNECT came; `accept` or `refuse` has to follow, what comes meanwhile is kept"
    REFUSING = "CONNECT of an unknown level came; only `refuse` may follow"
    CONNECTED = "accepted"
    CLOSED = "nothing is read or said any more"


class Cue(Enum):
    """What our own side may ask of a connection."""

    __hash__ = object.__hash__

    ACCEPT = "accept"
    REFUSE = "refuse"
    SPEAK = "anything that is said to a connected peer"


CUES: Final[Mapping[tuple[State, Cue], State]] = {
    (State.DECIDING, Cue.ACCEPT): State.CONNECTED,
    (State.DECIDING, Cue.REFUSE): State.CLOSED,
    (State.REFUSING, Cue.REFUSE): State.CLOSED,
    (State.CONNECTED, Cue.SPEAK): State.CONNECTED,
    # Decisions and commits may end after the connection did: what they say is said to nobody.
    (State.CLOSED, Cue.ACCEPT): State.CLOSED,
    (State.CLOSED, Cue.REFUSE): State.CLOSED,
    (State.CLOSED, Cue.SPEAK): State.CLOSED,
}
"""Our own inputs. An absent pair is our mistake: Misused."""
