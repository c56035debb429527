"""One connection to the server, as we use it: a statement at a time, answered in time or given up.

txpostgres carries it. Its own Deferreds are never handed on: closing a connection does not fire
what waits on it, and cancelling one raises out of `cancel`.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import psycopg2
from attrs import field, frozen
from psycopg2.extensions import (
    POLL_OK,
    POLL_WRITE,
    TRANSACTION_STATUS_INERROR,
    new_type,
    register_type,
)
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from txpostgres import txpostgres

from mytracks.clock import Clock
from mytracks.store.limits import Limits
from mytracks.store.postgresql.failures import Gone, Late, bare
from mytracks.store.postgresql.names import Names

APPLICATION: Final = "mytracks"
"""What the server lists our connections as."""

_STOPPED: Final = 1.0
"""Seconds by which a timer is late only when the whole process stood still."""
_GRACE: Final = 0.2
_BYTEA: Final = 17
_NUMERIC: Final = 1700


class _Wire(txpostgres.Connection):  # type: ignore[misc]  # txpostgres has no types
    """txpostgres' connection, which carries its statements itself: it stays registered with the
    reactor, where a cursor of txpostgres would be added and removed for every statement.

    What is registered is a descriptor of our own for the same socket: libpq closes its one without
    a word, and the reactor would take the next socket of that number for it.

    `answered`: called once for each `ask`, with the error if there was one; `ended`: when it ends
    and nothing is asked; `heard`: with the payload of each notification.
    """

    def __init__(
        self,
        reactor: Any,
        answered: Callable[[Exception | None], object],
        ended: Callable[[Exception], object],
        heard: Callable[[str], object],
    ) -> None:
        super().__init__(reactor)
        self._answered = answered
        self._ended = ended
        self._heard = heard
        self._asked = False
        self._own: int | None = None

    def usable(self) -> bool:
        """Whether it is open."""
        return self._own is not None and not self.pollable().closed

    def fileno(self) -> int:
        """What the reactor watches."""
        if self._own is not None:
            return self._own
        connection = self.pollable()
        return -1 if connection is None or connection.closed else int(connection.fileno())

    def settle(self) -> None:
        """It is connected: from now on the socket does not change."""
        self.reactor.removeReader(self)
        self._own = os.dup(self.fileno())
        self.reactor.addReader(self)

    def ask(self, cursor: Any, text: str | bytes) -> None:
        """Run finished SQL; `cursor` has its result once it is answered."""
        self._asked = True
        try:
            cursor.execute(text)
        except psycopg2.Error as error:
            self._fail(error)
        else:
            self._advance()

    def doRead(self) -> None:
        """Something came: an answer or a part of it, a notification, the end."""
        if self._pollingD is not None:
            # Not as txpostgres' connection does it: that would be watched again afterwards, though
            # what came may have been the end.
            super(txpostgres.Connection, self).doRead()
            return
        self._advance()
        if self.usable():
            self.checkForNotifies()

    def doWrite(self) -> None:
        """More of a long text can be sent."""
        if self._pollingD is not None:
            super().doWrite()
            return
        self.reactor.removeWriter(self)
        self._advance()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor watches it no longer."""
        if self._pollingD is not None:
            super().connectionLost(reason)
        else:
            self._fail(Gone("the connection was lost"))

    def checkForNotifies(self) -> None:
        """Hand on what was heard."""
        notifies = self.pollable().notifies
        if notifies:
            heard = notifies[:]
            del notifies[:]
            for each in heard:
                self._heard(each.payload)

    def close(self) -> None:
        """Watch it no longer, and close it. May be called at any time."""
        self.reactor.removeReader(self)
        self.reactor.removeWriter(self)
        own, self._own = self._own, None
        if self.pollable() is not None:
            super().close()
        if own is not None:
            os.close(own)

    def _advance(self) -> None:
        """As far as it goes without waiting."""
        try:
            state = self.pollable().poll()
        except psycopg2.Error as error:
            self._fail(error)
            return
        if state == POLL_WRITE:
            self.reactor.addWriter(self)
        elif state == POLL_OK and self._asked:
            self._asked = False
            self._answered(None)

    def _fail(self, failed: Exception) -> None:
        error = bare(failed)
        tell, self._asked = self._answered if self._asked else self._ended, False
        tell(error)


