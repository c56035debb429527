"""Client certificates that end without anybody saying so: their time of grace is over, their
account was deleted, or they were expunged and have expired by now.
"""

from collections.abc import Collection

from attrs import evolve
from twisted.logger import Logger

from mytracks.clock import Tasks
from mytracks.errors import Unavailable
from mytracks.pki.book import Book, Change, note
from mytracks.pki.holders import Holders
from mytracks.pki.lists import STAYS, Lists
from mytracks.pki.ports import Leaf, Reason
from mytracks.sharing.identity import SERVER


class Endings:
    """Stores what has ended by itself. Nobody gets in by such a certificate meanwhile."""

    log = Logger()

    def __init__(self, book: Book, lists: Lists, holders: Holders) -> None:
        self._book = book
        self._lists = lists
        self._holders = holders
        self._tasks = Tasks()

    async def close(self) -> None:
        """Stop all of our own."""
        self._tasks.stop()

    def forget_user(self, user: int) -> None:
        """See `Clients.forget_user`."""
        # For one that is still being made as well.
        self._holders.gone.add(user)
        if any(each.user == user for each in self._book.leaves.values()):
            self._tasks.start(self.settle(), "revoking the certificates of a deleted account")

    def keep_only(self, users: Collection[int]) -> None:
        """See `Clients.keep_only`."""
        owners = {each.user for each in self._book.leaves.values() if each.user is not None}
        for user in owners.difference(users):
            self.forget_user(user)

    async def settle(self) -> None:
        """Revoke whose time of grace is over or whose account is gone; delete what was expunged
        and has expired."""
        now = self._book.clock.now()
        if any(self._ended(leaf, now) or self._over(leaf, now) for leaf in self._leaves()):
            await self._book.take(self._settle)

    async def _settle(self) -> None:
        now = self._book.clock.now()
        rows = [ended for leaf in self._leaves() if (ended := self._ended(leaf, now)) is not None]
        removed = [leaf for leaf in self._leaves() if self._over(leaf, now)]
        if not (rows or removed):
            # Whoever had the turn before did it.
            return
        change = Change(
            rows=rows,
            removed=removed,
            lists=await self._lists.after(*rows),
            notes=[note(SERVER, "pki.client.revoke", each, each.subject) for each in rows],
        )
        try:
            await self._book.commit(change)
        except Unavailable as error:
            # Tried again a minute later.
            self.log.error("certificates could not be revoked: {error}", error=str(error))

    def _leaves(self) -> list[Leaf]:
        return list(self._book.leaves.values())

    def _ended(self, leaf: Leaf, now: float) -> Leaf | None:
        """The row of one that has ended by itself, as it shall be."""
        gone = leaf.user is None or leaf.user in self._holders.gone
        if gone and leaf.user is not None:
            reason = leaf.reason if leaf.reason is not None else Reason.PRIVILEGE_WITHDRAWN
            revoked = leaf.revoked if leaf.reason is not None else int(now)
            return evolve(leaf, user=None, revoked=revoked, reason=reason)
        if leaf.reason is not None:
            return None
        if gone:
            return evolve(leaf, revoked=int(now), reason=Reason.PRIVILEGE_WITHDRAWN)
        if leaf.revoked is not None and leaf.revoked <= now:
            return evolve(leaf, reason=Reason.SUPERSEDED)
        return None

    def _over(self, leaf: Leaf, now: float) -> bool:
        """Whether it was expunged and is on no list any more."""
        return leaf.expunged is not None and leaf.not_after + STAYS < now
