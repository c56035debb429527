"""When a generated credential let somebody in last: written soon, and not at every request."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.logger import Logger

from mytracks.clock import Clock, Tasks
from mytracks.errors import Unavailable
from mytracks.transaction import Transaction, Transactions


class Uses:
    """Of one kind of credential, `what` in words. `every`: seconds after which it is written anew.
    `store`: notes that the one with a number let somebody in, and when."""

    log = Logger()

    def __init__(
        self,
        what: str,
        every: int,
        transactions: Transactions,
        store: Callable[[Transaction, int, int], Coroutine[Any, Any, None]],
        clock: Clock,
    ) -> None:
        self._what = what
        self._every = every
        self._transactions = transactions
        self._store = store
        self._clock = clock
        self._tasks = Tasks()

    def stop(self) -> None:
        """Write nothing more."""
        self._tasks.stop()

    def note(self, number: int, last_used: int | None) -> int | None:
        """It let somebody in just now. When (UTC seconds), if that is written; None: the last time
        was not long ago. Never waits."""
        now = int(self._clock.now())
        if last_used is not None and now - last_used < self._every:
            return None
        self._tasks.start(self._write(number, now), f"noting the use of {self._what}")
        return now

    async def _write(self, number: int, now: int) -> None:
        try:
            await self._transactions.commit(lambda tx: self._store(tx, number, now))
        except Unavailable as error:
            # Noted again a minute later; nobody is kept out by it.
            self.log.debug("the use of {what} was not noted: {error}", what=self._what, error=error)
