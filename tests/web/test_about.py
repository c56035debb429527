"""The page that says what to type into a phone, and the API to read."""

import re

from twisted.trial.unittest import TestCase

from mytracks.clock import iso
from mytracks.health import health
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.web.assets import find_assets
from mytracks.web.phone_settings import Endpoints, PhoneSettings
from tests.people.room import GOOD
from tests.web.admin import words
from tests.web.door import VERSION, Browser, Door


class Page:
    """A request of which only the address counts by which it came."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def absolute(self, path: str) -> str:
        """As a request says it."""
        return self.origin + path


def endpoints(
    origin: str,
    public_url: str | None = None,
    https: int | None = None,
    mqtt_tls: int | None = None,
    own: str | None = None,
) -> Endpoints:
    """What is told to somebody who came by `origin`, where HTTP and MQTT listen at 8080, 1883."""
    settings = PhoneSettings(
        public_url=lambda: public_url,
        http_port=lambda: 8080,
        https_port=lambda: https,
        mqtt_port=lambda: 1883,
        mqtt_tls_port=lambda: mqtt_tls,
        own_address=lambda: own,
    )
    return settings.endpoints(Page(origin))  # type: ignore[arg-type]


class EndpointsTests(TestCase):
    """Host, port and state of the four ways in."""

    def test_they_are_told_as_the_page_was_reached(self) -> None:
        """The name that worked for the browser works for a phone beside it."""
        told = endpoints("http://nas.home:8080", mqtt_tls=8883)
        self.assertEqual("http://nas.home:8080/pub", told.http.url)
        self.assertEqual([True, True, False, True], [one.on for one in told.all])
        self.assertEqual(("nas.home", 8883), (told.mqtt_tls.host, told.mqtt_tls.port))
        self.assertFalse(told.alone)

    def test_localhost_becomes_the_address_in_the_home(self) -> None:
        """A phone would look at itself."""
        for origin in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"):
            told = endpoints(origin, own="192.168.1.5")
            self.assertEqual("http://192.168.1.5:8080/pub", told.http.url)
            self.assertFalse(told.alone)
            self.assertTrue(endpoints(origin).alone)

    def test_the_public_urls_host_wins(self) -> None:
        """HTTPS is on though a proxy sees to it; plain HTTP keeps its own port."""
        told = endpoints("http://10.0.0.2:8080", public_url="https://tracks.example")
        self.assertEqual("https://tracks.example/pub", told.https.url)
        self.assertEqual((443, True), (told.https.port, told.https.elsewhere))
        self.assertEqual("tracks.example", told.mqtt.host)
        self.assertEqual("http://tracks.example:8080/pub", told.http.url)

    def test_https_is_told_once_it_listens(self) -> None:
        """Looked at without TLS."""
        told = endpoints("http://nas.home:8080", https=8443)
        self.assertEqual("https://nas.home:8443/pub", told.https.url)

    def test_a_port_that_is_none_breaks_nothing(self) -> None:
        """Host headers are whatever somebody sends."""
        self.assertEqual(99999, endpoints("http://nas.home:99999").http.port)
        self.assertEqual(80, endpoints("http://[fd00::5]").http.port)


class AboutTests(TestCase):
    """The page itself."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door(assets=find_assets()).open()
        self.addCleanup(self.door.close)
        await self.door.people.accounts.add("root", GOOD, admin=True, by=COMMAND_LINE)

    async def page(self, path: str, name: str = "ana") -> str:
        """What it says to `name`."""
        browser = Browser(self.door)
        await browser.sign_in(name)
        reply = await browser.get(path)
        self.assertEqual(200, reply.status, reply.body)
        return words(reply)

    async def test_strangers_sign_in_first(self) -> None:
        """With and without the final slash."""
        for path in ("/about", "/about/", "/api/docs", "/api/docs/"):
            reply = await Browser(self.door).get(path)
            self.assertEqual(303, reply.status)
            self.assertTrue(reply.headers["location"].startswith("/login/"))

    async def test_everybody_is_told_what_to_type_and_how_the_server_fares(self) -> None:
        """Ways in, version, database; nothing that only administrators need."""
        said = await self.page("/about/")
        for text in ("1883", VERSION, "SQLite", "Allow external configuration", "Tracker ID"):
            self.assertIn(text, said)
        self.assertNotIn("For administrators", said)
        self.assertIn("For administrators", await self.page("/about", "root"))

    async def test_administrators_are_told_what_is_missing(self) -> None:
        """And where to make it. Whether it is the certificate or the port that TLS waits for is
        not claimed: either keeps a listener off."""
        said = await self.page("/about/", "root")
        self.assertIn("They begin once there is a certificate for the server", said)
        self.assertIn("the port that its setting names", said)
        self.assertIn("public_url", said)

    async def test_trouble_is_said_plainly(self) -> None:
        """A full disk is everybody's business."""
        self.door.health = health(VERSION, "full", "The disk is full.", 1_800_000_000)
        said = await self.page("/about/")
        self.assertIn("Nothing can be stored since", said)
        self.assertIn(iso(1_800_000_000)[:10], said)
        self.assertIn("The disk is full.", said)

    async def test_the_api_to_read_has_every_path_of_the_document(self) -> None:
        """Made from it, without script."""
        said = await self.page("/api/docs")
        browser = Browser(self.door)
        await browser.sign_in()
        document = (await browser.get("/api/openapi.json")).json()
        for path in document["paths"]:
            self.assertIn(path, said)
        reply = await browser.get("/api/docs/")
        self.assertIsNone(re.search(rb"<script(?! type=\"module\" src=\"/static/)", reply.body))
