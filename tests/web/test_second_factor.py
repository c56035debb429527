"""The second factor at the web's door: the second step, REST, and pages that need no script."""

import re
from typing import Any

import pyotp

from mytracks.people.ports import Factor
from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import CHEAP, GOOD, OTHER
from tests.web.door import Browser, Reply, basic
from tests.web.factor_case import CODES, FactorCase

CSRF = re.compile(rb'csrf[-_]token" (?:content|value)="([^"]+)"')
HERE = "/profile/second-factor"


class SecondStepTests(FactorCase):
    """After the right password, a code."""

    async def test_the_password_alone_does_not_let_in(self) -> None:
        """It leads to the second step, and nobody is signed in before that."""
        await self.turn_on()
        browser = Browser(self.door)
        reply = await browser.sign_in(wanted="/api/account")
        self.assertEqual((303, "/login/second/"), (reply.status, reply.headers["location"]))
        self.assertNotIn("mytracks", browser.cookies)
        self.assertEqual(401, (await browser.get("/api/account", Accept="*/*")).status)
        reply = await self.second_step(browser, self.shown())
        self.assertEqual((303, "/api/account"), (reply.status, reply.headers["location"]))
        self.assertEqual(200, (await browser.get("/api/account")).status)
        self.assertNotIn("mytracks-second", browser.cookies)
        stored = self.people.accounts.named("ana")
        self.assertEqual(int(self.door.room.clock.now()), stored.last_login)

    async def test_the_cookie_between_the_steps_is_good_once(self) -> None:
        """Whoever finds it later is not half way in."""
        await self.turn_on()
        browser = Browser(self.door)
        await browser.sign_in()
        kept = dict(browser.cookies)
        await self.second_step(browser, self.shown())
        other = Browser(self.door)
        other.cookies = kept
        await self.assert_begins_again(await other.get("/login/second/"))

    async def test_the_session_tells_by_what_it_began(self) -> None:
        """And the audit log does."""
        codes = await self.turn_on()
        await self.sign_in(self.shown())
        self.assertIn(
            Factor.PASSWORD | Factor.TOTP, [s.factors for s in self.people.sessions.of(self.ana)]
        )
        entry = self.door.room.store.audit.rows[-1]
        self.assertEqual(
            ("sign-in", "user:ana", "by password and code"),
            (entry.action, entry.what, entry.detail),
        )
        await self.sign_in(codes[0])
        self.assertIn(
            Factor.PASSWORD | Factor.RECOVERY,
            [s.factors for s in self.people.sessions.of(self.ana)],
        )
        self.assertEqual(["recovery.used", "sign-in"], self.actions()[-2:])

    async def test_a_wrong_code_is_told_and_can_be_typed_again(self) -> None:
        """401 and the page again; after too many 429 with the time to wait."""
        await self.turn_on()
        browser = Browser(self.door)
        await browser.sign_in()
        reply = await self.second_step(browser, self.wrong())
        self.assertEqual(401, reply.status)
        self.assertIn(b"code is wrong", reply.body)
        for number in range(5):
            reply = await self.second_step(browser, f"{self.wrong()}{number}")
        self.assertEqual(429, reply.status)
        self.assertGreater(int(reply.headers["retry-after"]), 0)
        self.pass_time(90)
        self.assertEqual(303, (await self.second_step(browser, self.shown())).status)

    async def test_a_code_opens_once(self) -> None:
        """Another browser with the same code has to wait for the next one."""
        await self.turn_on()
        code = self.shown()
        await self.sign_in(code)
        browser = Browser(self.door)
        await browser.sign_in()
        self.assertEqual(401, (await self.second_step(browser, code)).status)

    async def test_our_own_trouble_is_told_as_such(self) -> None:
        """The store is full: 503, and the code is good afterwards."""
        await self.turn_on()
        browser = Browser(self.door)
        await browser.sign_in()
        self.door.room.store.transactions.failing = True
        reply = await self.second_step(browser, self.shown())
        self.assertEqual((503, "5"), (reply.status, reply.headers["retry-after"]))
        self.door.room.store.transactions.failing = False
        self.assertEqual(303, (await self.second_step(browser, self.shown())).status)

    async def test_without_a_first_step_there_is_no_second(self) -> None:
        """Neither for a stranger, nor with a made-up cookie, nor after five minutes."""
        await self.turn_on()
        browser = Browser(self.door)
        for cookies in ({}, {"mytracks-second": "made-up"}):
            browser.cookies |= cookies
            await self.assert_begins_again(await browser.get("/login/second/"))
        await browser.sign_in()
        self.pass_time(5 * 60)
        page = await browser.get("/login/")
        fields = {"csrf_token": page.token, "code": self.shown()}
        await self.assert_begins_again(await browser.post("/login/second/", fields))

    async def test_what_became_of_the_account_meanwhile_counts(self) -> None:
        """A new password, or disabled: the first step is void."""
        await self.turn_on()
        await self.people.accounts.add("chief", GOOD, admin=True, by=COMMAND_LINE)
        accounts = self.people.accounts
        browser = Browser(self.door)
        await browser.sign_in()
        await accounts.set_password(self.ana, OTHER, by=COMMAND_LINE)
        await self.assert_begins_again(await browser.get("/login/second/"))
        await browser.sign_in(password=OTHER)
        self.assertEqual(200, (await browser.get("/login/second/")).status)
        await accounts.disable(self.ana, by=COMMAND_LINE)
        await self.assert_begins_again(await browser.get("/login/second/"))
        await accounts.enable(self.ana, by=COMMAND_LINE)
        await self.assert_begins_again(await browser.get("/login/second/"))

    async def test_the_same_password_at_other_costs_is_still_the_password(self) -> None:
        """Its hash is renewed behind the sign-in that shows it."""
        await self.turn_on()
        browser = Browser(self.door)
        await browser.sign_in()
        account = self.people.accounts.named("ana")
        await self.people.accounts.renew_hash(self.ana, account.password, "renewed")
        self.assertEqual(200, (await browser.get("/login/second/")).status)

    async def test_it_cannot_be_posted_from_another_page(self) -> None:
        """403 without our own token."""
        await self.turn_on()
        browser = Browser(self.door)
        await browser.sign_in()
        reply = await browser.post("/login/second/", {"code": self.shown()})
        self.assertEqual(403, reply.status)

    async def test_by_basic_the_password_only_publishes(self) -> None:
        """No code can be asked for there: phones go on, nobody reads."""
        await self.turn_on()
        self.assertEqual(403, (await self.door.ask("GET", "/api/account", basic())).status)
        self.assertEqual(403, (await self.door.ask("GET", "/api/locations", basic())).status)
        sent = await self.door.ask("POST", "/pub", basic(), b'{"_type":"status"}')
        self.assertEqual(200, sent.status)

    async def assert_begins_again(self, reply: Reply) -> None:
        """It leads to the first step."""
        self.assertEqual((303, "/login/"), (reply.status, reply.headers.get("location")))


