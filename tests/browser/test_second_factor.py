"""The second factor and passkeys with a real browser and an authenticator that it pretends to have.

Passkeys belong to a name, so these visitors come to `localhost`, not to an address.
"""

import re
import time
from typing import Any

import pyotp
from playwright.sync_api import CDPSession, Page, expect

from tests.browser import chromium
from tests.browser.cases import PASSWORD, BrowserCase, User, reads, sees, shared_daemon
from tests.browser.chromium import PATIENCE, PHONE, Visitor
from tests.browser.test_looks import AXE, FOLDER, RULES, RUN, Look, looks

PHONE_WITH_FINGER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
OVERVIEW = "/profile/second-factor/"
CODE = re.compile(r"(?:[a-z2-7]{4}-){5}[a-z2-7]{4}")


class SecondFactorCase(BrowserCase):
    """Visitors of `localhost`."""

    def at_localhost(self, **options: Any) -> Visitor:
        """A new browser that knows the server by name."""
        guest = chromium.visitor(f"http://localhost:{shared_daemon().http}", **options)
        self.visitors.append(guest)
        return guest

    def first_step(self, page: Page, user: User) -> None:
        """Name and password."""
        page.goto("/login/")
        page.get_by_label("User name").fill(user.name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def signed_in(self, user: User, **options: Any) -> Visitor:
        """A browser in which `user` sees the overview of factors."""
        guest = self.at_localhost(**options)
        self.first_step(guest.page, user)
        guest.page.wait_for_url("**/")
        guest.page.goto(OVERVIEW)
        return guest

    def turn_on(self, page: Page) -> tuple[pyotp.TOTP, list[str]]:
        """From the overview to the recovery codes: the app, and the codes."""
        page.get_by_role("button", name="Turn on").click()
        sees(page.get_by_role("img", name="QR code"))
        app = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
        page.get_by_label("Code that the app shows now").fill(app.now())
        page.get_by_role("button", name="Turn on").click()
        sees(page.get_by_role("heading", name="Recovery codes"))
        codes = page.get_by_role("list", name="Recovery codes").locator("code").all_inner_texts()
        self.assertEqual(10, len({code for code in codes if CODE.fullmatch(code)}))
        return app, codes


class CodeTests(SecondFactorCase):
    """All of it by plain forms."""

    def test_it_is_turned_on_used_and_turned_off_without_script(self) -> None:
        """On a phone's screen, with a code of the app, then with one from paper."""
        user = self.new_user()
        guest = self.signed_in(user, java_script_enabled=False, size=PHONE)
        page = guest.page
        app, codes = self.turn_on(page)
        self.assert_fits(page)
        page.get_by_role("link", name="I have kept them").click()
        reads(page.get_by_role("region", name="Second factor"), "10 of your recovery codes")

        other = self.at_localhost(java_script_enabled=False, size=PHONE).page
        self.first_step(other, user)
        sees(other.get_by_role("heading", name="Second step"))
        self.assert_fits(other)
        other.get_by_label("Code").fill("000 000 x")
        other.get_by_role("button", name="Sign in", exact=True).click()
        reads(other.get_by_role("alert"), "wrong")
        other.get_by_label("Code").fill(app.at(time.time() + 30))
        other.get_by_role("button", name="Sign in", exact=True).click()
        sees(other.get_by_role("heading", name="People"))

        third = self.at_localhost(java_script_enabled=False).page
        self.first_step(third, user)
        third.get_by_label("Code").fill(codes[4])
        third.get_by_role("button", name="Sign in", exact=True).click()
        sees(third.get_by_role("heading", name="People"))

        page.goto(OVERVIEW)
        reads(page.get_by_role("region", name="Second factor"), "9 of your recovery codes")
        page.get_by_role("link", name="Turn off").click()
        page.get_by_label("Your password").fill("something else")
        page.get_by_role("button", name="Turn off").click()
        expect(page.get_by_label("Your password")).to_have_accessible_description(
            re.compile("not the password")
        )
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Turn off").click()
        sees(page.get_by_role("button", name="Turn on"))

    def test_recovery_codes_are_made_anew_and_fit_on_paper(self) -> None:
        """What is only for the screen is not printed."""
        user = self.new_user()
        guest = self.signed_in(user)
        page = guest.page
        _, codes = self.turn_on(page)
        page.goto(OVERVIEW)
        page.get_by_role("link", name="New recovery codes").click()
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Make new codes").click()
        listed = page.get_by_role("list", name="Recovery codes").locator("code")
        expect(listed).to_have_count(10)
        self.assertFalse(set(codes) & set(listed.all_inner_texts()))
        page.emulate_media(media="print")
        expect(page.get_by_role("link", name="I have kept them")).to_be_hidden()
        expect(listed.first).to_be_visible()
        reads(page.locator(".codes-whose"), user.name)
        self.assert_clean(guest)

    def assert_fits(self, page: Page) -> None:
        """Nothing is wider than the screen."""
        width = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(width, PHONE[0])


class PasskeyTests(SecondFactorCase):
    """With Chromium's own virtual authenticator."""

    def authenticator(self, page: Page, **changes: Any) -> tuple[CDPSession, str]:
        """Give the browser of `page` a phone with a finger on it."""
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        made = session.send(
            "WebAuthn.addVirtualAuthenticator", {"options": PHONE_WITH_FINGER | changes}
        )
        return session, made["authenticatorId"]

    def add(self, page: Page, name: str) -> None:
        """From the overview."""
        page.get_by_label("Name of the new passkey").fill(name)
        page.get_by_role("button", name="Add a passkey").click()
        sees(page.get_by_role("region", name="Passkeys").get_by_text(name))

    def test_a_passkey_is_added_and_opens_the_map(self) -> None:
        """No name, no password, no code, though the second factor is on."""
        user = self.new_user()
        guest = self.signed_in(user)
        page = guest.page
        self.authenticator(page)
        self.add(page, "My phone")
        self.turn_on(page)
        page.goto("/")
        page.get_by_role("button", name=user.name).click()
        page.get_by_role("button", name=re.compile("Sign out|Logout")).click()
        page.wait_for_url("**/login/")
        page.goto("/login/?next=" + OVERVIEW)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"**{OVERVIEW}")
        reads(page.get_by_role("region", name="Passkeys"), "last used")
        self.assert_clean(guest)

    def test_one_device_has_one_passkey_of_an_account(self) -> None:
        """It is told, not thrown."""
        user = self.new_user()
        page = self.signed_in(user).page
        self.authenticator(page)
        self.add(page, "My phone")
        page.get_by_label("Name of the new passkey").fill("The same phone")
        page.get_by_role("button", name="Add a passkey").click()
        reads(page.locator("#passkey-told"), "already")

    def test_a_removed_passkey_is_refused_with_a_sentence(self) -> None:
        """The device goes on offering it until it is deleted there as well."""
        user = self.new_user()
        guest = self.signed_in(user)
        page = guest.page
        self.authenticator(page)
        self.add(page, "Old phone")
        page.get_by_role("link", name="Remove Old phone").click()
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("region", name="Passkeys").get_by_text("Old phone")).to_have_count(
            0, timeout=PATIENCE
        )
        page.context.clear_cookies()
        page.goto("/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        reads(page.locator("#passkey-told"), "does not open anything")
        self.assertEqual([], [one for one in guest.all_complaints() if "401" not in one])

    def test_somebody_whom_the_device_does_not_recognise_stays_out(self) -> None:
        """A found phone is not enough."""
        user = self.new_user()
        page = self.signed_in(user).page
        session, identifier = self.authenticator(page)
        self.add(page, "My phone")
        session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": identifier, "isUserVerified": False}
        )
        page.context.clear_cookies()
        page.goto("/login/")
        button = page.get_by_role("button", name="Sign in with a passkey")
        button.click()
        expect(button).to_be_enabled(timeout=PATIENCE)
        self.assertTrue(page.url.endswith("/login/"))

    def test_at_an_address_no_passkey_is_offered(self) -> None:
        """Browsers have none for it; the overview says so."""
        user = self.new_user()
        guest = self.sign_in(user)
        guest.page.goto(OVERVIEW)
        reads(guest.page.get_by_role("region", name="Passkeys"), "IP address")
        self.assertEqual(0, guest.page.locator("#passkey-add").count())
        self.assert_clean(guest)
        stranger = self.visitor(shared_daemon()).page
        stranger.goto("/login/")
        self.assertEqual(0, stranger.locator("#passkey-sign-in").count())


