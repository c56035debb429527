"""`/network-info/`: how this server is reached."""

from twisted.trial.unittest import TestCase

from tests.web.callers import by_password
from tests.web.door import Door

MEMBERS = {"hostname", "local_ip", "local_ips", "port", "scheme", "server_url"}


class NetworkTests(TestCase):
    """What the original's scripts ask for."""

    async def opened(self, public_url: str | None = None) -> Door:
        """A door that is closed after the test."""
        door = await Door(public_url=public_url).open()
        self.addCleanup(door.close)
        return door

    async def test_it_names_the_address_that_others_use(self) -> None:
        """Or the machine's own, where we listen for nobody else."""
        door = await self.opened()
        for path in ("/network-info", "/network-info/"):
            told = (await by_password(door).call("GET", path)).json()
            self.assertEqual(MEMBERS, set(told))
            self.assertEqual((["127.0.0.1"], "http"), (told["local_ips"], told["scheme"]))
            self.assertEqual(door.origin, told["server_url"])
        door.own_address = "192.168.1.20"
        told = (await by_password(door).call("GET", "/network-info/")).json()
        self.assertEqual("192.168.1.20", told["local_ip"])

    async def test_the_public_address_is_told_where_there_is_one(self) -> None:
        """Whatever the request says."""
        door = await self.opened("https://tracks.example")
        told = (await by_password(door).call("GET", "/network-info/")).json()
        self.assertEqual(("https", "https://tracks.example"), (told["scheme"], told["server_url"]))

    async def test_strangers_are_told_nothing(self) -> None:
        """It is about the inside of a home."""
        door = await self.opened()
        self.assertEqual(401, (await door.ask("GET", "/network-info/")).status)