class APITests(FactorCase):
    """`/api/account/totp` and `/api/account/recovery-codes`."""

    async def test_it_is_turned_on_with_a_code_of_the_app(self) -> None:
        """What goes into the app comes in three forms; recovery codes come once."""
        self.assertEqual(
            {"enabled": False, "recovery_codes_left": 0},
            (await self.browser.get("/api/account/totp")).json(),
        )
        begun = (await self.json("POST", "/api/account/totp", {})).json()
        self.assertEqual({"secret", "uri", "qr"}, set(begun))
        self.assertIn(begun["secret"], begun["uri"])
        self.assertTrue(begun["qr"].startswith("data:image/svg+xml"))
        wrong = await self.json("POST", "/api/account/totp/confirm", {"code": "abc"})
        self.assertEqual((400, ["code"]), (wrong.status, list(wrong.json()["errors"])))
        codes = await self.turn_on()
        self.assertEqual(10, len(codes))
        for code in codes:
            self.assertRegex(code, CODES)
        self.assertEqual(
            {"enabled": True, "recovery_codes_left": 10},
            (await self.browser.get("/api/account/totp")).json(),
        )
        self.assertTrue((await self.browser.get("/api/account")).json()["second_factor"])
        self.assertIn("totp.on", self.actions())

    async def test_what_comes_out_of_order_is_a_conflict(self) -> None:
        """Confirmed without a beginning, begun twice, codes of nothing."""
        for method, path, body in (
            ("POST", "/api/account/totp/confirm", {"code": "123456"}),
            ("POST", "/api/account/recovery-codes", {"current_password": GOOD}),
        ):
            self.assertEqual(409, (await self.json(method, path, body)).status, path)
        await self.turn_on()
        self.assertEqual(409, (await self.json("POST", "/api/account/totp", {})).status)

    async def test_a_browser_that_was_left_open_turns_nothing_on(self) -> None:
        """By script or by form; whoever signs in anew does, or shows the password with it."""
        self.pass_time(CHEAP.session_fresh - 1)
        self.assertEqual(200, (await self.json("POST", "/api/account/totp", {})).status)
        self.pass_time(1)
        late = await self.json("POST", "/api/account/totp", {})
        self.assertEqual(403, late.status)
        self.assertIn("Sign out and in again", late.json()["detail"])
        page = await self.browser.get("/profile/second-factor/")
        form = {"csrf_token": page.token}
        self.assertEqual(403, (await self.browser.post(f"{HERE}/begin/", form)).status)
        shown = basic("ana", GOOD)
        by_password = await Browser(self.door).ask(
            "POST", "/api/account/totp", shown | {"Content-Type": "application/json"}, b"{}"
        )
        self.assertEqual(200, by_password.status)
        self.browser = Browser(self.door)
        await self.browser.sign_in()
        self.assertEqual(200, (await self.json("POST", "/api/account/totp", {})).status)

    async def test_turning_it_off_takes_the_password_or_a_code(self) -> None:
        """A browser that was left open must not do."""
        await self.turn_on()
        for body, field in (
            ({}, "current_password"),
            ({"current_password": "wrong one"}, "current_password"),
            ({"code": self.wrong()}, "code"),
            ({"unknown": 1}, "unknown"),
        ):
            reply = await self.json("DELETE", "/api/account/totp", body)
            self.assertEqual((400, [field]), (reply.status, list(reply.json()["errors"])), body)
        told = (await self.json("DELETE", "/api/account/totp", {})).json()["errors"]
        self.assertEqual({"current_password": ["Type your password."]}, told)
        self.assertTrue(self.people.second_factor.is_on(self.ana))
        reply = await self.json("DELETE", "/api/account/totp", {"code": self.shown()})
        self.assertEqual(204, reply.status, reply.body)
        self.assertFalse(self.people.second_factor.is_on(self.ana))
        await self.turn_on()
        off = await self.json("DELETE", "/api/account/totp", {"current_password": GOOD})
        self.assertEqual(204, off.status)
        self.assertEqual(303, (await Browser(self.door).sign_in()).status)

    async def test_new_recovery_codes_replace_the_old(self) -> None:
        """With the password once more."""
        old = await self.turn_on()
        refused = await self.json("POST", "/api/account/recovery-codes", {})
        self.assertEqual(400, refused.status)
        made = await self.json("POST", "/api/account/recovery-codes", {"current_password": GOOD})
        codes = made.json()["recovery_codes"]
        self.assertFalse(set(old) & set(codes))
        await self.sign_in(codes[3])

    async def test_it_is_only_for_the_person_themselves(self) -> None:
        """Not for strangers, device passwords or tokens; and not from other pages."""
        paths = (
            ("GET", "/api/account/totp"),
            ("POST", "/api/account/totp"),
            ("DELETE", "/api/account/totp"),
            ("POST", "/api/account/totp/confirm"),
            ("POST", "/api/account/recovery-codes"),
        )
        device = await self.people.device_passwords.issue(
            self.people.accounts.named("ana"), "phone", by=COMMAND_LINE
        )
        for method, path in paths:
            self.assertEqual(401, (await self.door.ask(method, path)).status, path)
            shown = basic("ana", device.password)
            self.assertEqual(403, (await self.door.ask(method, path, shown)).status, path)
            if method != "GET":
                forged = await self.browser.ask(method, path, {"Origin": self.door.origin}, b"{}")
                self.assertEqual(403, forged.status, path)

    async def test_administrators_turn_off_that_of_others(self) -> None:
        """For whoever has lost phone and paper; their own takes the password, like anybody's."""
        await self.turn_on()
        path = f"/api/admin/users/{self.ana}/second-factor"
        chief = await self.people.accounts.add("chief", GOOD, admin=True, by=COMMAND_LINE)
        self.assertEqual(403, (await self.json("DELETE", path)).status)
        desk = Browser(self.door)
        await desk.sign_in("chief")
        for wrong, status in ((f"{chief.number}", 400), ("99", 404), ("x", 404)):
            where = f"/api/admin/users/{wrong}/second-factor"
            self.assertEqual(status, (await self.json("DELETE", where, browser=desk)).status)
        self.assertEqual(204, (await self.json("DELETE", path, browser=desk)).status)
        self.assertFalse(self.people.second_factor.is_on(self.ana))
        entry = self.door.room.store.audit.rows[-1]
        self.assertEqual(("totp.off", "user:ana", "chief"), (entry.action, entry.what, entry.actor))

    async def test_what_is_no_json_is_refused(self) -> None:
        """Wrong type, wrong media, too long."""
        bodies: list[Any] = [{"code": 123456}, {"code": "1" * 201}, {}, [], {"code": None}]
        for body in bodies:
            reply = await self.json("POST", "/api/account/totp/confirm", body)
            self.assertEqual(400, reply.status, body)


