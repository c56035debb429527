"""The profile page: with script and without, by keyboard, on a phone, in both themes."""

import re
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.browser.cases import PASSWORD, BrowserCase, User, reads, sees
from tests.browser.chromium import PHONE, Visitor
from tests.browser.test_looks import AXE, FOLDER, RULES, RUN, Look, looks
from tests.whole.web import Web

MARKUP: Final = "<img src=x onerror=alert(1)>"
OTHER: Final = "winter walks are long"


class ProfileCase(BrowserCase):
    """Somebody at their profile."""

    def at_profile(self, user: User, **options: Any) -> Visitor:
        """A browser in which they are signed in, at the page."""
        guest = self.sign_in(user, **options)
        guest.page.goto("/profile/")
        return guest

    def judge(self, page: Page, name: str, look: Look) -> None:
        """Take the whole page's picture; axe finds nothing."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        page.mouse.move(0, 0)
        path = FOLDER / f"{name}-{look.device}-{look.theme}.png"
        page.screenshot(path=path, animations="disabled")
        page.evaluate(AXE.read_text("utf-8"))
        self.assertEqual([], page.evaluate(RUN, RULES), path.stem)

    def assert_flat(self, page: Page) -> None:
        """Nothing is wider than the screen."""
        wide = page.evaluate(
            "[...document.querySelectorAll('.desk')].map((e) => e.scrollWidth - e.clientWidth)"
        )
        self.assertEqual([0], wide)


class WithoutScriptTests(ProfileCase):
    """Nothing but adding a passkey takes script."""

    def test_what_one_tells_of_oneself_is_kept(self) -> None:
        """By keyboard; a name with markup is a name."""
        page = self.at_profile(self.new_user(), java_script_enabled=False).page
        page.get_by_label("Shown as").fill(MARKUP)
        page.get_by_label("Theme").select_option("dark")
        page.get_by_label("Latitude").fill("91")
        page.get_by_label("Longitude").fill("11.5")
        page.get_by_label("Longitude").press("Enter")
        latitude = page.get_by_label("Latitude")
        expect(latitude).to_have_attribute("aria-invalid", "true")
        expect(latitude).to_have_accessible_description(re.compile("-90 to 90"))
        expect(latitude).to_be_focused()
        expect(page.get_by_label("Shown as")).to_have_value(MARKUP)
        latitude.fill("48.1")
        latitude.press("Enter")
        reads(page.get_by_role("status").first, "Saved.")
        expect(page.get_by_role("heading", level=1)).to_have_text(MARKUP)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    def test_the_password_is_changed_and_others_are_out(self) -> None:
        """A wrong one is named; the fields come back empty."""
        user = self.new_user()
        page = self.at_profile(user, java_script_enabled=False).page
        other = self.visitor(user.daemon)
        self.sign_in(user, guest=other)

        def change(current: str, new: str, again: str) -> None:
            page.get_by_label("Current password", exact=True).fill(current)
            page.get_by_label("New password", exact=True).fill(new)
            page.get_by_label("New password again", exact=True).fill(again)
            page.get_by_role("button", name="Change the password").click()

        change(PASSWORD, OTHER, "something else")
        again = page.get_by_label("New password again", exact=True)
        expect(again).to_have_attribute("aria-invalid", "true")
        expect(again).to_have_value("")
        change(PASSWORD, OTHER, OTHER)
        reads(page.get_by_role("status").first, "all others are signed out")
        other.page.goto("/profile/")
        other.page.wait_for_url("**/login/**")

    def test_a_token_is_made_and_revoked_after_a_question(self) -> None:
        """Shown once."""
        user = self.new_user()
        page = self.at_profile(user, java_script_enabled=False).page
        page.get_by_label("What it is for").fill(MARKUP)
        page.get_by_label("Read", exact=True).check()
        page.get_by_role("button", name="Make the token").press("Enter")
        token = page.locator("#made-token").inner_text()
        self.assertEqual(200, self.asks(user, token))
        page.get_by_role("link", name="I have kept it").click()
        revoke = page.get_by_role("button", name="Revoke…")
        revoke.press("Enter")
        question = page.get_by_role("dialog")
        reads(question, f"Revoke {MARKUP}?")
        page.keyboard.press("Escape")
        expect(revoke).to_be_focused()
        revoke.press("Enter")
        question.get_by_role("button", name="Revoke").click()
        reads(page.get_by_role("status").first, "opens nothing")
        self.assertEqual(401, self.asks(user, token))

    def asks(self, user: User, token: str) -> int:
        """What a script with this token is answered."""
        headers = {"Authorization": f"Bearer {token}"}
        return Web(user.daemon.http).ask("GET", "/api/devices", headers=headers).status

    def test_a_phone_gets_a_password_of_its_own(self) -> None:
        """With all that is typed into it; then another, then none."""
        user = self.new_user()
        page = self.at_profile(user, java_script_enabled=False).page
        page.get_by_label("Device").fill("tablet")
        page.get_by_role("button", name="Make its password").click()
        reads(page.locator(".typed"), user.name)
        reads(page.locator(".typed"), "tablet")
        first = page.locator("#made-password").inner_text()
        self.assertEqual(200, self.publishes(user, first))
        page.get_by_role("link", name="I have typed it in").click()
        page.get_by_role("button", name="Replace…").click()
        page.get_by_role("dialog").get_by_role("button", name="Replace").click()
        second = page.locator("#made-password").inner_text()
        self.assertEqual((401, 200), (self.publishes(user, first), self.publishes(user, second)))
        page.get_by_role("link", name="I have typed it in").click()
        page.get_by_role("button", name="Remove…").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        reads(page.get_by_role("status").first, "The password of tablet opens nothing")
        self.assertEqual(401, self.publishes(user, second))
        sees(page.get_by_role("button", name="Make a password for tablet"))

    def publishes(self, user: User, password: str) -> int:
        """What a phone with this password is answered."""
        web = Web(user.daemon.http, basic=(user.name, password))
        return web.post_json("/pub", {"_type": "lwt", "tst": 1}).status

    def test_other_browsers_are_signed_out(self) -> None:
        """One, and all; this one is marked and stays."""
        user = self.new_user()
        page = self.at_profile(user, java_script_enabled=False).page
        others = [self.visitor(user.daemon) for _ in range(3)]
        for other in others:
            self.sign_in(user, guest=other)
        page.reload()
        rows = page.locator("#sessions li")
        expect(rows).to_have_count(4)
        reads(rows.first, "this browser")
        reads(rows.first, "Chrome on Linux")
        rows.last.get_by_role("button", name="Sign out…").click()
        page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
        expect(rows).to_have_count(3)
        page.get_by_role("button", name="Sign all others out…").click()
        page.get_by_role("dialog").get_by_role("button", name="Sign all others out").click()
        expect(rows).to_have_count(1)
        others[0].page.goto("/")
        others[0].page.wait_for_url("**/login/**")


class LookTests(ProfileCase):
    """As people meet it."""

    def test_it_fits_every_screen_and_theme(self) -> None:
        """With some life in it, at rest and after a refusal."""
        user = self.new_user()
        user.publish("phone")
        for look in looks():
            guest = self.at_profile(user, **look.options)
            page = guest.page
            if not page.locator("#tokens li").count():
                self.fill(page)
            self.judge(page, "profile", look)
            self.assert_flat(page)
            for anchor in ("password", "sessions", "tokens"):
                page.goto(f"/profile/#{anchor}")
                sees(page.locator(f"#{anchor}-title"))
                self.judge(page, f"profile-{anchor}", look)
            page.get_by_label("Time zone").fill("Atlantis")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
            self.judge(page, "profile-refused", look)
            self.assert_flat(page)
            complaints = [one for one in guest.all_complaints() if "422" not in one]
            self.assertEqual([], complaints)

    def fill(self, page: Page) -> None:
        """A token, and two phones with passwords."""
        page.get_by_label("What it is for").fill("Boiler")
        page.get_by_label("Read", exact=True).check()
        page.get_by_role("button", name="Make the token").click()
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_label("Device").fill("a" * 64)
        page.get_by_role("button", name="Make its password").click()
        page.get_by_role("link", name="I have typed it in").click()

    def test_how_good_a_new_password_is_is_told_while_it_is_typed(self) -> None:
        """In words, beside the field; the eye shows what was typed."""
        guest = self.at_profile(self.new_user())
        page = guest.page
        new = page.get_by_label("New password", exact=True)
        told = page.locator("[data-strength=new_password]")
        expect(told).to_be_hidden()
        for typed, words in (("walk", "Too short"), ("password1", "Weak"), (OTHER, "Strong")):
            new.fill(typed)
            reads(told, words)
        eyes = page.get_by_role("button", name="Show the password")
        expect(eyes).to_have_count(3)
        eyes.nth(1).click()
        expect(new).to_have_attribute("type", "text")
        self.assert_clean(guest)

    def test_what_is_shown_once_fits_a_phone(self) -> None:
        """Long secrets break."""
        for look in looks():
            user = self.new_user()
            page = self.at_profile(user, **look.options).page
            page.get_by_label("Device").fill("phone")
            page.get_by_role("button", name="Make its password").click()
            sees(page.locator("#made-password"))
            self.judge(page, "phone-password", look)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            self.assertLessEqual(wide, 0)

    def test_twice_as_large_text_fits_as_well(self) -> None:
        """Everything on one screen's width, whatever the names."""
        user = self.new_user(name="x" * 32)
        page = self.at_profile(user, size=(320, PHONE[1])).page
        # As the browser itself would; the policy lets no page do so by a style of its own.
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        self.assert_flat(page)
