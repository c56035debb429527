"""Pages: set-up, the map, files."""

import json

from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.sharing.identity import COMMAND_LINE
from mytracks.tracks.locations import Recorded
from mytracks.web.assets import FrontEndMissing, find_assets
from mytracks.web.pages.setup import SetupToken
from tests.people.room import GOOD
from tests.tracks.memory import NOW, PHONE, fix
from tests.web.door import Browser, Door


class SetupTests(TestCase):
    """The first administrator."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.browser = Browser(self.door)
        self.path = self.door.setup.path

    async def close(self) -> None:
        await self.door.close()

    async def send(self, name: str, password: str = GOOD) -> int:
        page = await self.browser.get(self.path)
        fields = {"csrf_token": page.token, "username": name, "password": password}
        self.reply = await self.browser.post(self.path, fields)
        return self.reply.status

    async def test_it_makes_an_administrator_who_is_signed_in_at_once(self) -> None:
        """The first thing that a new owner does must just work."""
        self.assertEqual(303, await self.send("Boss"))
        self.assertEqual("/", self.reply.headers["location"])
        account = (await self.browser.get("/api/account")).json()
        self.assertEqual(("boss", True), (account["username"], account["is_staff"]))

    async def test_it_works_once(self) -> None:
        """Afterwards the address is as if it had never been."""
        page = await self.browser.get(self.path + "/")
        await self.send("boss")
        self.assertEqual(404, (await self.browser.get(self.path)).status)
        late = Browser(self.door)
        late.cookies = {"mytracks-start": "x"}
        fields = {"csrf_token": page.token, "username": "other", "password": GOOD}
        self.assertIn((await late.post(self.path, fields)).status, (403, 404))
        self.assertIsNone(self.door.people.accounts.find("other"))

    async def test_another_token_opens_nothing(self) -> None:
        """Guessing is answered like any address that is not there."""
        for token in ("x", self.door.setup.text[:-1], self.door.setup.text + "x", "%C3%A4"):
            self.assertEqual(404, (await self.browser.get(f"/setup/{token}")).status, token)
        self.assertEqual(404, (await self.browser.get("/setup/")).status)

    async def test_what_is_wrong_is_told_by_field(self) -> None:
        """And what was typed is still there."""
        self.assertEqual(422, await self.send("No Such Name!"))
        self.assertIn(b"username: ", self.reply.body)
        self.assertIn(b"No Such Name!", self.reply.body)
        self.assertEqual(422, await self.send("boss", "short"))
        self.assertIn(b"password: ", self.reply.body)
        self.assertEqual(422, await self.send("ana"))
        self.assertIsNone(self.door.people.accounts.find("boss"))

    async def test_it_cannot_be_sent_from_another_page(self) -> None:
        """Whoever learns the address still needs the owner's browser."""
        fields = {"username": "boss", "password": GOOD}
        self.assertEqual(403, (await self.browser.post(self.path, fields)).status)
        await self.browser.get(self.path)
        wrong = await self.browser.post(self.path, fields | {"csrf_token": "x"})
        self.assertEqual(403, wrong.status)

    async def test_the_sign_in_page_says_how_to_begin_until_somebody_administrates(self) -> None:
        """Who opens the bare address first would see a form that nobody can fill in. The secret
        is not told there."""
        door = await Door(assets=find_assets()).open()
        self.addCleanup(door.close)
        before = (await Browser(door).get("/login/")).body.decode()
        self.assertIn("mytracks user add NAME --admin", before)
        self.assertNotIn(door.setup.text, before)
        await door.people.accounts.add("boss", GOOD, admin=True, by=COMMAND_LINE)
        after = (await Browser(door).get("/login/")).body.decode()
        self.assertNotIn("mytracks user add", after)

    def test_the_token_is_long_new_and_not_in_any_log(self) -> None:
        """It is the key of the house until somebody lives there."""
        one, two = SetupToken(), SetupToken()
        self.assertNotEqual(one.text, two.text)
        self.assertGreaterEqual(len(one.text), 32)
        self.assertNotIn(one.text, repr(one))