class PageTests(FactorCase):
    """`/profile/second-factor/...`: plain forms."""

    async def post(self, path: str, fields: dict[str, str], page: str = "/login/") -> Reply:
        """Send a form with the page's token."""
        token = (await self.browser.get(page)).body
        found = CSRF.search(token)
        assert found is not None, token
        return await self.browser.post(path, fields | {"csrf_token": found[1].decode()})

    async def begin(self) -> Reply:
        """As the profile's button does: the page with the secret."""
        reply = await self.post(f"{HERE}/begin/", {}, "/")
        self.assertEqual((303, f"{HERE}/set-up/"), (reply.status, reply.headers["location"]))
        page = await self.browser.get(f"{HERE}/set-up/")
        self.assertEqual(200, page.status)
        pending = self.people.second_factor.pending(self.ana)
        assert pending is not None
        self.app = pyotp.TOTP(pending.secret)
        return page

    async def test_it_is_turned_on_by_two_forms(self) -> None:
        """The secret stays the same while codes are mistyped; recovery codes end it."""
        page = await self.begin()
        self.assertIn(self.app.secret[:4].encode(), page.body)
        self.assertEqual("no-store", page.headers["cache-control"])
        wrong = await self.post(f"{HERE}/set-up/", {"code": "nonsense"}, f"{HERE}/set-up/")
        self.assertEqual(422, wrong.status)
        self.assertIn(b'"code"', wrong.body)
        done = await self.post(f"{HERE}/set-up/", {"code": self.shown()}, f"{HERE}/set-up/")
        self.assertEqual(200, done.status)
        codes = CODES.findall(done.body.decode())
        self.assertEqual(10, len(codes))
        self.assertEqual("no-store", done.headers["cache-control"])
        again = await self.browser.get(f"{HERE}/set-up/")
        self.assertEqual("/profile/second-factor/", again.headers["location"])
        self.pass_time(60)
        await self.sign_in(codes[0])

    async def test_recovery_codes_and_turning_off_take_the_password(self) -> None:
        """422 with the field named, then done."""
        await self.turn_on()
        for path in (f"{HERE}/recovery-codes/", f"{HERE}/off/"):
            self.assertEqual(200, (await self.browser.get(path)).status)
            wrong = await self.post(path, {"current_password": "wrong one"}, path)
            self.assertEqual(422, wrong.status)
            self.assertIn(b'"current_password"', wrong.body)
        made = await self.post(
            f"{HERE}/recovery-codes/", {"current_password": GOOD}, f"{HERE}/off/"
        )
        self.assertEqual(10, len(CODES.findall(made.body.decode())))
        off = await self.post(f"{HERE}/off/", {"current_password": GOOD}, f"{HERE}/off/")
        self.assertEqual((303, "/profile/second-factor/"), (off.status, off.headers["location"]))
        self.assertFalse(self.people.second_factor.is_on(self.ana))

    async def test_what_is_out_of_order_leads_back_to_the_profile(self) -> None:
        """Nothing begun, nothing on, on already."""
        for path in ("set-up", "off", "recovery-codes"):
            reply = await self.browser.get(f"{HERE}/{path}/")
            self.assertEqual(
                (303, "/profile/second-factor/"), (reply.status, reply.headers["location"]), path
            )
        await self.turn_on()
        reply = await self.post(f"{HERE}/begin/", {}, "/")
        self.assertEqual("/profile/second-factor/", reply.headers["location"])

    async def test_too_many_wrong_passwords_and_our_trouble_are_told(self) -> None:
        """429 and 503, on the same page."""
        await self.turn_on()
        path = f"{HERE}/off/"
        self.door.room.store.transactions.failing = True
        reply = await self.post(path, {"current_password": GOOD}, path)
        self.assertEqual((503, "5"), (reply.status, reply.headers["retry-after"]))
        self.door.room.store.transactions.failing = False
        for number in range(7):
            reply = await self.post(path, {"current_password": f"wrong one {number}"}, path)
        self.assertEqual(429, reply.status)
        self.assertTrue(self.people.second_factor.is_on(self.ana))

    async def test_strangers_and_other_pages_get_nowhere(self) -> None:
        """To the sign-in page; 403 without our token."""
        for path in ("set-up", "off", "recovery-codes"):
            reply = await Browser(self.door).get(f"{HERE}/{path}/")
            self.assertTrue(reply.headers["location"].startswith("/login/"))
            self.assertEqual(403, (await self.browser.post(f"{HERE}/{path}/", {})).status)
