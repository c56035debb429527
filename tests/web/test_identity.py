"""Who comes in over HTTP, and whose requests are refused because another site made them."""

from ipaddress import ip_network

from twisted.trial.unittest import TestCase

from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import GOOD
from tests.web.door import Browser, Door, basic

FOREIGN = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})


class SignInTests(TestCase):
    """Sessions of browsers."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.browser = Browser(self.door)

    async def close(self) -> None:
        await self.door.close()

    async def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(self) -> None:
        """HttpOnly and SameSite=Lax: a hole in a page must not give the session away."""
        reply = await self.browser.sign_in()
        self.assertEqual((303, "/"), (reply.status, reply.headers["location"]))
        line = next(c for c in reply.cookies if c.startswith("mytracks="))
        self.assertIn("HttpOnly", line)
        self.assertIn("SameSite=Lax", line)
        self.assertNotIn("Domain", line)
        self.assertEqual(200, (await self.browser.get("/api/account")).status)

    async def test_signing_out_ends_the_session_whoever_kept_its_cookie(self) -> None:
        """The shared computer at the library."""
        await self.browser.sign_in()
        thief = Browser(self.door)
        thief.cookies = dict(self.browser.cookies)
        out = await self.browser.post("/logout/", {"csrf_token": await self.token()})
        self.assertEqual((303, "/login/"), (out.status, out.headers["location"]))
        self.assertEqual(401, (await thief.get("/api/account")).status)

    async def token(self) -> str:
        """A token for the session, as a page carries it."""
        page = await self.browser.get("/")
        return page.body.split(b'content="')[1].split(b'"')[0].decode()

    async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(self) -> None:
        """Nobody learns who has an account here."""
        wrong = await Browser(self.door).sign_in("ana", "not it")
        unknown = await Browser(self.door).sign_in("who", "not it")
        self.assertEqual((401, 401), (wrong.status, unknown.status))
        texts = [r.body.split(b"The user")[1].split(b"|")[0] for r in (wrong, unknown)]
        self.assertEqual(texts[0], texts[1])

    async def test_a_stranger_is_led_to_the_form_and_then_on(self) -> None:
        """Following a link from a mail must not end on the start page."""
        reply = await self.browser.get("/?mode=day&who=ana/phone")
        self.assertEqual(303, reply.status)
        self.assertEqual("/login/?next=/%3Fmode%3Dday%26who%3Dana/phone", reply.headers["location"])
        page = await self.browser.get(reply.headers["location"])
        self.assertIn(b'value="/?mode=day&amp;who=ana/phone"', page.body)
        self.assertEqual(
            "/x?y=1", (await self.browser.sign_in(wanted="/x?y=1")).headers["location"]
        )

    async def test_who_is_signed_in_does_not_see_the_form(self) -> None:
        """A bookmark of the sign-in page leads to the map."""
        await self.browser.sign_in()
        reply = await self.browser.get("/login/?next=/devices/")
        self.assertEqual((303, "/devices/"), (reply.status, reply.headers["location"]))

    async def test_too_many_failures_are_told_to_wait(self) -> None:
        """Guessing gets slow; the form says how long."""
        for _ in range(5):
            await Browser(self.door).sign_in("ana", "guess")
        reply = await Browser(self.door).sign_in("ana", "another guess")
        self.assertEqual(429, reply.status)
        self.assertGreaterEqual(int(reply.headers["retry-after"]), 1)
        again = await self.door.ask("GET", "/api/account", basic("ana", "a third guess"))
        self.assertEqual(429, again.status)
        phone = await self.door.ask("POST", "/pub", basic("ana", "a fourth"), b"{}")
        self.assertEqual(503, phone.status)
        self.assertIn("retry-after", phone.headers)

    async def test_signing_in_again_ends_the_session_of_before(self) -> None:
        """One browser, one session: the old cookie is worth nothing."""
        await self.browser.sign_in()
        thief = Browser(self.door)
        thief.cookies = dict(self.browser.cookies)
        fields = {"csrf_token": await self.token(), "username": "ana", "password": GOOD}
        self.assertEqual(303, (await self.browser.post("/login/", fields)).status)
        self.assertEqual(401, (await thief.get("/api/account")).status)


class CredentialTests(TestCase):
    """Basic, beside and against cookies."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)

    async def close(self) -> None:
        await self.door.close()

    async def test_authorization_is_the_only_thing_that_counts_where_there_is_one(self) -> None:
        """A script with wrong credentials must not act as whoever's browser it runs in."""
        browser = Browser(self.door)
        await browser.sign_in()
        reply = await browser.ask("GET", "/api/account", basic("ana", "wrong"))
        self.assertEqual(401, reply.status)
        reply = await browser.ask("GET", "/api/account", {"Authorization": "Bearer mt_u_x"})
        self.assertEqual(401, reply.status)

    async def test_what_cannot_be_read_is_nobody(self) -> None:
        """No header makes it stumble."""
        for value in ("", "Basic", "Basic !", "Basic bm9jb2xvbg==", "Basic //46eA==", "Digest x"):
            reply = await self.door.ask("GET", "/api/account", {"Authorization": value})
            self.assertEqual(401, reply.status, value)

    async def test_a_device_password_comes_in_as_its_user(self) -> None:
        """A phone that signs in with its own password can be asked for its places, too."""
        ana = self.door.people.accounts.named("ana")
        issued = await self.door.people.device_passwords.issue(ana, "phone")
        reply = await self.door.ask("GET", "/api/account", basic("ana", issued.password))
        self.assertEqual(200, reply.status)

    async def test_browsers_are_not_made_to_ask_for_a_password_in_a_window_of_their_own(
        self,
    ) -> None:
        """WWW-Authenticate is for scripts and phones; our pages lead to the form instead."""
        script = await self.door.ask("GET", "/api/account")
        self.assertTrue(script.headers["www-authenticate"].startswith("Basic "))
        page = await self.door.ask("GET", "/api/account", {"Sec-Fetch-Mode": "cors"})
        self.assertEqual(401, page.status)
        self.assertNotIn("www-authenticate", page.headers)
        expired = await self.door.ask("GET", "/api/account", {"Cookie": "mytracks=expired"})
        self.assertNotIn("www-authenticate", expired.headers)
        phone = await self.door.ask("POST", "/pub", {"Sec-Fetch-Mode": "cors"}, b"{}")
        self.assertIn("www-authenticate", phone.headers)


