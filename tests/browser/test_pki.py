"""Certificates by page: with script and without, by keyboard, on a phone, in both themes."""

import re
import ssl
import tempfile
from pathlib import Path
from threading import Event
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Download, Page, expect

from tests.browser.cases import PASSWORD, BrowserCase, User, reads, sees
from tests.browser.chromium import PATIENCE, PHONE, Visitor
from tests.browser.test_admin import MARKUP, judge, row
from tests.browser.test_looks import looks
from tests.whole.daemon import Daemon
from tests.whole.patience import until

FLAGS: Final = (
    *("--bind", "127.0.0.1", "--http-port", "0", "--https-port", "-1"),
    *("--mqtt-port", "0", "--mqtt-tls-port", "0"),
)
PKI: Final = "/admin-panel/pki/"
LISTENS: Final = re.compile(r"^127\.0\.0\.1$", re.MULTILINE)
CODE: Final = re.compile(r"status of (\d+)")
PASSPHRASE: Final = "open it, phone"


class PKICase(BrowserCase):
    """A house with an administrator and anna, and a port for MQTT over TLS."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = Daemon(flags=FLAGS)
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.daemon.add_user("root", PASSWORD, "--admin")
        self.daemon.add_user("anna", PASSWORD)
        self.anna = User(self.daemon, "anna")

    def admin(self, path: str = PKI, **options: Any) -> Visitor:
        """The administrator's browser at `path`."""
        guest = self.sign_in(User(self.daemon, "root"), **options)
        guest.page.goto(path)
        return guest

    def authority(self, page: Page, name: str, *, sure: bool = False) -> None:
        """Made by the form, with a key that takes no time."""
        page.goto(f"{PKI}authority/new/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Key", exact=True).select_option("p256-256")
        if sure:
            page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Make the authority").click()

    def server(self, page: Page) -> None:
        """Made by the form as it is suggested, which names the address of the page."""
        page.goto(f"{PKI}server/new/")
        page.get_by_role("button", name="Make the certificate").click()
        page.wait_for_url(f"**{PKI}#server")

    def client(self, page: Page, name: str) -> None:
        """Issued by the form."""
        page.goto(f"{PKI}clients/new/")
        page.get_by_label("For", exact=True).select_option(name)
        page.get_by_label("Key", exact=True).select_option("p256-256")
        page.get_by_role("button", name="Issue the certificate").click()
        page.wait_for_url(f"**{PKI}#phones")

    def everything(self, page: Page) -> None:
        """Authority, server's certificate, anna's."""
        self.authority(page, "Home CA")
        self.server(page)
        self.client(page, "anna")

    def mqtts(self) -> int:
        """The port of MQTT over TLS, once it is open."""

        def there() -> int | None:
            self.daemon._ready()
            port: int | None = self.daemon.runtime["mqtt_tls_port"]
            return port

        until(lambda: there() is not None, 5, "a port for MQTT over TLS")
        found = there()
        assert found is not None
        return found


class Secure:
    """A phone that came with what was downloaded: a bundle, and the authority to trust."""

    def __init__(self, port: int, bundle: Path, authority: Path) -> None:
        self.left = Event()
        self.answers: list[str] = []
        answered = Event()
        key, certificate, _ = pkcs12.load_key_and_certificates(
            bundle.read_bytes(), PASSPHRASE.encode()
        )
        assert key is not None
        assert certificate is not None
        file = Path(tempfile.mkstemp(suffix=".pem")[1])
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + plain)

        def said(_client: object, _data: object, _flags: object, code: object, _: object) -> None:
            self.answers.append(str(code))
            answered.set()

        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anna-phone")
        self.client.tls_set(ca_certs=str(authority), certfile=str(file), keyfile=str(file))
        self.client.on_connect = said
        self.client.on_disconnect = lambda *_: self.left.set()
        self.client.reconnect_delay_set(PATIENCE, PATIENCE)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert answered.wait(PATIENCE / 1000), "the server did not answer"

    def close(self) -> None:
        """Go."""
        self.client.disconnect()
        self.client.loop_stop()


