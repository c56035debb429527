"""Connections whose bytes leave at the end of the turn in which they were written.

Twisted asks the kernel first whether there is room: that is three system calls beside the one that
sends, and almost always there is room. Here only what the kernel did not take waits to be asked.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from twisted.internet.tcp import Server
from twisted.logger import Logger


class _Sending(Enum):
    """What becomes of what was written."""

    NOTHING = "there is nothing to send"
    DUE = "it is sent at the end of this turn"
    NOW = "it is being sent"
    ASKED = "the kernel tells when there is room"


_NOTHING: Final = _Sending.NOTHING
_DUE: Final = _Sending.DUE
_NOW: Final = _Sending.NOW
_ASKED: Final = _Sending.ASKED


class Outbox:
    """The connections with something to send, until the end of the turn. `soon`: calls when the
    turn is over."""

    log = Logger()

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._due: list[PromptServer] = []

    def add(self, connection: "PromptServer") -> None:
        """Have `connection` send what it has when this turn is over."""
        if not self._due:
            self._soon(self._flush)
        self._due.append(connection)

    def _flush(self) -> None:
        due, self._due = self._due, []
        for connection in due:
            try:
                connection.flush()
            except Exception:  # noqa: BLE001
                # As the reactor does it: one connection's trouble must not reach the others.
                self.log.failure("sending to {connection} failed", connection=connection)
                connection.abortConnection()  # type: ignore[no-untyped-call]


class PromptServer(Server):
    """One connection to a server of ours."""

    def __init__(self, outbox: Outbox, *words: Any) -> None:
        self._outbox = outbox
        self._sending = _NOTHING
        super().__init__(*words)

    def startWriting(self) -> None:  # noqa: N802
        """Twisted: there is something to send, or the connection is to end when that is sent."""
        if self._sending is _NOTHING:
            self._sending = _DUE
            self._outbox.add(self)

    def stopWriting(self) -> None:  # noqa: N802
        """Twisted: all is sent, or nothing more will be."""
        asked, self._sending = self._sending is _ASKED, _NOTHING
        if asked:
            super().stopWriting()  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """The turn is over: send. What is left, and an end, is for the reactor as ever."""
        if self._sending is not _DUE:
            return
        self._sending = _NOW
        failed = self.doWrite() is not None  # type: ignore[no-untyped-call]
        if failed or self._sending is _NOW:
            self._sending = _ASKED
            super().startWriting()  # type: ignore[no-untyped-call]
