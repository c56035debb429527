"""How much of a request's body is taken in: judged while it arrives, before any handler runs.

Twisted on its own would park any body, of any size, before anybody is asked.
"""

from enum import Enum
from io import BytesIO

from mytracks.web.limits import Limits


class State(Enum):
    """Where the reception of a body stands."""

    TAKING = "taking"
    """All so far is in `content`."""
    SKIMMING = "skimming"
    """A publish larger than may be: its beginning is in `content`, the rest is read and dropped."""
    CUT = "cut"
    """Larger than is worth reading to its end: its publisher is to be answered now."""
    TOO_LARGE = "too large"
    """To be refused."""
    NO_ROOM = "no room"
    """All bodies together are too much at this moment: to be refused for now."""


_OPEN = (State.TAKING, State.SKIMMING)


class Room:
    """The bytes that all bodies together may hold in memory."""

    def __init__(self, size: int) -> None:
        self._free = size

    def resize(self, change: int) -> None:
        """So many bytes more, or fewer; claimed ones stay claimed."""
        self._free += change

    def take(self, amount: int) -> bool:
        """Claim `amount` bytes; False: they are not free."""
        if amount > self._free:
            return False
        self._free -= amount
        return True

    def give_back(self, amount: int) -> None:
        """Claimed bytes are free again."""
        self._free += amount


class Body:
    """One body. `publishing`: a signed-in phone's message, never refused for its size."""

    def __init__(self, limits: Limits, room: Room, *, publishing: bool) -> None:
        self.content = BytesIO()
        self.state = State.TAKING
        self._limits = limits
        self._room = room
        self._publishing = publishing
        self._held = 0
        self._received = 0
        self._hopeless = False

    @property
    def size(self) -> int:
        """Bytes that have come, kept or not."""
        return self._received

    @property
    def oversized(self) -> bool:
        """Whether `content` is only the beginning of what was sent."""
        return self.state in (State.SKIMMING, State.CUT)

    def announced(self, length: int | None) -> State:
        """The header gives the length; None: it comes in chunks, of any number."""
        if length is not None:
            if not self._publishing and length > self._limits.max_body_size:
                self.state = State.TOO_LARGE
            self._hopeless = length > self._limits.max_publish_read
        return self.state

    def received(self, data: bytes) -> State:
        """Some of it has come."""
        if self.state not in _OPEN:
            return self.state
        self._received += len(data)
        if self.state is State.TAKING:
            self._take(data)
        if self.state is State.SKIMMING and (
            self._hopeless or self._received > self._limits.max_publish_read
        ):
            self.state = State.CUT
        return self.state

    def close(self) -> None:
        """The body is done with: what it held is free again."""
        self._room.give_back(self._held)
        self._held = 0

    def _take(self, data: bytes) -> None:
        kept = self._limits.oversize_kept
        most = kept if self._hopeless else self._limits.max_publish_size
        if self._publishing and self._received > most:
            self._skim(data)
        elif not self._publishing and self._received > self._limits.max_body_size:
            self.state = State.TOO_LARGE
        elif self._room.take(len(data)):
            self._held += len(data)
            self.content.write(data)
        else:
            self.state = State.NO_ROOM

    def _skim(self, data: bytes) -> None:
        """Keep the beginning only, in a buffer of its own so that the rest is freed."""
        kept = self._limits.oversize_kept
        beginning = self.content.getvalue()[:kept]
        self.content = BytesIO(beginning + data[: kept - len(beginning)])
        self.content.seek(0, 2)
        self.close()
        self.state = State.SKIMMING
