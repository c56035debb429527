"""Passkeys at the web's door: added in a browser that is signed in, used before sign-in."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.people.challenges import Site
from mytracks.people.ports import Factor
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.web import passkey_site
from tests.people.authenticator import Authenticator
from tests.people.room import CHEAP, GOOD
from tests.web.door import Browser, Reply, basic
from tests.web.factor_case import FactorCase

LIST = "/api/account/passkeys"


class PasskeyCase(FactorCase):
    """Ana's phone makes passkeys of `localhost`: an address has none."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.host = f"localhost:{self.door.port}"
        self.phone = Authenticator(f"http://{self.host}", "localhost")

    async def there(
        self, method: str, path: str, body: Any = None, browser: Browser | None = None
    ) -> Reply:
        """A request of a page that was opened at `localhost`."""
        return await self.json(
            method, path, body, browser, Host=self.host, Origin=f"http://{self.host}"
        )

    async def add(self, name: str = "Phone", phone: Authenticator | None = None) -> Reply:
        """Make a passkey and hand it in."""
        options = await self.there("POST", f"{LIST}/options", {})
        self.assertEqual(200, options.status, options.body)
        credential = (phone or self.phone).make(options.json())
        return await self.there("POST", LIST, {"credential": credential, "name": name})

    async def sign_in_by(self, phone: Authenticator, wanted: str = "/") -> tuple[Browser, Reply]:
        """In a new browser, with a passkey."""
        browser = Browser(self.door)
        options = await self.there("POST", "/login/passkey/options", {}, browser)
        self.assertEqual(200, options.status, options.body)
        body = {"credential": phone.sign(options.json()), "next": wanted}
        return browser, await self.there("POST", "/login/passkey/finish", body, browser)


class AddingTests(PasskeyCase):
    """`/api/account/passkeys`."""

    async def test_a_browser_that_was_left_open_adds_none(self) -> None:
        """A passkey outlasts a new password."""
        self.pass_time(CHEAP.session_fresh)
        late = await self.there("POST", f"{LIST}/options", {})
        self.assertEqual(403, late.status)
        self.assertIn("Sign out and in again", late.json()["detail"])

    async def test_a_passkey_is_added_listed_and_removed(self) -> None:
        """With its name and dates; what opens the door is not told."""
        made = await self.add("Ana's phone")
        self.assertEqual(201, made.status, made.body)
        page = (await self.browser.get(LIST)).json()
        self.assertEqual([made.json()], page["results"])
        self.assertEqual({"count": 1, "next": None, "previous": None}, _beside(page))
        one = page["results"][0]
        self.assertEqual(("Ana's phone", None), (one["name"], one["last_used_at"]))
        self.assertEqual(
            {"id", "name", "created_at", "last_used_at", "transports", "backed_up"}, set(one)
        )
        for expected in (204, 404):
            reply = await self.json("DELETE", f"{LIST}/{one['id']}")
            self.assertEqual(expected, reply.status)
        self.assertEqual(0, (await self.browser.get(LIST)).json()["count"])
        self.assertEqual(["passkey.add", "passkey.remove"], self.actions()[-2:])

    async def test_those_of_others_are_neither_seen_nor_removed(self) -> None:
        """404, as if they were not there."""
        made = (await self.add()).json()
        await self.people.accounts.add("ben", GOOD, by=COMMAND_LINE)
        ben = Browser(self.door)
        await ben.sign_in("ben")
        self.assertEqual(0, (await ben.get(LIST)).json()["count"])
        reply = await self.json("DELETE", f"{LIST}/{made['id']}", browser=ben)
        self.assertEqual(404, reply.status)
        for odd in ("0", "x", "9" * 30, "-1"):
            self.assertEqual(404, (await self.json("DELETE", f"{LIST}/{odd}")).status)

    async def test_at_an_address_there_are_no_passkeys(self) -> None:
        """And the answer says why."""
        for path in (f"{LIST}/options", "/login/passkey/options"):
            reply = await self.json("POST", path, {})
            self.assertEqual(400, reply.status)
            self.assertIn("IP address", reply.json()["detail"])

    async def test_what_does_not_fit_is_refused_with_its_field(self) -> None:
        """Nothing was begun, the same again, no answer at all, too long a name."""
        options = (await self.there("POST", f"{LIST}/options", {})).json()
        credential = self.phone.make(options)
        for body, field in (
            ({}, "credential"),
            ({"credential": 1}, "credential"),
            ({"credential": {}}, "credential"),
            ({"credential": credential, "name": "x" * 61}, "name"),
            ({"credential": credential, "other": 1}, "other"),
        ):
            reply = await self.there("POST", LIST, body)
            self.assertEqual((400, [field]), (reply.status, list(reply.json()["errors"])), body)
        self.assertEqual(400, (await self.there("POST", LIST, {"credential": credential})).status)
        self.assertEqual(0, (await self.browser.get(LIST)).json()["count"])

    async def test_they_are_only_for_browsers_that_are_signed_in(self) -> None:
        """Neither for strangers nor for devices; by Basic they are listed, not made."""
        for method, path in (("GET", LIST), ("POST", LIST), ("POST", f"{LIST}/options")):
            self.assertEqual(401, (await self.door.ask(method, path)).status)
        device = await self.people.device_passwords.issue(
            self.people.accounts.named("ana"), "phone", by=COMMAND_LINE
        )
        shown = basic("ana", device.password)
        self.assertEqual(403, (await self.door.ask("GET", LIST, shown)).status)
        self.assertEqual(200, (await self.door.ask("GET", LIST, basic())).status)
        headers = basic() | {"Host": self.host}
        self.assertEqual(403, (await self.door.ask("POST", f"{LIST}/options", headers)).status)
        forged = await self.browser.ask("POST", f"{LIST}/options", {"Host": self.host}, b"{}")
        self.assertEqual(403, forged.status)


