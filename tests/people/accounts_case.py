"""A room for tests of accounts."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.people.revocations import Revocation
from tests.people.room import Room


class AccountsCase(TestCase):
    """A room whose revocations are noted."""

    async def opened(self) -> Room:
        """An opened room."""
        self.told: list[Revocation] = []
        self.room = room = Room()
        self.addCleanup(lambda: Deferred.fromCoroutine(room.close()))
        await room.open()
        self.accounts = room.people.accounts
        self.accounts.watch(self.told.append)
        return room
