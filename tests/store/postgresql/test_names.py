"""Looking up the server's name never stops the reactor."""

import threading
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.store.postgresql.failures import Gone, Late
from mytracks.store.postgresql.names import NAME, Names, look_up
from tests.store.postgresql.cases import ServerCase


class NamesTests(TestCase):
    """What libpq is told to connect to."""

    def names(self, hosts: str, look: Any = look_up, within: float = 5.0) -> Names:
        """Of a URL with these hosts."""
        whole = cast(Any, reactor)
        url = f"postgresql://ana:word@{hosts}/tracks"
        return Names(url, Clock(whole), whole.callFromThread, within, look)

    async def test_an_address_is_not_looked_up(self) -> None:
        """Nor the folder of a socket: most installations need no name server."""

        def never(host: str) -> Sequence[str]:
            raise AssertionError(host)

        for hosts in ("127.0.0.1:5432", "[::1]:5432", "%2Frun%2Fpostgresql", ""):
            self.assertEqual({}, await self.names(hosts, never).found())

    async def test_every_address_of_every_name_is_tried_with_its_port(self) -> None:
        """The name stays beside it: the server's certificate is for that."""
        known = {"one": ["10.0.0.1", "fe80::1"], "two": ["10.0.0.2"]}
        found = await self.names("one:1,two:2", known.__getitem__).found()
        expected = {
            "host": "one,one,two",
            "hostaddr": "10.0.0.1,fe80::1,10.0.0.2",
            "port": "1,1,2",
        }
        self.assertEqual(expected, found)

    async def test_a_silent_name_server_is_waited_for_in_one_thread_and_not_for_ever(self) -> None:
        """Attempts come every second; threads that never end must not gather."""
        told, asked = threading.Event(), threading.Event()
        self.addCleanup(told.set)

        def slow(_: str) -> Sequence[str]:
            asked.set()
            told.wait(20)
            return ["10.0.0.1"]

        names = self.names("one", slow, within=0.1)
        for _ in range(3):
            await self.assertFailure(names.found(), Late)
        self.assertTrue(asked.is_set())
        running = [each for each in threading.enumerate() if each.name == NAME]
        self.assertEqual(1, len(running))
        waiting: list[Deferred[Any]] = [names.found() for _ in range(3)]
        told.set()
        self.assertEqual(["10.0.0.1"] * 3, [e["hostaddr"] for e in await gatherResults(waiting)])
        running[0].join()

    async def test_an_unknown_name_is_told(self) -> None:
        """It may be known again in a second."""

        def unknown(_: str) -> Sequence[str]:
            raise OSError(-2, "Name or service not known")

        names = self.names("one", unknown)
        for _ in range(2):
            error: Any = await self.assertFailure(names.found(), Gone)
            self.assertIn("not known", str(error))


class NamedServerTests(ServerCase):
    """A server by name."""

    async def test_a_name_leads_to_the_server(self) -> None:
        """As most people write it."""
        self.url = self.url.replace("127.0.0.1", "localhost")
        database = await self.driver()
        self.assertEqual("ok", database.health.state.value)
