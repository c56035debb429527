"""The admin panel: with script and without, by keyboard, on a phone, in both themes."""

import time
from threading import Event
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Locator, Page, expect

from tests.browser.cases import PASSWORD, BrowserCase, User, is_live, pin, reads, sees
from tests.browser.chromium import PATIENCE, PHONE, Visitor
from tests.browser.test_looks import AXE, FOLDER, RULES, RUN, Look, looks
from tests.whole.daemon import Daemon
from tests.whole.web import Web

MARKUP: Final = "<img src=x onerror=alert(1)>"
OTHER_PASSWORD: Final = "winter walks are long"
HOME: Final = "/admin-panel/"


class AdminCase(BrowserCase):
    """A house with an administrator, and some life in it."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.daemon.add_user("root", PASSWORD, "--admin")
        self.root = User(self.daemon, "root")

    def people(self, *names: str) -> None:
        """More accounts."""
        for name in names:
            self.daemon.add_user(name, PASSWORD)

    def admin(self, path: str = HOME, **options: Any) -> Visitor:
        """The administrator's browser at `path`."""
        guest = self.sign_in(self.root, **options)
        guest.page.goto(path)
        return guest

    def set_aside(self, body: bytes, name: str = "anna", device: str = "phone") -> None:
        """What `name` sends, and nobody understands."""
        web = Web(self.daemon.http, basic=(name, PASSWORD))
        answer = web.ask("POST", "/pub?d=" + device, body)
        assert answer.status == 200, answer

    def connect(self, name: str, client_id: str, password: str = PASSWORD) -> mqtt.Client:
        """A phone that stays connected, or is not let in."""
        answered = Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
        client.username_pw_set(name, password)
        client.on_connect = lambda *_: answered.set()
        client.reconnect_delay_set(PATIENCE, PATIENCE)
        client.connect("127.0.0.1", self.daemon.mqtt)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        assert answered.wait(PATIENCE / 1000), "the server did not answer"
        return client

    def assert_signs_in(self, name: str, password: str) -> None:
        """These are somebody's credentials."""
        answer = Web(self.daemon.http, basic=(name, password)).ask("GET", "/api/account")
        self.assertEqual(200, answer.status, answer.body)

    def assert_flat(self, page: Page) -> None:
        """Nothing is wider than the screen."""
        wide = page.evaluate(
            "[...document.querySelectorAll('.desk')].map((e) => e.scrollWidth - e.clientWidth)"
        )
        self.assertEqual([0], wide)


