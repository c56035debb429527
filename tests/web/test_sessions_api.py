"""`/api/account/sessions`: where one is signed in, and how that ends."""

from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import GOOD
from tests.web.callers import PROBLEM, SignedIn, audited, by_password, signed_in
from tests.web.door import Door

SESSIONS = "/api/account/sessions"


class SessionsTests(TestCase):
    """Ana in two browsers, eve in one."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.home = await signed_in(self.door)
        self.door.room.timers.advance(60)
        self.away = await signed_in(self.door)
        await self.door.people.accounts.add("eve", GOOD, by=COMMAND_LINE)
        self.eve = await signed_in(self.door, "eve")

    async def close(self) -> None:
        await self.door.close()

    async def listed(self, caller: SignedIn) -> list[dict[str, Any]]:
        """What they are shown."""
        return list((await caller.call("GET", SESSIONS)).json()["results"])

    async def status(self, caller: SignedIn) -> int:
        """Whether they are still signed in."""
        return (await caller.call("GET", "/api/account")).status

    async def test_each_tells_where_and_since_when_and_which_is_this_one(self) -> None:
        """So that a strange one is noticed; nothing in it opens anything."""
        page = (await self.away.call("GET", SESSIONS)).json()
        self.assertEqual((2, None, None), (page["count"], page["next"], page["previous"]))
        newer, older = page["results"]
        self.assertEqual((True, False), (newer["current"], older["current"]))
        self.assertEqual("127.0.0.1", newer["address"])
        self.assertEqual(["password"], newer["factors"])
        self.assertEqual(
            {
                *("id", "created_at", "last_seen", "expires_at", "address", "agent"),
                *("current", "factors"),
            },
            set(newer),
        )
        self.assertLess(older["created_at"], newer["created_at"])
        for cookie in (*self.home.browser.cookies.values(), *self.away.browser.cookies.values()):
            self.assertNotIn(cookie, str(page))

    async def test_one_that_is_ended_is_out_at_once(self) -> None:
        """The others stay, and so does everybody else."""
        (other,) = [s["id"] for s in await self.listed(self.away) if not s["current"]]
        self.assertEqual(204, (await self.away.call("DELETE", f"{SESSIONS}/{other}")).status)
        self.assertEqual(
            [401, 200, 200], [await self.status(c) for c in (self.home, self.away, self.eve)]
        )
        again = await self.away.call("DELETE", f"{SESSIONS}/{other}")
        self.assertEqual((404, PROBLEM), (again.status, again.headers["content-type"]))
        self.assertIn(("ana", "session.end", f"session:{other}"), audited(self.door))

    async def test_ones_own_may_be_ended_too(self) -> None:
        """That is a sign-out."""
        (own,) = [s["id"] for s in await self.listed(self.home) if s["current"]]
        self.assertEqual(204, (await self.home.call("DELETE", f"{SESSIONS}/{own}")).status)
        self.assertEqual([401, 200], [await self.status(c) for c in (self.home, self.away)])

    async def test_all_others_at_once(self) -> None:
        """Whoever asks stays signed in."""
        self.assertEqual(204, (await self.home.call("DELETE", SESSIONS)).status)
        self.assertEqual(
            [200, 401, 200], [await self.status(c) for c in (self.home, self.away, self.eve)]
        )
        self.assertEqual(204, (await self.home.call("DELETE", SESSIONS)).status)

    async def test_somebody_elses_is_not_there(self) -> None:
        """404, as for what never was."""
        (hers,) = await self.listed(self.eve)
        for identifier in (hers["id"], "0" * 16, "x", "%00", "é"):
            path = f"{SESSIONS}/{identifier}" if identifier.isascii() else f"{SESSIONS}/%C3%A9"
            reply = await self.home.call("DELETE", path)
            self.assertEqual((404, PROBLEM), (reply.status, reply.headers["content-type"]))
        self.assertEqual(200, await self.status(self.eve))

    async def test_by_basic_none_is_the_own_one(self) -> None:
        """A script may look, and sign all browsers out."""
        script = by_password(self.door)
        page = (await script.call("GET", SESSIONS)).json()
        self.assertEqual([False, False], [each["current"] for each in page["results"]])
        self.assertEqual(204, (await script.call("DELETE", SESSIONS)).status)
        self.assertEqual([401, 401], [await self.status(c) for c in (self.home, self.away)])

    async def test_without_the_pages_token_nothing_ends(self) -> None:
        """Another site must not sign anybody out."""
        del self.home.headers["X-CSRF-Token"]
        self.assertEqual(403, (await self.home.call("DELETE", SESSIONS)).status)
        self.assertEqual(200, await self.status(self.away))

    async def test_a_full_disk_ends_nothing(self) -> None:
        """What could not be stored would be back after a restart."""
        self.door.room.store.transactions.failing = True
        self.assertEqual(503, (await self.home.call("DELETE", SESSIONS)).status)
        self.assertEqual(200, await self.status(self.away))

    async def test_pages(self) -> None:
        """As all lists have them."""
        page = (await self.home.call("GET", f"{SESSIONS}?limit=1")).json()
        self.assertEqual((2, 1), (page["count"], len(page["results"])))
        self.assertTrue(page["next"].endswith(f"{SESSIONS}?limit=1&offset=1"))
