"""What deleted accounts leave behind goes piece by piece, so that nobody's message waits for it.

A piece is one small commit; the next is asked for when it is durable, so that whatever else is to
be stored comes in between. What a stop or a kill leaves goes on at the next start.
"""

from collections import deque
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock, Tasks
from mytracks.errors import Unavailable
from mytracks.people import ports
from mytracks.transaction import Transactions

AGAIN_AFTER: Final = 5.0
"""Seconds until it is tried again where nothing could be stored."""


class Removals:
    """The accounts that left, one after the other."""

    log = Logger()

    def __init__(self, transactions: Transactions, stored: ports.Accounts, clock: Clock) -> None:
        self._transactions = transactions
        self._stored = stored
        self._clock = clock
        self._tasks = Tasks()
        self._left: deque[int] = deque()
        self._running = False
        self._watching: list[Deferred[None]] = []

    async def open(self) -> None:
        """Go on with those that an earlier process did not finish."""
        for number in await self._transactions.read(self._stored.leaving):
            self.begin(number)

    async def close(self) -> None:
        """Begin no further piece."""
        self._tasks.stop()

    def begin(self, number: int) -> None:
        """The account with this number left: remove what it has, when its turn comes."""
        self._left.append(number)
        if not self._running:
            self._running = True
            self._tasks.start(self._run(), "removing what deleted accounts had")

    async def settled(self) -> None:
        """Wait until all is gone, or cannot go for now."""
        if self._running:
            waiting: Deferred[None] = Deferred()
            self._watching.append(waiting)
            await waiting

    async def _run(self) -> None:
        try:
            while self._left:
                await self._remove(self._left.popleft())
        finally:
            # A mistake of ours is logged by the task, and that account tried at the next start.
            self._running = False
            self._tell()

    async def _remove(self, number: int) -> None:
        while True:
            try:
                more = await self._transactions.commit(
                    lambda tx: self._stored.remove_some(tx, number)
                )
            except Unavailable as error:
                self.log.debug("a deleted account is not yet all gone: {error}", error=error)
                self._tell()
                await self._pause()
            else:
                if not more:
                    self.log.info("all that account {number} had is gone", number=number)
                    return

    async def _pause(self) -> None:
        waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.later(AGAIN_AFTER, waiting.callback, None)
        await waiting

    def _tell(self) -> None:
        watching, self._watching = self._watching, []
        for waiting in watching:
            waiting.callback(None)