def judge(page: Page, name: str, look: Look) -> list[Any]:
    """Take the page's picture; what axe finds."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.mouse.move(0, 0)
    path = FOLDER / f"{name}-{look.device}-{look.theme}.png"
    page.screenshot(path=path, animations="disabled")
    page.evaluate(AXE.read_text("utf-8"))
    found: list[Any] = page.evaluate(RUN, RULES)
    return [f"{path.stem}: {one}" for one in found]


def row(page: Page, text: str) -> Locator:
    """The row of a table that holds `text`."""
    return page.get_by_role("row").filter(has_text=text)


class UserTests(AdminCase):
    """The tab Users."""

    def test_somebody_is_let_in_without_script(self) -> None:
        """Made, corrected, changed, and signed in with what was shown once."""
        guest = self.admin(java_script_enabled=False)
        page = guest.page
        page.get_by_role("link", name="Add a user").click()
        page.get_by_label("User name").fill("Not a name")
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("User name")).to_have_value("Not a name")
        page.get_by_label("User name").fill("clara")
        page.get_by_label("Mail").fill("clara@example.org")
        page.get_by_role("button", name="Make the account").click()
        password = page.locator("#made-password").inner_text()
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_label("Mail")).to_have_value("clara@example.org")
        page.get_by_label("First name").fill(MARKUP)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_label("First name")).to_have_value(MARKUP)
        other = self.visitor(self.daemon).page
        other.goto("/login/")
        other.get_by_label("User name").fill("clara")
        other.get_by_label("Password", exact=True).fill(password)
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/")

    def test_whoever_is_deactivated_is_out_at_once(self) -> None:
        """A question is asked first; it can be answered by keyboard, and without script."""
        self.people("anna")
        anna = self.sign_in(User(self.daemon, "anna"))
        page = self.admin(java_script_enabled=False).page
        row(page, "anna").get_by_role("link", name="anna", exact=True).click()
        question = page.get_by_role("dialog")
        expect(question).to_have_count(0)
        page.get_by_role("button", name="Deactivate…").focus()
        page.keyboard.press("Enter")
        reads(question, "Deactivate anna?")
        page.keyboard.press("Escape")
        expect(question).to_have_count(0)
        page.get_by_role("button", name="Deactivate…").press("Enter")
        question.get_by_role("button", name="Deactivate").click()
        sees(page.get_by_role("button", name="Reactivate"))
        anna.page.goto("/")
        anna.page.wait_for_url("**/login/**")
        page.get_by_role("button", name="Reactivate").click()
        sees(page.get_by_role("button", name="Deactivate…"))

    def test_an_administrator_is_made_and_no_longer_is_one(self) -> None:
        """Both are asked about: either gives somebody much to do."""
        self.people("anna")
        page = self.admin().page
        row(page, "anna").get_by_role("link", name="Manage").click()
        page.get_by_role("button", name="Make admin…").click()
        page.get_by_role("dialog").get_by_role("button", name="Make admin").click()
        page.get_by_role("button", name="Remove admin…").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove admin").click()
        sees(page.get_by_role("button", name="Make admin…"))

    def test_a_password_is_set_or_made_up(self) -> None:
        """The eye shows what was typed; what is made up is shown once."""
        self.people("anna")
        page = self.admin().page
        row(page, "anna").get_by_role("link", name="Manage").click()
        field = page.get_by_label("New password")
        field.fill("short")
        page.get_by_role("button", name="Show the password").click()
        expect(field).to_have_attribute("type", "text")
        page.get_by_role("button", name="Set this password").click()
        expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("New password").fill(OTHER_PASSWORD)
        page.get_by_role("button", name="Set this password").click()
        sees(page.get_by_text("has a new password"))
        self.assert_signs_in("anna", OTHER_PASSWORD)
        page.get_by_role("button", name="Make one up").click()
        password = page.locator("#made-password").inner_text()
        self.assert_signs_in("anna", password)

    def test_nobody_is_deleted_by_a_slip(self) -> None:
        """What goes is listed, and the name typed."""
        self.people("anna")
        User(self.daemon, "anna").post("phone", lat=1, lon=2, tst=int(time.time()))
        page = self.admin(java_script_enabled=False).page
        row(page, "anna").get_by_role("link", name="Manage").click()
        page.get_by_role("link", name="Delete anna…").click()
        reads(page.locator(".desk-goods"), "1 phone")
        reads(page.locator(".desk-goods"), "1 place")
        page.get_by_label("Type anna").fill("ana")
        page.get_by_role("button", name="Delete anna").click()
        expect(page.get_by_label("Type anna")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Type anna").fill("anna")
        page.get_by_role("button", name="Delete anna").click()
        reads(page.get_by_role("status"), "anna is deleted")
        expect(row(page, "anna")).to_have_count(0)

    def test_ones_own_row_has_nothing_that_hurts(self) -> None:
        """Nobody locks themselves out."""
        page = self.admin().page
        reads(row(page, "root"), "you")
        row(page, "root").get_by_role("link", name="Manage").click()
        sees(page.get_by_role("heading", name="This is you"))
        for name in ("Deactivate…", "Remove admin…", "Set this password"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("link", name="Delete")).to_have_count(0)

    def test_others_see_the_map_instead(self) -> None:
        """Nor is there a way to it in their menu."""
        self.people("anna")
        page = self.sign_in(User(self.daemon, "anna")).page
        page.goto(HOME)
        self.assertTrue(page.url.endswith("/"), page.url)
        sees(page.get_by_role("heading", name="People"))
        stranger = self.visitor(self.daemon).page
        stranger.goto(HOME + "audit/")
        self.assertIn("/login/?next=/admin-panel/audit/", stranger.url)


class DeskTests(AdminCase):
    """The other tabs."""

    def test_a_message_is_looked_at_and_thrown_away(self) -> None:
        """What strangers wrote is text, wherever it stands."""
        self.people("anna")
        self.set_aside(f"{MARKUP} is no JSON".encode())
        guest = self.admin(HOME + "quarantine/")
        page = guest.page
        reads(row(page, "anna/phone"), MARKUP.replace("1", "#"))
        row(page, "anna/phone").get_by_role("link", name="Open").click()
        reads(page.locator("pre").first, MARKUP)
        reads(page.locator("pre").last, "3c 69 6d 67")
        page.get_by_role("button", name="Take it in").click()
        reads(page.get_by_role("status"), "still not understood")
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        sees(page.get_by_text("No messages"))
        page.goto(HOME + "audit/")
        reads(row(page, "quarantine.delete"), "root")
        self.assert_clean(guest)

    def test_all_that_a_filter_shows_is_thrown_away_together(self) -> None:
        """And nothing else."""
        self.people("anna", "ben")
        self.set_aside(b"one")
        self.set_aside(b"two")
        self.set_aside(b"three", "ben")
        page = self.admin(HOME + "quarantine/", java_script_enabled=False).page
        page.get_by_label("User").fill("anna")
        page.get_by_role("button", name="Filter").click()
        expect(row(page, "anna/phone")).to_have_count(2)
        page.get_by_role("button", name="Delete all…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
        expect(row(page, "anna/phone")).to_have_count(0)
        expect(row(page, "ben/phone")).to_have_count(1)

    def test_who_is_connected_and_who_was_not_let_in(self) -> None:
        """A refusal says why; a client id is text, whatever it holds."""
        self.people("anna", "ben")
        self.connect("anna", "anna-phone")
        self.connect("ben", MARKUP, "not the password")
        guest = self.sign_in(User(self.daemon, "ben"))
        is_live(guest.page)
        page = self.admin(HOME + "connections/").page
        reads(row(page, "anna-phone"), "127.0.0.1")
        page.get_by_role("link", name="Refused").click()
        reads(row(page, MARKUP), "ben")
        reads(row(page, MARKUP), "password is wrong")
        page.get_by_role("link", name="Live pages").click()
        reads(row(page, "ben"), "1")

    def test_what_is_understood_after_all_is_seen_at_once(self) -> None:
        """The device had a name that none can have; an administrator says which it is."""
        self.people("anna")
        body = b'{"_type":"location","lat":48.1,"lon":11.5,"tst":%d}' % int(time.time())
        self.set_aside(body, device="bad%23name")
        anna = self.sign_in(User(self.daemon, "anna"))
        is_live(anna.page)
        page = self.admin(HOME + "quarantine/", java_script_enabled=False).page
        page.get_by_role("link", name="Open").click()
        page.get_by_label("Device").fill("anna/bad/name")
        page.get_by_role("button", name="Take it in").click()
        expect(page.get_by_label("Device")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Device").fill("anna/pixel")
        page.get_by_role("button", name="Take it in").click()
        reads(page.get_by_role("status"), "taken in as location of anna/pixel")
        sees(page.get_by_text("No messages"))
        expect(pin(anna.page)).to_have_count(1)
        self.assert_clean(anna)

    def test_the_log_is_narrowed_and_taken_home(self) -> None:
        """The export holds what the filter shows."""
        self.people("anna", "ben")
        page = self.admin(HOME + "audit/").page
        page.get_by_label("Holds the text").fill("user:ben")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_role("row")).to_have_count(2)
        with page.expect_download() as download:
            page.get_by_role("link", name="Export as CSV").click()
        text = download.value.path().read_text("utf-8")
        self.assertIn("user:ben", text)
        self.assertNotIn("user:anna", text)


class LookTests(AdminCase):
    """Every page in both themes and sizes: no barrier, no complaint, nothing too wide."""

    def life(self) -> None:
        """People in every state, messages, refusals."""
        self.people("anna", "ben", "clara-with-a-rather-long-name@example.org")
        self.daemon.add_user("dora", PASSWORD, "--admin")
        User(self.daemon, "anna").publish("phone")
        for number in range(3):
            self.set_aside(b'{"_type":"location","tst":%d,"lat":"north"' % number)
        self.set_aside(bytes(range(256)), "ben", device="old%20phone")
        self.connect("anna", "anna-phone")
        self.connect("anna", "anna-tablet", "last year's password")
        leaving = self.connect("anna", "anna-watch")
        leaving.subscribe("owntracks/#", 1)
        leaving.disconnect()
        web = Web(self.daemon.http, basic=("root", PASSWORD))
        users = {
            one["username"]: one["id"]
            for one in web.ask("GET", "/api/admin/users").json()["results"]
        }
        assert web.ask("DELETE", f"/api/admin/users/{users['ben']}").status == 204
        self.numbers = users

    def test_every_page(self) -> None:
        """Pictures are taken, for eyes."""
        self.life()
        anna = f"users/{self.numbers['anna']}/"
        pages = {
            "users": "",
            "user": anna,
            "user-delete": f"{anna}delete/",
            "user-new": "users/new/",
            "connections": "connections/",
            "offline": "connections/?state=offline",
            "refused": "connections/?state=refused",
            "quarantine": "quarantine/",
            "message": "quarantine/1/",
            "audit": "audit/",
            "pki": "pki/",
        }
        for look in looks():
            guest = self.admin(**look.options)
            for name, path in pages.items():
                guest.page.goto(HOME + path)
                sees(guest.page.get_by_role("heading", level=1))
                self.assertEqual([], judge(guest.page, f"admin-{name}", look))
                self.assert_flat(guest.page)
            self.assert_clean(guest)
            self.question(guest.page, HOME + anna, look)

    def question(self, page: Page, path: str, look: Look) -> None:
        """What is asked before a deed."""
        page.goto(path)
        page.get_by_role("button", name="Deactivate…").click()
        sees(page.get_by_role("dialog"))
        self.assertEqual([], judge(page, "admin-question", look))

    def test_on_a_phone_tables_are_cards_and_all_can_be_reached_by_keyboard(self) -> None:
        """From the first tab to a deed, at 390 px and with large text."""
        self.people("anna")
        guest = self.admin(size=PHONE)
        page = guest.page
        sees(row(page, "anna").get_by_role("link", name="Manage anna"))
        self.assert_flat(page)
        page.get_by_role("link", name="Users", exact=True).focus()
        for _ in range(60):
            if page.evaluate("document.activeElement?.getAttribute('aria-label')") == "Manage anna":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        sees(page.get_by_role("heading", name="anna", exact=True))
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        self.assert_flat(page)
