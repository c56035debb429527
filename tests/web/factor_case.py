"""A browser in front of the door, an app with codes, and JSON of a page's own script."""

import re
from typing import Any

import msgspec
import pyotp
from twisted.trial.unittest import TestCase

from mytracks.people.second_factor import STEP
from tests.people.room import GOOD
from tests.web.door import Browser, Door, Reply

CODES = re.compile(r"(?:[a-z2-7]{4}-){5}[a-z2-7]{4}")


class FactorCase(TestCase):
    """A door with ana, and her browser, which is signed in. `app`: what is on her phone."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.door.close)
        self.people = self.door.people
        self.browser = Browser(self.door)
        await self.browser.sign_in()
        self.ana = self.people.accounts.named("ana").number

    async def json(
        self,
        method: str,
        path: str,
        body: Any = None,
        browser: Browser | None = None,
        **headers: str,
    ) -> Reply:
        """One request of a page's script, with the page's token."""
        asking = browser or self.browser
        token = (await asking.get("/" if "mytracks" in asking.cookies else "/login/")).body
        found = re.search(rb'csrf[-_]token" (?:content|value)="([^"]+)"', token)
        assert found is not None, token
        known = {"X-CSRF-Token": found[1].decode(), "Origin": self.door.origin}
        sent = None
        if body is not None:
            sent, known["Content-Type"] = msgspec.json.encode(body), "application/json"
        return await asking.ask(method, path, known | headers, sent)

    async def turn_on(self) -> list[str]:
        """The second factor of ana by REST; her recovery codes. Then a minute passes."""
        begun = (await self.json("POST", "/api/account/totp", {})).json()
        self.app = pyotp.TOTP(begun["secret"])
        on = await self.json("POST", "/api/account/totp/confirm", {"code": self.shown()})
        self.assertEqual(200, on.status, on.body)
        self.pass_time(2 * STEP)
        codes: list[str] = on.json()["recovery_codes"]
        return codes

    def shown(self, steps: int = 0) -> str:
        """What the app shows now, or so many steps later."""
        return self.app.at(self.door.room.clock.now(), counter_offset=steps)

    def wrong(self) -> str:
        """A code that the app does not show."""
        near = {self.shown(steps) for steps in range(-3, 4)}
        return next(f"{n:06}" for n in range(20) if f"{n:06}" not in near)

    def pass_time(self, seconds: float) -> None:
        """The clock goes on."""
        self.door.room.timers.advance(seconds)

    async def second_step(self, browser: Browser, code: str) -> Reply:
        """Answer the page that asks for a code."""
        page = await browser.get("/login/second/")
        return await browser.post("/login/second/", {"csrf_token": page.token, "code": code})

    async def sign_in(self, code: str, password: str = GOOD, wanted: str = "/") -> Browser:
        """Both steps, in a new browser."""
        browser = Browser(self.door)
        reply = await browser.sign_in(password=password, wanted=wanted)
        self.assertEqual("/login/second/", reply.headers.get("location"), reply)
        self.assertEqual(wanted, (await self.second_step(browser, code)).headers["location"])
        return browser

    def actions(self) -> list[str]:
        """What the audit log says was done."""
        return [entry.action for entry in self.door.room.store.audit.rows]
