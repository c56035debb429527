"""Who did what, when and from where: the audit log.

An entry is stored in the commit of what it tells, so that neither is there without the other. It
says what was done and to what, never a secret and never where somebody is. Old entries are swept,
and those beyond a number.
"""

from typing import Final

from twisted.logger import Logger

from mytracks.clock import Clock, Repeating, Tasks, believable
from mytracks.errors import Unavailable
from mytracks.people import ports
from mytracks.people.limits import DAY, Limits
from mytracks.people.ports import AuditPage, AuditQuestion
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions

_LONGEST: Final = 500
"""Characters of one member of an entry: some come from outside."""


class Audit:
    """Writes and reads the log."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.AuditLog,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._clock = clock
        self._limits = limits
        self._tasks = Tasks()
        self._sweeping = Repeating(
            clock, limits.audit_sweep_every, self._sweep, "sweeping the audit log"
        )

    async def open(self) -> None:
        """Begin to sweep."""
        self._sweeping.start()

    async def close(self) -> None:
        """Stop all of our own."""
        self._sweeping.stop()
        self._tasks.stop()

    async def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> None:
        """Note it in the unit that does it. Touches nothing but the transaction: units may run in
        another thread."""
        actor = Actor(by.user, _plain(by.name), _plain(by.address))
        at = int(self._clock.now())
        await self._stored.add(tx, at, actor, _plain(action), _plain(what), _plain(detail))

    async def note(self, by: Actor, action: str, what: str, detail: str = "") -> None:
        """Note it in a commit of its own. Raises Unavailable."""
        await self._transactions.commit(lambda tx: self.add(tx, by, action, what, detail))

    def note_later(self, by: Actor, action: str, what: str, detail: str = "") -> None:
        """The same without waiting; where it cannot be stored the server's log tells it."""
        self._tasks.start(self._noted(by, action, what, detail), "noting it in the audit log")

    async def page(self, question: AuditQuestion) -> AuditPage:
        """The entries that are asked for, newest first. Raises Unavailable."""
        return await self._transactions.read(lambda tx: self._stored.page(tx, question))

    async def _noted(self, by: Actor, action: str, what: str, detail: str) -> None:
        try:
            await self.note(by, action, what, detail)
        except Unavailable as error:
            self.log.warn(
                "{action} of {what} by {by} is not in the audit log: {error}",
                action=action,
                what=what,
                by=by.name,
                error=str(error),
            )

    def _sweep(self) -> None:
        self._tasks.start(self._swept(), "sweeping the audit log")

    async def _swept(self) -> None:
        """Piece by piece: nobody's message waits for a hundred thousand rows."""
        now = int(self._clock.now())
        # A clock that was not set tells nothing about age.
        before = now - self._limits.audit_days * DAY if believable(now) else None
        most = self._limits.audit_entries
        try:
            while await self._transactions.commit(lambda tx: self._stored.sweep(tx, before, most)):
                pass
        except Unavailable as error:
            self.log.debug("the audit log was not swept: {error}", error=error)


def _plain(text: str) -> str:
    """What both databases take as text, and not too much of it."""
    return text[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode()
