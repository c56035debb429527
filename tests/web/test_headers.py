"""What every answer carries, whoever asks for what."""

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from mytracks.web.routes import Route
from tests.web.door import Browser, Door, Reply, basic

OURS = "mytracks.web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self' ws://127.0.0.1:{port}; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types default lit-html"
)


class HeaderTests(TestCase):
    """On pages, JSON, files, refusals and mistakes."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)

    async def close(self) -> None:
        await self.door.close()

    def assert_secured(self, reply: Reply, what: object) -> None:
        """Exactly what web-ui 3 lists, and nothing about what runs here."""
        expected = {
            "content-security-policy": POLICY.format(port=self.door.port),
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "geolocation=(self), camera=(), microphone=(), payment=()",
        }
        for name, value in expected.items():
            self.assertEqual(value, reply.headers.get(name), (what, name))
        for name in ("server", "access-control-allow-origin", "strict-transport-security"):
            self.assertNotIn(name, reply.headers, what)
        self.assertIn("date", reply.headers, what)

    async def test_every_route_has_them_in_every_method(self) -> None:
        """A new route cannot forget them."""
        browser = Browser(self.door)
        await browser.sign_in()
        for route in self.door.site.router.routes:
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                path = self.path(route)
                for reply in (
                    await self.door.ask(method, path),
                    await self.door.ask(method, path, basic()),
                    await browser.ask(method, path, {}),
                ):
                    self.assertLess(reply.status, 500, (method, path, reply.body))
                    self.assert_secured(reply, (method, path))

    def path(self, route: Route) -> str:
        """The path with something in its variable parts."""
        path = route.path.replace("<path:name>", "map-ABCD2345.js")
        return path.replace("<", "").replace(">", "")

    async def test_what_is_not_there_has_them_too(self) -> None:
        """Errors are pages as well."""
        for path in (
            "/nothing",
            "/static/nothing.js",
            "/static/../setup.py",
            "/api/x",
            "//evil.example",
        ):
            for accept in ("text/html", "*/*"):
                reply = await self.door.ask("GET", path, {"Accept": accept})
                self.assertEqual(404, reply.status, path)
                self.assert_secured(reply, path)

    async def test_a_browser_is_shown_a_page_and_a_script_a_problem(self) -> None:
        """Each what it can read."""
        page = await self.door.ask("GET", "/nothing", {"Accept": "text/html,*/*"})
        self.assertIn(b"<h1>404 Not Found</h1>", page.body)
        script = await self.door.ask("GET", "/nothing")
        self.assertEqual("application/problem+json", script.headers["content-type"])
        api = await self.door.ask("GET", "/api/nothing", {"Accept": "text/html,*/*"})
        self.assertEqual("application/problem+json", api.headers["content-type"])

    async def test_each_request_is_one_line_of_the_log_without_secrets(self) -> None:
        """Set-up tokens and whatever stands in a query are nobody's to read later."""
        secret = "tell-nobody"
        with capturedLogs() as told:
            await self.door.ask("GET", f"/setup/{secret}")
            await self.door.ask("GET", f"/api/health?a={secret}", {"Cookie": f"mytracks={secret}"})
            await self.door.ask("GET", f"/nothing/{secret}", basic("ana", secret))
        lines = [formatEvent(event) for event in told if event["log_namespace"].startswith(OURS)]
        self.assertEqual(3, len(lines), lines)
        self.assertRegex(lines[1], r"\AGET /api/health 200 \d+ [\d.]+ ms\Z")
        self.assertNotIn(secret, repr(lines))

    async def test_places_are_kept_by_no_cache(self) -> None:
        """Not on a shared computer's disk."""
        browser = Browser(self.door)
        await browser.sign_in()
        for path in ("/", "/login/", "/api/locations", "/api/devices", "/api/account"):
            self.assertEqual("no-store", (await browser.get(path)).headers["cache-control"], path)
