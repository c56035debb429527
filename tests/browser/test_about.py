"""The page that says what to type into a phone, beside a real daemon."""

import re

from playwright.sync_api import Page, expect

from tests.browser.cases import PASSWORD, BrowserCase, User, sees, shared_daemon
from tests.browser.chromium import PHONE
from tests.whole.daemon import Daemon
from tests.whole.patience import until

SECURE = ("--bind", "127.0.0.1", "--http-port", "0", "--https-port", "0", "--mqtt-port", "0")


def row(page: Page, way: str) -> str:
    """What stands beside a way in."""
    found = page.get_by_role("row", name=re.compile(f"^{re.escape(way)} (on|off)")).first
    sees(found)
    return found.inner_text()


class AboutTests(BrowserCase):
    """Whoever sets a phone up reads it here, on that phone perhaps."""

    def test_it_names_the_ports_that_are_open(self) -> None:
        """And says plainly what is off; without script as well."""
        user = self.new_user()
        daemon = shared_daemon()
        page = self.sign_in(user, guest=self.visitor(daemon, java_script_enabled=False)).page
        page.goto("/about/")
        self.assertIn(str(daemon.mqtt), row(page, "MQTT"))
        self.assertIn(f"http://127.0.0.1:{daemon.http}/pub", row(page, "HTTP"))
        self.assertIn("off", row(page, "MQTT + TLS"))
        self.assertIn("off", row(page, "HTTPS"))

    def test_with_a_server_certificate_both_doors_over_tls_are_told(self) -> None:
        """At once, without a restart."""
        daemon = Daemon(flags=(*SECURE, "--mqtt-tls-port", "0"))
        self.addCleanup(daemon.close)
        daemon.start()
        daemon.add_user("robert", PASSWORD, "--admin")
        page = self.sign_in(User(daemon, "robert")).page
        for words in (("init", "--key", "p256"), ("server", "--san", "localhost,127.0.0.1")):
            self.assertEqual(0, daemon.cli("pki", *words).code)

        def ports() -> bool:
            daemon._ready()
            return daemon.runtime["mqtt_tls_port"] is not None

        until(ports, 10, "MQTT over TLS")
        page.goto("/about/")
        self.assertIn(str(daemon.runtime["mqtt_tls_port"]), row(page, "MQTT + TLS"))
        self.assertIn(str(daemon.runtime["https_port"]), row(page, "HTTPS"))

    def test_it_is_read_on_the_phone_that_is_set_up(self) -> None:
        """Nothing is wider than it."""
        page = self.sign_in(self.new_user(), size=PHONE).page
        page.goto("/about/")
        expect(page.get_by_role("heading", name="About & Setup")).to_be_visible()
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
