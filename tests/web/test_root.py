"""`/api/`: what there is."""

from twisted.trial.unittest import TestCase

from tests.web.callers import by_password
from tests.web.door import Door

PUBLIC = "https://tracks.example"


class RootTests(TestCase):
    """Ana looks around."""

    async def opened(self, public_url: str | None = None) -> Door:
        """A door that is closed after the test."""
        door = await Door(public_url=public_url).open()
        self.addCleanup(door.close)
        return door

    async def test_it_leads_to_what_can_be_asked_at_once(self) -> None:
        """Nouns, with and without the final slash; nothing of which one must know more."""
        door = await self.opened()
        for path in ("/api", "/api/"):
            reply = await by_password(door).call("GET", path)
            self.assertEqual(200, reply.status, reply.body)
            told = reply.json()
            self.assertEqual(f"{door.origin}/api/account", told["account"])
            self.assertEqual(
                f"{door.origin}/api/locations/last-known", told["locations/last-known"]
            )
            self.assertLess({"devices", "admin/users", "account/tokens", "health"}, set(told))
            self.assertNotIn("account/change-password", told)
            self.assertFalse([path for path in told.values() if "<" in path])

    async def test_nobody_else_is_told(self) -> None:
        """As everywhere below it."""
        door = await self.opened()
        self.assertEqual(401, (await door.ask("GET", "/api/")).status)

    async def test_links_lead_to_the_public_address_where_there_is_one(self) -> None:
        """A proxy may have changed the host, and whoever asks may have made it up."""
        door = await self.opened(PUBLIC)
        told = (await by_password(door).call("GET", "/api/")).json()
        self.assertEqual(f"{PUBLIC}/api/account", told["account"])