class MapTests(TestCase):
    """`/`"""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.browser = Browser(self.door)

    async def close(self) -> None:
        await self.door.close()

    async def test_it_comes_with_what_it_needs_to_be_drawn(self) -> None:
        """The list is there before any script ran or any request was made."""
        self.door.store(PHONE, Recorded(PHONE, fix(NOW, trigger="</script><b>")))
        await self.browser.sign_in()
        page = await self.browser.get("/")
        data = json.loads(page.body.split(b'id="page-data">')[1].split(b"</script>")[0])
        self.assertEqual({"name": "ana", "display": "ana", "admin": False}, data["viewer"])
        self.assertEqual(["ana/phone"], [one["id"] for one in data["devices"]])
        self.assertEqual(["</script><b>"], [one["trigger"] for one in data["last_known"]])
        self.assertEqual("/ws/locations/", data["live"])
        self.assertEqual(self.door.tracks.live.number, data["seq"])
        self.assertEqual(self.door.tracks.live.startup, data["server_startup"])
        self.assertEqual(
            {"host": "127.0.0.1", "mqtt_port": 1883, "url": f"{self.door.origin}/pub"},
            data["phone"],
        )
        self.assertIn(b"/static/map-ABCD2345.js", page.body)

    async def test_a_phone_is_not_told_an_address_that_only_this_machine_knows(self) -> None:
        """Whoever opens the URL in the log sees `localhost`; a phone would look at itself."""
        self.door.own_address = "192.168.1.5"
        await self.browser.sign_in()
        page = await self.browser.get("/")
        data = json.loads(page.body.split(b'id="page-data">')[1].split(b"</script>")[0])
        port = self.door.origin.rpartition(":")[2]
        self.assertEqual("192.168.1.5", data["phone"]["host"])
        self.assertEqual(f"http://192.168.1.5:{port}/pub", data["phone"]["url"])


class StaticTests(TestCase):
    """Files of the front end."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)

    async def close(self) -> None:
        await self.door.close()

    async def test_the_best_encoding_that_the_browser_takes_is_sent(self) -> None:
        """Brotli where offered, which browsers do by TLS only; gzip else; plain to the rest."""
        for accepted, encoding, body in (
            ("gzip, deflate, br", "br", b"brotli"),
            ("gzip, deflate", "gzip", b"gzipped"),
            ("br;q=0, gzip", "gzip", b"gzipped"),
            ("identity", None, b"plain script"),
        ):
            headers = {"Accept-Encoding": accepted}
            reply = await self.door.ask("GET", "/static/map-ABCD2345.js", headers)
            self.assertEqual(body, reply.body, accepted)
            self.assertEqual(encoding, reply.headers.get("content-encoding"))
            self.assertEqual("Accept-Encoding", reply.headers["vary"])
            self.assertEqual("text/javascript; charset=utf-8", reply.headers["content-type"])

    async def test_what_is_named_by_its_content_is_kept_for_ever(self) -> None:
        """And nothing else is."""
        hashed = await self.door.ask("GET", "/static/mark-0123456789.svg")
        self.assertEqual("public, max-age=31536000, immutable", hashed.headers["cache-control"])
        for path in ("/static/notes.txt", "/favicon.ico"):
            other = await self.door.ask("GET", path)
            self.assertEqual(200, other.status)
            self.assertEqual("public, max-age=3600", other.headers["cache-control"], path)

    async def test_nothing_outside_can_be_read(self) -> None:
        """Not by dots, not by their codes, not by a type that we do not build."""
        for path in (
            "../templates/login.html",
            "..%2ftemplates%2flogin.html",
            "%2e%2e/templates/login.html",
            "/etc/passwd",
            "secret.pem",
            "manifest.json%00.js",
            ".hidden.js",
            "map-ABCD2345.js.br",
        ):
            self.assertEqual(404, (await self.door.ask("GET", f"/static/{path}")).status, path)


class FrontEndTests(SynchronousTestCase):
    """The front end of this very checkout, if it was built."""

    def test_it_is_found_or_missed_with_one_sentence(self) -> None:
        """Whoever forgot to build it is told what to do."""
        try:
            assets = find_assets()
        except FrontEndMissing as missing:
            self.assertIn("pip install -e .", str(missing))
            return
        self.assertTrue(assets.url("map.ts").startswith("/static/"))
        self.assertRaises(KeyError, assets.url, "no-such-thing.ts")


class TemplateTests(TestCase):
    """The real templates, with what the pages hand them."""

    async def test_every_page_is_drawn_by_its_real_template(self) -> None:
        """A name that a template misspells is an error, not an empty place."""
        try:
            real = find_assets()
        except FrontEndMissing as missing:
            self.skipTest(str(missing))
        door = await Door(assets=real).open()
        self.addCleanup(door.close)
        browser = Browser(door)
        for path in ("/login/", door.setup.path, "/nothing"):
            page = await browser.get(path)
            self.assertIn(b"<!doctype html>", page.body, path)
            # Without it browsers call our own forms' origin `null` where there is no TLS.
            self.assertIn(b'<meta name="referrer" content="same-origin">', page.body, path)
        self.assertEqual(401, (await browser.sign_in("ana", "wrong")).status)
        door.store(PHONE, Recorded(PHONE, fix(NOW)))
        await browser.sign_in()
        page = await browser.get("/")
        self.assertEqual(200, page.status)
        self.assertIn(b'<meta name="csrf-token" content="', page.body)
