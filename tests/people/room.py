"""A people room for tests: cheap argon2, a clock that tests move, rows in memory."""

from typing import Any, cast

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from mytracks.clock import Clock
from mytracks.people.build import People, build
from mytracks.people.factor_ports import Seal
from mytracks.people.limits import Limits
from mytracks.people.ports import Account
from mytracks.sharing.identity import COMMAND_LINE, Door, Principal
from tests.people.memory import MemorySeal, MemoryStore

GOOD = "correct horse battery"
OTHER = "staple of another colour"
HOME = "192.0.2.7"

CHEAP = Limits(password_time_cost=1, password_memory_kib=8)


class Room:
    """The room and what it stands on. `now`: the date, `timers`: what makes time pass."""

    def __init__(
        self,
        limits: Limits = CHEAP,
        store: MemoryStore | None = None,
        seal: Seal | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.seal = MemorySeal()
        self.timers = task.Clock()
        self.began = 1_750_000_000.0
        self.clock = Clock(self.timers, wall=lambda: self.began + self.timers.seconds())
        self.people: People = build(
            self.store.transactions,
            self.store,
            self.clock,
            cast(Any, reactor),
            limits,
            seal or self.seal,
        )

    async def open(self) -> "Room":
        """The room, opened."""
        await self.people.open()
        return self

    async def close(self) -> None:
        """Stop its threads and timers."""
        await self.people.close()

    async def account(self, name: str = "ana", *, admin: bool = False) -> Account:
        """An account with the password `GOOD`."""
        return await self.people.accounts.add(name, GOOD, by=COMMAND_LINE, admin=admin)

    async def sign_in(
        self,
        name: str | None = "ana",
        password: str | bytes | None = GOOD,
        *,
        door: Door = Door.MQTT,
        address: str = HOME,
    ) -> Principal:
        """Sign in as phones do."""
        return await self.people.signin.password(name, password, door=door, address=address)

    def signing_in(self, name: str, password: str, address: str = HOME) -> Deferred[Principal]:
        """The same, begun and not awaited."""
        return Deferred.fromCoroutine(self.sign_in(name, password, address=address))
