"""Signing in, for tests of what comes of it."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.errors import Unauthenticated
from mytracks.people.limits import Limits
from tests.people.room import CHEAP, Room

AWAY = "198.51.100.9"


class SignInCase(TestCase):
    """A room with one account, `ana`."""

    async def opened(self, limits: Limits = CHEAP) -> Room:
        """The room, opened."""
        self.room = await Room(limits).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.ana = await self.room.account()
        return self.room

    async def assert_refused(self, name: Any, password: Any, **how: Any) -> str:
        """Unauthenticated; what is told."""
        with self.assertRaises(Unauthenticated) as caught:
            await self.room.sign_in(name, password, **how)
        return str(caught.exception)
