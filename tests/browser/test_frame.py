"""The frame of signed-in pages: the account's menu by keyboard and without script; the theme."""

import json
from typing import Any

from playwright.sync_api import expect

from tests.browser.cases import PASSWORD, BrowserCase, User, reads, sees
from tests.browser.chromium import PHONE
from tests.browser.test_looks import AXE, RULES, RUN
from tests.whole.daemon import Daemon
from tests.whole.web import Web


class MenuTests(BrowserCase):
    """What hangs on one's name."""

    def test_the_menu_leads_everywhere_by_keyboard_and_without_script(self) -> None:
        """Opened, walked through, closed again; the last entry is the way out."""
        user = self.new_user()
        page = self.sign_in(user, java_script_enabled=False).page
        button = page.get_by_role("button", name=user.name, exact=True)
        ways = page.locator(".menu-way")
        expect(ways.first).to_be_hidden()
        button.focus()
        page.keyboard.press("Enter")
        expect(ways).to_have_text(["Profile", "About & Setup", "Logout"])
        page.keyboard.press("Escape")
        expect(ways.first).to_be_hidden()
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(ways.first).to_be_focused()
        expect(ways.first).to_have_attribute("href", "/profile/")
        ways.last.press("Enter")
        page.wait_for_url("**/login/")

    def test_administrators_are_marked_and_have_one_way_more(self) -> None:
        """The panel's entry is marked where one is in it, at every width."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        daemon.add_user("root", PASSWORD, "--admin")
        sizes: list[dict[str, Any]] = [{}, {"size": PHONE}]
        for options in sizes:
            guest = self.sign_in(User(daemon, "root"), **options)
            page = guest.page
            page.goto("/admin-panel/audit/")
            button = page.get_by_role("button", name="root", exact=True)
            expect(button).to_have_attribute("aria-current", "true")
            button.click()
            reads(page.locator(".menu-who"), "administrator")
            way = page.get_by_role("link", name="Admin Panel")
            expect(way).to_have_attribute("aria-current", "true")
            page.evaluate(AXE.read_text("utf-8"))
            self.assertEqual([], page.evaluate(RUN, RULES))
            way.click()
            page.wait_for_url("**/admin-panel/")
            self.assert_clean(guest)


class ThemeTests(BrowserCase):
    """Who chose a theme has it on every page, whatever their system says."""

    def test_the_profiles_theme_is_the_pages(self) -> None:
        """The map's page too; no script decides it."""
        user = self.new_user()
        web = Web(user.daemon.http, basic=(user.name, PASSWORD))
        for theme, system, colour in (
            ("dark", "light", "rgb(30, 35, 41)"),
            ("light", "dark", "rgb(245, 243, 238)"),
        ):
            body = json.dumps({"theme": theme}).encode()
            answer = web.ask("PATCH", "/api/account", body, {"Content-Type": "application/json"})
            self.assertEqual(200, answer.status, answer.body)
            page = self.sign_in(user, theme=system, java_script_enabled=False).page
            sees(page.get_by_role("heading", name="People"))
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            expect(page.locator("body")).to_have_css("background-color", colour)