class SigningInTests(PasskeyCase):
    """`/login/passkey/...`."""

    async def test_a_passkey_lets_in_without_any_password(self) -> None:
        """Where the second factor is on, too: it is both; and the answer says where to go."""
        await self.add()
        await self.turn_on()
        browser, reply = await self.sign_in_by(self.phone, "/api/account")
        self.assertEqual((200, {"next": "/api/account"}), (reply.status, reply.json()))
        self.assertEqual("ana", (await browser.get("/api/account")).json()["username"])
        factors = [session.factors for session in self.people.sessions.of(self.ana)]
        self.assertIn(Factor.PASSKEY, factors)
        entry = self.door.room.store.audit.rows[-1]
        self.assertEqual(("sign-in", "by passkey"), (entry.action, entry.detail))
        self.assertIsNotNone((await self.browser.get(LIST)).json()["results"][0]["last_used_at"])

    async def test_it_leads_to_our_own_pages_only(self) -> None:
        """Wherever the script asks to go."""
        await self.add()
        for wanted in ("//evil.example", "https://evil.example", "/\\evil.example"):
            _, reply = await self.sign_in_by(self.phone, wanted)
            self.assertEqual({"next": "/"}, reply.json())

    async def test_another_passkey_lets_nobody_in(self) -> None:
        """401, and no cookie."""
        await self.add()
        stranger = Authenticator(f"http://{self.host}", "localhost")
        browser, reply = await self.sign_in_by(stranger)
        self.assertEqual(401, reply.status)
        self.assertNotIn("mytracks", browser.cookies)

    async def test_what_another_browser_signed_lets_nobody_in(self) -> None:
        """A challenge belongs to the browser that asked for it."""
        await self.add()
        asked, other = Browser(self.door), Browser(self.door)
        options = (await self.there("POST", "/login/passkey/options", {}, asked)).json()
        body = {"credential": self.phone.sign(options)}
        reply = await self.there("POST", "/login/passkey/finish", body, other)
        self.assertEqual(401, reply.status)
        self.assertEqual(
            200, (await self.there("POST", "/login/passkey/finish", body, asked)).status
        )

    async def test_it_cannot_be_asked_for_from_another_page(self) -> None:
        """403 without our own token."""
        browser = Browser(self.door)
        await browser.get("/login/")
        for path in ("/login/passkey/options", "/login/passkey/finish"):
            reply = await browser.ask("POST", path, {"Origin": self.door.origin}, b"{}")
            self.assertEqual(403, reply.status)

    async def test_a_removed_passkey_opens_nothing_any_more(self) -> None:
        """By the profile's form, which asks first."""
        made = (await self.add()).json()
        path = f"/profile/second-factor/passkeys/{made['id']}/remove/"
        page = await self.browser.get(path)
        self.assertIn(b"Phone", page.body)
        reply = await self.browser.post(path, {"csrf_token": page.token})
        self.assertEqual(
            (303, "/profile/second-factor/"), (reply.status, reply.headers["location"])
        )
        self.assertEqual(404, (await self.browser.get(path)).status)
        _, refused = await self.sign_in_by(self.phone)
        self.assertEqual(401, refused.status)


class SiteTests(SynchronousTestCase):
    """Which site a page's passkeys belong to."""

    def site(self, host: str, public_url: str | None = None, *, secure: bool = False) -> Site | str:
        """The site, or what is in the way."""
        request: Any = _Asked(host, secure)
        try:
            return passkey_site.site(request, public_url)
        except Invalid as error:
            return str(error)

    def test_the_public_name_is_the_site(self) -> None:
        """Whatever scheme a proxy speaks to us; other names are told where to go."""
        public = "https://tracks.example"
        self.assertEqual(Site("tracks.example", public), self.site("Tracks.example", public))
        self.assertIn(public, str(self.site("localhost:8080", public)))
        odd = "https://tracks.example:8443"
        self.assertEqual(Site("tracks.example", odd), self.site("tracks.example:8443", odd))

    def test_without_one_it_is_the_name_in_the_address_bar(self) -> None:
        """By TLS, or on this very machine."""
        self.assertEqual(Site("nas.lan", "https://nas.lan"), self.site("nas.lan", secure=True))
        local = Site("localhost", "http://localhost:8080")
        self.assertEqual(local, self.site("localhost:8080"))
        self.assertIn("HTTPS", str(self.site("nas.lan")))

    def test_an_address_is_no_name(self) -> None:
        """IPv4 and IPv6, with and without a port, also as the public one."""
        for host in ("192.0.2.1", "127.0.0.1:8080", "[::1]:8080", "[fe80::1]"):
            self.assertIn("IP address", str(self.site(host, secure=True)))
        self.assertIn("IP address", str(self.site("192.0.2.1", "https://192.0.2.1")))


class _Asked:
    """What of a request the site depends on."""

    def __init__(self, host: str, secure: bool) -> None:
        self.host_name = host
        self.hop = self
        self.secure = secure


def _beside(page: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in page.items() if name != "results"}
