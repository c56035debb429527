"""What all connections together send: whether it is heard now, and how much is kept of what is
not whole.
"""

from typing import Protocol


class Holder(Protocol):
    """A connection of which a part of a packet has come."""

    def hoarded(self) -> None:
        """All together hold too much and this one the most: close it."""


class Incoming:
    """At most `most` bytes of packets that are not complete yet.

    `unheard`: the host has enough to do; nothing is heard from whoever was let in.
    """

    def __init__(self, most: int) -> None:
        self.unheard = False
        self.most = most
        self._total = 0
        self._parts: dict[Holder, int] = {}

    def keeps(self, holder: Holder, size: int) -> None:
        """`holder` has so many bytes now; 0: none any more. Closes whoever has most, if need be.

        Not whoever asks for more: else a few that hold much could keep everybody else out.
        """
        self._total += size - self._parts.pop(holder, 0)
        if size:
            self._parts[holder] = size
        while self._total > self.most:
            largest = max(self._parts, key=self._parts.__getitem__)
            self._total -= self._parts.pop(largest)
            largest.hoarded()
