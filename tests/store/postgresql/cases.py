"""Stores on a PostgreSQL server of the tests' own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.store.limits import Limits
from mytracks.store.open import Store, open_store
from mytracks.store.postgresql.driver import PostgreSQLDatabase
from tests.databases import server
from tests.postgresql.server import PostgreSQL
from tests.store.cases import NOW, THREADS


class ServerCase(TestCase):
    """A test with a database of its own, on a server that it does not harm."""

    def setUp(self) -> None:
        self.server = self.chosen()
        self.url = self.server.database()
        self.fatal: list[str] = []

    def chosen(self) -> PostgreSQL:
        """The server."""
        return server()

    async def opened(self, limits: Limits | None = None) -> Store:
        """The store of this test's database."""
        store = await open_store(
            Path(self.mktemp()),
            self.url,
            Clock(cast(Any, reactor), wall=lambda: float(NOW)),
            THREADS,
            limits or Limits(),
            self.fatal.append,
        )
        self.addCleanup(store.close)
        return store

    def deferred(self, limits: Limits | None = None) -> Deferred[Store]:
        """The same, for those that are refused."""
        return Deferred.fromCoroutine(self.opened(limits))

    async def driver(self, limits: Limits | None = None) -> PostgreSQLDatabase:
        """Its database, with what only PostgreSQL's tells of itself."""
        database = (await self.opened(limits)).database
        assert isinstance(database, PostgreSQLDatabase)
        return database

    async def until(self, look: Callable[[], bool], within: float = 20.0) -> None:
        """Wait, with the reactor running, until `look` says so."""
        end = reactor.seconds() + within
        while not look():
            if reactor.seconds() > end:
                self.fail("it did not happen in time")
            await turn(0.01)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement on this test's database, past the store."""
        return self.server.ask(statement, self.url.rpartition("/")[2], **values)


class OwnServerCase(ServerCase):
    """A test with a server that it may break."""

    def chosen(self) -> PostgreSQL:
        """A new one."""
        server = PostgreSQL()
        self.addCleanup(server.close)
        return server.make().start()


def turn(seconds: float = 0.0) -> Deferred[None]:
    """Let the reactor do what is due."""
    return deferLater(cast(Any, reactor), seconds)