class ForgeryTests(TestCase):
    """Other sites' pages in the same browser."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.browser = Browser(self.door)
        await self.browser.sign_in()
        page = await self.browser.get("/")
        self.token = page.body.split(b'content="')[1].split(b'"')[0].decode()

    async def close(self) -> None:
        await self.door.close()

    async def test_an_unsafe_method_without_the_token_is_refused_before_all_else(self) -> None:
        """Also where there is nothing, and where the method does not exist."""
        for method, path in (
            ("POST", "/logout/"),
            ("POST", "/pub"),
            ("POST", "/api/locations"),
            ("POST", "/login/"),
            ("PATCH", "/api/account"),
            ("DELETE", "/api/nothing"),
        ):
            for headers in ({}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": ""}):
                reply = await self.browser.ask(method, path, headers, b"{}")
                self.assertEqual(403, reply.status, (method, path, headers))
                self.assertEqual("application/problem+json", reply.headers["content-type"])
        self.assertEqual(200, (await self.browser.get("/api/account")).status)

    async def test_the_token_opens_as_a_header_and_as_a_form_field(self) -> None:
        """Scripts use the one, forms the other."""
        headers = {"X-CSRF-Token": self.token}
        self.assertEqual(405, (await self.browser.ask("PUT", "/api/account", headers)).status)
        self.assertEqual(200, (await self.browser.ask("POST", "/pub", headers, b"{}")).status)
        self.assertEqual(
            303, (await self.browser.post("/logout/", {"csrf_token": self.token})).status
        )

    async def test_another_sessions_token_does_not_fit(self) -> None:
        """An attacker may have an account here."""
        await self.door.people.accounts.add("eve", GOOD, by=COMMAND_LINE)
        other = Browser(self.door)
        await other.sign_in("eve")
        page = await other.get("/")
        token = page.body.split(b'content="')[1].split(b'"')[0].decode()
        self.assertEqual(403, (await self.browser.post("/logout/", {"csrf_token": token})).status)

    async def test_the_token_of_before_the_sign_in_is_worth_nothing_after(self) -> None:
        """It belongs to a cookie that anybody can be given."""
        start = Browser(self.door)
        page = await start.get("/login/")
        self.browser.cookies |= start.cookies
        reply = await self.browser.post("/logout/", {"csrf_token": page.token})
        self.assertEqual(403, reply.status)

    async def test_another_origin_is_refused_even_with_the_right_token(self) -> None:
        """The browser says where it comes from; two locks are better than one."""
        for headers in FOREIGN:
            reply = await self.browser.post("/logout/", {"csrf_token": self.token}, headers)
            self.assertEqual(403, reply.status, headers)
        self.assertEqual(200, (await self.browser.get("/api/account")).status)

    async def test_another_origin_is_refused_with_basic_too(self) -> None:
        """Browsers remember Basic and send it along with anybody's form."""
        for headers in FOREIGN:
            reply = await self.door.ask("POST", "/pub", basic() | headers, b"{}")
            self.assertEqual(403, reply.status, headers)

    async def test_the_browsers_own_word_counts_more_than_a_host_that_a_proxy_rewrote(
        self,
    ) -> None:
        """A proxy that changes Host must not lock everybody out."""
        headers = {"Origin": "https://tracks.example", "Sec-Fetch-Site": "same-origin"}
        reply = await self.browser.post("/logout/", {"csrf_token": self.token}, headers)
        self.assertEqual(303, reply.status)

    async def test_nobody_is_signed_in_by_another_sites_form(self) -> None:
        """Else a page signs its visitor in as somebody else, who then sees their places."""
        start = Browser(self.door)
        page = await start.get("/login/")
        fields = {"csrf_token": page.token, "username": "ana", "password": GOOD}
        for headers in FOREIGN:
            self.assertEqual(403, (await start.post("/login/", fields, headers)).status)
        start.cookies.clear()
        self.assertEqual(403, (await start.post("/login/", fields)).status)
        self.assertEqual(403, (await start.post("/login/", fields | {"csrf_token": "x"})).status)


