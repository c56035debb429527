"""The admin panel for tests: a house, an administrator, and their browser without a screen."""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve
from twisted.trial.unittest import TestCase

from mytracks.people.ports import Account
from mytracks.people.profile import Profile
from mytracks.phones.ports import Aside
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.sharing.identity import Door as Way
from mytracks.web.assets import find_assets
from mytracks.web.pages.times import Times
from tests.people.room import GOOD
from tests.tracks.memory import NOW
from tests.web.door import Browser, Reply
from tests.web.door import Door as House

HOME = "/admin-panel/"
MARKUP = "<script>alert(1)</script>"
TO = "\N{EN DASH}"
TIME = re.compile(r'<time[^>]* datetime="([^"]*Z)"[^>]*>([^<]*)</time>')
TABS = ("", "pki/", "connections/", "quarantine/", "audit/")


class AdminCase(TestCase):
    """A house with the accounts ana and root, and root's browser."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await House(assets=find_assets()).open()
        self.addCleanup(self.door.close)
        self.accounts = self.door.people.accounts
        self.root = await self.accounts.add("root", GOOD, admin=True, by=COMMAND_LINE)
        self.ana = self.accounts.named("ana")
        self.browser = await self.signed_in("root")

    async def signed_in(self, name: str) -> Browser:
        """A browser of theirs."""
        browser = Browser(self.door)
        reply = await browser.sign_in(name)
        self.assertEqual(303, reply.status, reply.body)
        return browser

    async def page(self, path: str, status: int = 200, browser: Browser | None = None) -> str:
        """What a page of the panel says, without its markup."""
        reply = await (browser or self.browser).get(HOME + path)
        self.assertEqual(status, reply.status, reply.body)
        self.assertEqual("no-store", reply.headers["cache-control"])
        return words(reply)

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, page: str = "users/new/"
    ) -> Reply:
        """Send a form with the token of `page`."""
        token = (await self.browser.get(HOME + page)).token
        return await self.browser.post(HOME + path, {"csrf_token": token} | dict(fields or {}))

    async def done(self, path: str, fields: Mapping[str, str] | None = None) -> str:
        """Send a form that is taken; what the next page says."""
        reply = await self.post(path, fields)
        self.assertEqual(303, reply.status, reply.body)
        return words(await self.browser.get(reply.headers["location"]))

    def of(self, account: Account) -> str:
        """The path of an account's page."""
        return f"users/{account.number}/"

    def aside(self, body: bytes = b"junk", **changes: Any) -> int:
        """One message of ana's more."""
        rows = self.door.quarantine.rows
        number = max(rows, default=0) + 1
        values: dict[str, Any] = {
            "number": number,
            "received": NOW,
            "door": Way.MQTT,
            "user": self.ana.number,
            "user_name": "ana",
            "device": "phone",
            "topic": "owntracks/ana/phone",
            "reason": "not JSON",
            "size": len(body),
            "body": body,
        }
        rows[number] = Aside(**(values | changes))
        return number

    async def lives_in(self, account: Account, zone: str) -> None:
        """They say so in their profile; empty: they do not."""

        def moved(profile: Profile) -> Profile:
            return evolve(profile, time_zone=zone)

        await self.accounts.set_profile(account.number, by=COMMAND_LINE, profile=moved)

    async def assert_told_in(self, zone: str, path: str) -> None:
        """Root's page there tells some times, and every one in that zone."""
        reply = await self.browser.get(path)
        self.assertEqual(200, reply.status, reply.body)
        page, times = html.unescape(reply.body.decode()), Times(zone)
        found = TIME.findall(page)
        self.assertTrue(found, path)
        for iso, text in found:
            at = datetime.fromisoformat(iso).timestamp()
            self.assertIn(text, (times.text(at), times.date(at)), path)
        # An authority has the day when it was made in its name.
        rest = re.sub(r"OU=[0-9-]+", "", TIME.sub("", page))
        self.assertEqual([], re.findall(r">[^<]*(?:\d{4}-\d\d-\d\d|\d UTC)", rest), path)

    def noted(self) -> list[tuple[str, str, str]]:
        """What root has done, says the audit log; without signing in."""
        rows = self.door.room.store.audit.rows
        mine = [one for one in rows if one.actor == "root" and one.action != "sign-in"]
        return [(one.action, one.what, one.detail) for one in mine]

    def assert_named(self, reply: Reply, field: str) -> None:
        """The page again, with the field marked and told about."""
        self.assertEqual(422, reply.status, reply.body)
        marked = re.findall(rb'<input id="([a-z_]+)"[^>]*aria-invalid="true"', reply.body)
        self.assertEqual([field.encode()], marked)
        self.assertIn(f'id="{field}-errors"'.encode(), reply.body)


def words(reply: Reply) -> str:
    """The text of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", reply.body.decode())))
