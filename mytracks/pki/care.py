"""What certificates need without anybody asking: lists signed anew, what has ended revoked, server
certificates renewed. At the start and by timers.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from mytracks.clock import Clock, Repeating, Tasks
from mytracks.pki.clients import Clients
from mytracks.pki.limits import Limits
from mytracks.pki.lists import Lists
from mytracks.pki.servers import Servers


class Care:
    """Two timers, each of whose rounds ends before its next begins."""

    def __init__(
        self, lists: Lists, clients: Clients, servers: Servers, clock: Clock, limits: Limits
    ) -> None:
        self._lists = lists
        self._clients = clients
        self._servers = servers
        self._tasks = Tasks()
        self._running: set[str] = set()
        self._timers = (
            Repeating(clock, limits.crl_check_every, self.look_after_lists, "certificate care"),
            Repeating(clock, limits.renew_check_every, self.renew, "certificate renewal"),
        )

    def start(self) -> None:
        """Look now, and then again and again."""
        self.look_after_lists()
        self.renew()
        for timer in self._timers:
            timer.start()

    def stop(self) -> None:
        """No round begins after this; those that run are broken off."""
        for timer in self._timers:
            timer.stop()
        self._tasks.stop()

    def look_after_lists(self) -> None:
        """Revoke what has ended by itself, sign the lists that are due."""
        self._round("looking after revocation lists", self._lists_and_endings)

    def renew(self) -> None:
        """Renew the server certificates that are due."""
        self._round("renewing server certificates", self._servers.renew_due)

    async def _lists_and_endings(self) -> None:
        await self._clients.settle()
        await self._lists.resign_due()

    def _round(self, what: str, work: Callable[[], Coroutine[Deferred[Any], Any, None]]) -> None:
        if what not in self._running:
            self._running.add(what)
            self._tasks.start(self._once(what, work), what)

    async def _once(
        self, what: str, work: Callable[[], Coroutine[Deferred[Any], Any, None]]
    ) -> None:
        try:
            await work()
        finally:
            self._running.discard(what)