class LookTests(SecondFactorCase):
    """Every page of it, in both themes and at both sizes."""

    def judge(self, page: Page, name: str, look: Look) -> None:
        """Take its picture, and look for barriers."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=FOLDER / f"{name}-{look.device}-{look.theme}.png", full_page=True)
        page.evaluate(AXE.read_text("utf-8"))
        self.assertEqual([], page.evaluate(RUN, RULES), (name, look))
        self.assertLessEqual(
            page.evaluate("document.documentElement.scrollWidth"), look.size[0], (name, look)
        )

    def test_no_page_has_a_barrier(self) -> None:
        """From the offer to the last form."""
        for look in looks():
            user = self.new_user()
            guest = self.signed_in(user, **look.options)
            page = guest.page
            self.judge(page, "second-factor-off", look)
            page.get_by_role("button", name="Turn on").click()
            sees(page.get_by_role("img", name="QR code"))
            self.judge(page, "second-factor-set-up", look)
            page.go_back()
            self.turn_on(page)
            self.judge(page, "recovery-codes", look)
            for path in ("", "off/", "recovery-codes/"):
                page.goto(OVERVIEW + path)
                self.judge(page, f"second-factor-{path.strip('/') or 'on'}", look)
            page.context.clear_cookies()
            self.first_step(page, user)
            sees(page.get_by_role("heading", name="Second step"))
            self.judge(page, "second-step", look)
            self.assert_clean(guest)
