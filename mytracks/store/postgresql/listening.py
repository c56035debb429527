"""The connection that is only ours: it says that this node runs, and hears what others have stored.

A bell says that something changed, never what: whoever hears one reads the tables. Bells that rang
while there was no connection are lost, so that whoever listens is told to look at everything.
"""

import re
from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mytracks.store.files import StoreRefused
from mytracks.store.postgresql.catalogue import OTHER_NODES
from mytracks.store.postgresql.connection import Link, Server
from mytracks.store.postgresql.failures import line, trouble
from mytracks.store.postgresql.transaction import PostgreSQLTransaction
from mytracks.transaction import Transaction

CHANNEL: Final = "mytracks"
LOCK: Final = 0x6D79_7472
"""The class of our advisory locks; the node's number is the lock in it."""

_KIND: Final = re.compile(r"[a-z_]{1,32}")
_LOCK: Final = "SELECT pg_try_advisory_lock({lock}, {node})"
_BETWEEN_TRIES: Final = 0.25
_LEFT_BEHIND: Final = 2.0
"""Seconds for a server to notice that the process before us has ended."""
_OVERTAKEN: Final = 60.0
"""Seconds after which a lock that we had is another process' for good."""


@frozen
class Observer:
    """Who listens. `heard`: kind and number; `missed`: there may have been anything."""

    heard: Callable[[str, int], object]
    missed: Callable[[], object]


def ring(tx: Transaction, kind: str, number: int) -> None:
    """Tell the other processes, once this transaction is durable, that a thing has changed.

    One that is undone rings nothing, equal bells ring once. `kind`: small letters and `_`. On
    SQLite, where there is nobody else, it does nothing.
    """
    if _KIND.fullmatch(kind) is None:
        raise ValueError(f"not a kind: {kind!r}")
    if isinstance(tx, PostgreSQLTransaction):
        tx.owe(f"NOTIFY {CHANNEL}, '{kind} {number:d}'")


class Listening:
    """Owns the connection. `overtaken`: called with one line when another process of our number
    has taken the database over; `taken`: with one as soon as it is found there, which may pass, and
    `returned` when it has."""

    log = Logger()

    def __init__(
        self,
        server: Server,
        overtaken: Callable[[str], object],
        taken: Callable[[str], object],
        returned: Callable[[], object],
    ) -> None:
        self._server = server
        self._clock = server.clock
        self._node = server.limits.node
        self._overtaken = overtaken
        self._taken = taken
        self._returned = returned
        self._observers: list[Observer] = []
        self._link: Link | None = None
        self._wake: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._closing = False
        self._patience = _OVERTAKEN
        self._rival: int | None = None

    def on_bell(self, observer: Observer) -> None:
        """Call `observer` on the reactor from now on, for our own bells as well."""
        self._observers.append(observer)

    async def open(self) -> None:
        """Connect, and be the only process of this node.

        Unless the limits say that the database is shared, the only one of any node. Raises
        StoreRefused when there is another one, and what connecting raises.
        """
        until = self._clock.seconds() + _LEFT_BEHIND
        while not await self._connected():
            if self._clock.seconds() > until:
                raise StoreRefused(self._in_the_way())
            await self._pause(_BETWEEN_TRIES)
        self._running = Deferred.fromCoroutine(self._run())

    async def close(self) -> None:
        """Hear nothing any more, and let the node go."""
        self._closing = True
        if self._link is not None:
            self._link.close()
        self._stir()
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        while not self._closing:
            await self._pause(self._server.limits.idle_after)
            try:
                if self._link is None or self._link.ended:
                    await self._again()
                elif not self._closing:
                    # Else a server that is gone without a word would never be missed.
                    await self._link.execute("SELECT 1")
            except Exception as error:  # noqa: BLE001  # one bad run must not end the loop
                if trouble(error) is None:
                    self.log.failure("listening failed")

    async def _again(self) -> None:
        """A new connection, tried until there is one."""
        refused: float | None = None
        while not self._closing:
            try:
                if await self._connected():
                    self._returned()
                    for observer in self._observers:
                        observer.missed()
                    return
            except Exception as error:
                if trouble(error) is None:
                    raise
                self.log.debug("listening: {error}", error=line(error))
            else:
                why = f"another process uses this database as node {self._rival}"
                if refused is None:
                    refused = self._clock.seconds()
                    self._taken(why)
                if self._clock.seconds() - refused > self._patience:
                    self._overtaken(why)
                    return
            await self._pause(1.0)

    async def _connected(self) -> bool:
        """Whether the node is ours now, and none in our way. Raises what connecting raises."""
        self._link = link = self._server.link(lambda _: self._stir(), self._heard)
        await self._server.open(link)
        lock = _LOCK.format(lock=LOCK, node=self._node)
        ((ours,),) = (await link.execute(f"LISTEN {CHANNEL};{lock}")).fetchall()
        self._rival = None if ours else self._node
        if ours and not self._server.limits.shared:
            # Only now: of two that start together, each has a lock for the other to see.
            others = (await link.execute(OTHER_NODES % LOCK)).fetchall()
            self._rival = int(others[0][0]) if others else None
        if self._rival is not None:
            link.close()
        return self._rival is None

    def _in_the_way(self) -> str:
        told = f"another mytracks (node {self._rival}) uses this database: stop it"
        if self._server.limits.shared:
            return f"{told}, or give this one another number ([store] node)"
        return f"{told}; several processes on one database are not supported yet"

    def _heard(self, payload: str) -> None:
        kind, _, number = payload.partition(" ")
        if _KIND.fullmatch(kind) is None or not number.isdecimal():
            self.log.warn("a bell of another program: {payload}", payload=payload[:100])
            return
        for observer in self._observers:
            observer.heard(kind, int(number))

    async def _pause(self, seconds: float) -> None:
        if self._closing:
            return
        self._wake = Deferred()
        self._timer = self._clock.later(seconds, self._stir)
        await self._wake

    def _stir(self) -> None:
        wake, self._wake = self._wake, None
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if wake is not None:
            wake.callback(None)