def kept(download: Download) -> Path:
    """Where a download lies."""
    return Path(download.path())


class StoryTests(PKICase):
    """From nothing to a phone that comes in by its certificate, and out again."""

    def test_a_phone_comes_in_by_its_certificate_until_it_is_revoked(self) -> None:
        """All by page; the phone is cut while the page says so."""
        guest = self.admin()
        page = guest.page
        sees(page.get_by_text("There is none yet. It signs"))
        page.get_by_role("link", name="Make the authority").click()
        page.get_by_label("Name").fill("Home CA")
        page.get_by_label("Key", exact=True).select_option("p256-256")
        page.get_by_role("button", name="Make the authority").click()
        reads(page.get_by_role("status"), "Home CA signs from now on.")
        page.get_by_role("link", name=re.compile("Make the server")).click()
        expect(page.get_by_label("Names", exact=True)).to_have_value(LISTENS)
        page.get_by_role("button", name="Make the certificate").click()
        reads(page.get_by_role("status"), "is shown now")
        expect(page.get_by_text("You read this page at")).to_have_count(0)
        page.get_by_role("link", name="Users").click()
        row(page, "anna").get_by_role("button", name="Issue a certificate to anna").click()
        reads(page.get_by_role("status"), "anna has a new certificate")
        page.get_by_role("link", name="Download the certificate of anna").click()
        page.get_by_label("Password for the file").fill("short")
        page.get_by_role("button", name="Download").click()
        expect(page.get_by_label("Password for the file")).to_have_attribute("aria-invalid", "true")
        # Browsers note each answer of 4xx.
        self.assertEqual(["422"], [said for one in guest.complaints for said in CODE.findall(one)])
        guest.complaints.clear()
        page.get_by_label("Password for the file").fill(PASSPHRASE)
        with page.expect_download() as bundle:
            page.get_by_role("button", name="Download").click()
        self.assertEqual("anna.p12", bundle.value.suggested_filename)
        page.goto(PKI)
        with page.expect_download() as authority:
            page.get_by_role("link", name="Download as text").first.click()
        phone = Secure(self.mqtts(), kept(bundle.value), kept(authority.value))
        self.addCleanup(phone.close)
        self.assertEqual(["Success"], phone.answers)
        page.reload()
        reads(row(page, "anna"), "connected")
        page.get_by_role("button", name="Revoke the certificate of anna").click()
        question = page.get_by_role("dialog")
        reads(question, "is disconnected now (1 live session)")
        question.get_by_label("Why").select_option("lost")
        question.get_by_role("button", name="Revoke").click()
        reads(page.get_by_role("status"), "1 live session cut")
        assert phone.left.wait(5), "the phone is still connected"
        reads(row(page, "anna").first, "revoked")
        page.locator("summary", has_text="Revoked certificates").click()
        reads(row(page, "key compromise"), "anna")
        page.get_by_role("button", name="Delete the certificate of anna").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        reads(page.get_by_role("status"), "is deleted")
        self.assert_clean(guest)

    def test_a_phone_that_does_not_trust_us_is_told_of(self) -> None:
        """With what to do about it."""
        page = self.admin().page
        self.authority(page, "Home CA")
        self.server(page)
        phone = mqtt.Client(CallbackAPIVersion.VERSION2)
        phone.tls_set()
        with self.assertRaises(ssl.SSLError):
            phone.connect("127.0.0.1", self.mqtts())
        page.get_by_role("link", name="Connections, failed TLS").click()
        reads(row(page, "127.0.0.1"), "does not know our CA")
        reads(row(page, "127.0.0.1"), "install the CA certificate on it")

    def test_people_fetch_their_own_certificate(self) -> None:
        """From their profile; a password that is too short is named, and nobody else's is shown."""
        self.everything(self.admin().page)
        guest = self.sign_in(self.anna, java_script_enabled=False)
        page = guest.page
        page.goto("/profile/certificates/")
        page.get_by_label("Password for the file").fill("short")
        page.get_by_role("button", name="Download your certificate").click()
        expect(page.get_by_label("Password for the file")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Password for the file").fill(PASSPHRASE)
        page.get_by_label("Kind of file").select_option("otrp")
        with page.expect_download() as bundle:
            page.get_by_role("button", name="Download your certificate").click()
        self.assertEqual("anna.otrp", bundle.value.suggested_filename)
        with page.expect_download() as authority:
            page.get_by_role("link", name="Download the authority").click()
        self.assertEqual("Home CA.crt", authority.value.suggested_filename)
        phone = Secure(self.mqtts(), kept(bundle.value), kept(authority.value))
        self.addCleanup(phone.close)
        self.assertEqual(["Success"], phone.answers)


class FormTests(PKICase):
    """Each form, without script and by keyboard."""

    def test_an_authority_is_replaced_only_by_whoever_says_so(self) -> None:
        """What is replaced is named, and who has to move; the old one's trust is ended apart."""
        page = self.admin(java_script_enabled=False).page
        self.everything(page)
        self.authority(page, "New CA")
        tick = page.get_by_role("checkbox", name="Replace Home CA")
        expect(tick).to_have_attribute("aria-invalid", "true")
        sees(page.get_by_text("1 phone keeps working until you end the old authority"))
        tick.check()
        page.get_by_role("button", name="Make the authority").click()
        reads(page.get_by_role("status"), "New CA signs from now on.")
        sees(page.get_by_text("Still to move to the new one: anna"))
        sees(page.get_by_text("It was signed by Home CA"))
        page.get_by_role("button", name="End the trust in Home CA").click()
        reads(page.get_by_role("dialog"), "The certificates of anna let nobody in any more")
        page.get_by_role("dialog").get_by_role("button", name="End trust").click()
        reads(page.get_by_role("status"), "Home CA has ended.")
        page.locator("summary", has_text="Older authorities").click()
        page.get_by_role("button", name="Delete Home CA").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        reads(page.get_by_role("alert"), "It signed the server certificate that is in use")
        page.get_by_role("button", name="Renew now…").click()
        page.get_by_role("dialog").get_by_role("button", name="Renew now").click()
        reads(page.get_by_role("status"), "is renewed")
        page.locator("summary", has_text="Older authorities").click()
        page.get_by_role("button", name="Delete Home CA").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        reads(page.get_by_role("status"), "Home CA is deleted")

    def test_names_are_edited_and_what_is_none_is_named(self) -> None:
        """Each wrong line is told; what was typed stays. A missing name is warned of."""
        page = self.admin(java_script_enabled=False).page
        self.authority(page, "Home CA")
        page.goto(f"{PKI}server/new/")
        names = page.get_by_label("Names", exact=True)
        names.fill(f"home.example\n{MARKUP}")
        page.get_by_role("button", name="Make the certificate").click()
        expect(names).to_have_attribute("aria-invalid", "true")
        expect(names).to_have_value(f"home.example\n{MARKUP}")
        sees(page.get_by_text("You read this page at 127.0.0.1, which is not among the names"))
        names.fill("home.example")
        page.get_by_role("button", name="Make the certificate").click()
        sees(page.get_by_text("You read this page at 127.0.0.1, and the certificate"))
        page.get_by_role("link", name="Add it").click()
        expect(names).to_have_value("home.example\n127.0.0.1")

    def test_a_certificate_is_replaced_by_whoever_says_so(self) -> None:
        """By keyboard alone: what goes is told before it goes."""
        page = self.admin(java_script_enabled=False).page
        self.everything(page)
        page.goto(f"{PKI}clients/new/")
        page.get_by_label("For", exact=True).select_option("anna")
        page.get_by_role("button", name="Issue the certificate").press("Enter")
        tick = page.get_by_role("checkbox", name="Replace the certificate")
        expect(tick).to_have_attribute("aria-invalid", "true")
        sees(page.get_by_text("the 1 certificate of anna will be revoked at once"))
        tick.press("Space")
        page.get_by_role("button", name="Issue the certificate").press("Enter")
        page.wait_for_url(f"**{PKI}#phones")
        expect(row(page, "anna").filter(has_text="in force")).to_have_count(1)
        button = page.get_by_role("button", name="Revoke the certificate of anna")
        button.press("Enter")
        sees(page.get_by_role("dialog"))
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        facts = page.get_by_role("button", name="anna: facts").first
        facts.press("Enter")
        reads(page.get_by_role("dialog"), "SHA-256 fingerprint")

    def test_an_authority_is_brought(self) -> None:
        """What is no certificate is named; a key is never shown again."""
        page = self.admin(java_script_enabled=False).page
        page.goto(f"{PKI}authority/import/")
        page.get_by_label("Certificate").fill(MARKUP)
        page.get_by_label("Private key").fill("secret key")
        page.get_by_role("button", name="Bring the authority").click()
        expect(page.get_by_label("Certificate")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Certificate")).to_have_value(MARKUP)
        expect(page.get_by_label("Private key")).to_have_value("")


class LookTests(PKICase):
    """Every page in both themes and sizes: no barrier, no complaint, nothing too wide."""

    def test_every_page(self) -> None:
        """Pictures are taken, for eyes; names that others chose are text."""
        first = self.admin().page
        self.empty(first)
        self.everything(first)
        self.authority(first, MARKUP, sure=True)
        first.goto(f"{PKI}clients/new/")
        first.get_by_label("For", exact=True).select_option("root")
        first.get_by_role("button", name="Issue the certificate").click()
        first.get_by_role("button", name="Revoke the certificate of anna").click()
        first.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        sees(first.get_by_role("status"))
        pages = {
            "pki": "pki/",
            "pki-authority-new": "pki/authority/new/",
            "pki-authority-import": "pki/authority/import/",
            "pki-server-new": "pki/server/new/",
            "pki-server-import": "pki/server/import/",
            "pki-client-new": "pki/clients/new/?user=anna",
            "pki-download": "pki/clients/2/download/",
            "users-certificates": "",
            "failed-tls": "connections/?state=tls",
        }
        for look in looks():
            guest = self.admin(**look.options)
            page = guest.page
            for name, path in pages.items():
                page.goto(f"/admin-panel/{path}")
                sees(page.get_by_role("heading", level=1))
                for summary in page.locator("summary").all():
                    if summary.locator("..").get_attribute("open") is None:
                        summary.click()
                self.assertEqual([], judge(page, f"admin-{name}", look))
                self.assert_flat(page)
            page.goto(PKI)
            page.get_by_role("button", name="Revoke the certificate of root").click()
            self.assertEqual([], judge(page, "admin-pki-question", look))
            page.goto("/profile/certificates/")
            self.assertEqual([], judge(page, "profile-certificates", look))
            self.assert_clean(guest)

    def empty(self, page: Page) -> None:
        """Before there is anything."""
        for look in looks():
            guest = self.admin(**look.options)
            self.assertEqual([], judge(guest.page, "admin-pki-empty", look))
        page.goto("/profile/certificates/")
        sees(page.get_by_text("You have none"))

    def test_on_a_phone_nothing_is_out_of_sight(self) -> None:
        """At 390 px and with large text, from a row to its deed by keyboard."""
        page = self.admin(size=PHONE).page
        self.everything(page)
        page.goto(PKI)
        self.assert_flat(page)
        button = page.get_by_role("button", name="Revoke the certificate of anna")
        button.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        self.assert_flat(page)

    def assert_flat(self, page: Page) -> None:
        """Nothing is wider than the screen."""
        wide = page.evaluate(
            "[...document.querySelectorAll('.desk')].map((e) => e.scrollWidth - e.clientWidth)"
        )
        self.assertEqual([0], wide)