class Link:
    """An open connection, or one that has ended and stays so.

    `on_end`: called when it ends while nothing is asked; what is asked then fails by itself.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Clock,
        within: float,
        on_end: Callable[[Exception], object],
        heard: Callable[[str], object],
    ) -> None:
        self._clock = clock
        self._within = within
        self._on_end = on_end
        self._wire = _Wire(reactor, self._answered, self._broken, heard)
        self._cursor: Any = None
        self._answer: Deferred[Any] | None = None
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self.ended = False

    def open(self, url: str, where: Mapping[str, str]) -> Deferred[Any]:
        """Connect to `url`, as far as `where` does not say otherwise. Fails with Late, Gone or an
        error of psycopg2."""
        answer = self._asking()
        if not self.ended:
            ours = {"application_name": APPLICATION, "client_encoding": "UTF8", **where}
            self._wire.connect(url, **ours).addCallbacks(
                self._opened, lambda failure: self._answered(failure.value)
            )
        return answer

    def execute(self, text: str | bytes) -> Deferred[Any]:
        """Run finished SQL; fires with a cursor that has the last statement's result.

        Fails with the server's error, or with Late or Gone when the connection has ended.
        """
        answer = self._asking()
        if not self.ended:
            self._wire.ask(self._cursor, text)
        return answer

    def render(self, text: str, values: Any) -> bytes:
        """The text with its values in it. Raises what psycopg2 has against one of them."""
        rendered = self._cursor.mogrify(text, values)
        assert isinstance(rendered, bytes)
        return rendered

    def quote(self, adapted: Any) -> bytes:
        """A value as psycopg2 writes it, in this connection's encoding."""
        with suppress(AttributeError):
            adapted.prepare(self._wire.pollable())
        quoted = adapted.getquoted()
        assert isinstance(quoted, bytes)
        return quoted

    @property
    def failed(self) -> bool:
        """Whether the open transaction can only be undone."""
        if self.ended:
            return False
        status = self._wire.pollable().get_transaction_status()
        return bool(status == TRANSACTION_STATUS_INERROR)

    def close(self, error: Exception | None = None) -> None:
        """End it; what is asked fails with `error`. May be called again."""
        if self.ended:
            return
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        answer, self._answer = self._answer, None
        self._wire.close()
        if answer is not None:
            answer.errback(Failure(error or Gone("it was closed")))

    def _opened(self, _: Any) -> None:
        if self.ended:
            return
        self._wire.settle()
        connection = self._wire.pollable()
        register_type(_BYTES, connection)
        register_type(_NUMBERS, connection)
        self._cursor = connection.cursor()
        self._answered(None)

    def _asking(self) -> Deferred[Any]:
        """A Deferred that fires in time, whatever becomes of what is asked."""
        answer: Deferred[Any] = Deferred()
        if self.ended:
            answer.errback(Gone("it has ended"))
            return answer
        self._answer = answer
        self._due = self._clock.seconds() + self._within
        if self._timer is None:
            self._timer = self._clock.later(self._within, self._look)
        return answer

    def _answered(self, error: Exception | None) -> None:
        if error is not None and not self._wire.usable():
            self.close(error)
            return
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if error is None:
            answer.callback(self._cursor)
        else:
            answer.errback(error)

    def _broken(self, error: Exception) -> None:
        """It ended while nothing was asked."""
        if not self.ended:
            self.close()
            self._on_end(error)

    def _look(self) -> None:
        """One timer for many statements: set anew only when it fires."""
        self._timer = None
        if self._answer is None:
            return
        left = self._due - self._clock.seconds()
        if left < -_STOPPED:
            # It was we who did not run: the answer may be there, and is looked at after timers.
            self._due -= left - _GRACE
            left = _GRACE
        if left > 0:
            self._timer = self._clock.later(left, self._look)
        else:
            self.close(Late("no answer in time"))


@frozen
class Server:
    """Where the database is, and how we connect to it. `url` may hold a password."""

    url: str = field(repr=False)
    names: Names = field(repr=False)
    reactor: Any = field(repr=False)
    clock: Clock
    limits: Limits

    def link(
        self,
        on_end: Callable[[Exception], object],
        heard: Callable[[str], object] = lambda _: None,
    ) -> Link:
        """A connection that is not open yet."""
        return Link(self.reactor, self.clock, self.limits.answer_within, on_end, heard)

    async def open(self, link: Link) -> None:
        """Connect and set up `link`. Raises Late, Gone or an error of psycopg2; then it has
        ended."""
        try:
            await link.open(self.url, await self.names.found())
            await link.execute(self._settings())
        except BaseException:
            link.close()
            raise

    def _settings(self) -> str:
        """What every connection of ours has set; times are in milliseconds.

        Statements and locks end before our own timer does, so that the server says why. Dead peers
        are noticed by the server, so that what they held is free again.
        """
        within = int(self.limits.answer_within * 1000)
        settings = {
            "synchronous_commit": "on",
            "statement_timeout": max(1, within * 8 // 10),
            "lock_timeout": max(1, within * 6 // 10),
            "idle_in_transaction_session_timeout": within * 2,
            "tcp_keepalives_idle": 10,
            "tcp_keepalives_interval": 5,
            "tcp_keepalives_count": 3,
            "bytea_output": "hex",
            "standard_conforming_strings": "on",
        }
        return ";".join(f"SET {name} = {value}" for name, value in settings.items())


def _bytes(value: str | bytes | None, _: Any) -> bytes | None:
    r"""`\x…`, as the server writes it: psycopg2 would make a memoryview."""
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value


def _number(value: str | bytes | None, _: Any) -> int | float | None:
    """The sum of whole numbers is numeric: psycopg2 would make a Decimal."""
    if value is None:
        return None
    text = str(value)
    return int(text) if text.lstrip("-").isdigit() else float(text)


_BYTES: Final = new_type((_BYTEA,), "BYTES", _bytes)
_NUMBERS: Final = new_type((_NUMERIC,), "NUMBERS", _number)