class PublicAddressTests(TestCase):
    """Behind a proxy, and where TLS ends."""

    async def opened(self, **options: object) -> Door:
        door = await Door(**options).open()  # type: ignore[arg-type]
        self.addCleanup(door.close)
        return door

    async def test_the_public_origin_is_ours(self) -> None:
        """The proxy's name is in the browser's address bar, not the one we listen on."""
        door = await self.opened(public_url="https://tracks.example")
        browser = Browser(door)
        page = await browser.get("/login/")
        fields = {"csrf_token": page.token, "username": "ana", "password": GOOD}
        origin = {"Origin": "https://tracks.example"}
        self.assertEqual(303, (await browser.post("/login/", fields, origin)).status)

    async def test_by_tls_the_cookie_is_secure_and_bound_to_the_host(self) -> None:
        """`__Host-` and Secure: no plain connection and no sub-domain can set or see it."""
        door = await self.opened(proxies=[ip_network("127.0.0.0/8")])
        browser = Browser(door)
        https = {"X-Forwarded-Proto": "https"}
        page = await browser.get("/login/", **https)
        self.assertTrue(any(c.startswith("__Host-mytracks-start=") for c in page.cookies))
        fields = {"csrf_token": page.token, "username": "ana", "password": GOOD}
        reply = await browser.post("/login/", fields, https)
        line = next(c for c in reply.cookies if c.startswith("__Host-mytracks="))
        self.assertIn("; Secure", line)
        self.assertEqual(200, (await browser.get("/api/account", **https)).status)
        self.assertEqual(401, (await browser.get("/api/account")).status)

    async def test_forwarding_headers_of_anybody_else_are_nothing(self) -> None:
        """Else every failed sign-in could come from another address."""
        door = await self.opened()
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        page = await Browser(door).get("/login/", **headers)
        self.assertTrue(any(c.startswith("mytracks-start=") for c in page.cookies))
