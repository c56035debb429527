"""What routing asks of whoever carries the bytes of a connection. Carriers implement it."""

from typing import Protocol


class Link(Protocol):
    """One connection's transport. None of these calls back before it returns, but `write`, which
    may say at once that the transport is full (`Client.full`)."""

    def write(self, data: bytes) -> None:
        """Send `data` after what was sent before; ignored once the connection is gone."""

    def lose(self, broken: str = "") -> None:
        """Send what is buffered, then close. `broken`: the rule that the client broke, if any."""

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""

    def pause(self) -> None:
        """Stop reading: the network holds the client back."""

    def resume(self) -> None:
        """Read again."""

    def probe(self) -> None:
        """The client promised no sign of life: let the network look whether it is there."""
