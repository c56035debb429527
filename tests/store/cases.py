"""Stores for tests: opened in a folder of the test, closed after it."""

from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.people.ports import Account
from mytracks.phones.facts import Source
from mytracks.sharing.identity import Device
from mytracks.store.limits import Limits
from mytracks.store.open import Store, open_store
from mytracks.store.sqlite.driver import SQLiteDatabase
from mytracks.tracks.locations import Location, Via
from tests import databases

NOW = 1_767_225_600
"""UTC seconds: the date of the tests."""

QUICK = Limits(ballast=0)

THREADS = cast(IReactorFromThreads, reactor)


def account(name: str = "ana", **changes: Any) -> Account:
    """Somebody."""
    values: dict[str, Any] = {
        "number": 0,
        "name": name,
        "display": name.title(),
        "admin": False,
        "disabled": False,
        "password": "$argon2id$",
        "email": "",
        "created": NOW,
    }
    return Account(**(values | changes))


def source(owner: Account, name: str = "phone", device: Device | None = None) -> Source:
    """A phone of `owner`."""
    return Source(owner=owner.number, owner_name=owner.name, name=name, device=device)


def location(at: int = NOW, seq: int = 1, **changes: Any) -> Location:
    """Somewhere in Berlin."""
    values: dict[str, Any] = {
        "at": at,
        "seq": seq,
        "latitude": 52.5200066,
        "longitude": 13.404954,
        "received": at + 2,
        "via": Via.MQTT,
    }
    return Location(**(values | changes))


async def remove(store: Store, number: int) -> None:
    """Delete an account, and all that it has."""
    await store.database.commit(lambda tx: store.accounts.leave(tx, number))
    while await store.database.commit(lambda tx: store.accounts.remove_some(tx, number)):
        pass


def sqlite(store: Store) -> SQLiteDatabase:
    """The database of `store`, with what only SQLite's tells of itself."""
    assert isinstance(store.database, SQLiteDatabase)
    return store.database


class StoreCase(TestCase):
    """A test that opens stores."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "data"
        self.clock = Clock(cast(Any, reactor), wall=lambda: float(NOW))
        self.fatal: list[str] = []
        self._database: str | None = None

    async def opened(self, limits: Limits = QUICK) -> Store:
        """The store of this test's folder, or on PostgreSQL of its database."""
        if self._database is None:
            self._database = databases.new()
        store = await open_store(
            self.folder, self._database, self.clock, THREADS, limits, self.fatal.append
        )
        self.addCleanup(store.close)
        return store

    async def with_ana(self, limits: Limits = QUICK) -> tuple[Store, Account]:
        """A store with one account."""
        store = await self.opened(limits)
        return store, await store.database.commit(lambda tx: store.accounts.add(tx, account()))
