"""axe-core finds nothing on any page, in both themes and at both sizes."""

import time
from itertools import product
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.browser.cases import BrowserCase, is_live, map_is_idle, row, sees, shared_daemon
from tests.browser.chromium import DESK, PHONE
from tests.whole.daemon import Daemon

AXE: Final = Path(__file__).resolve().parents[2] / "static/node_modules/axe-core/axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: Final = list(product(("light", "dark"), (DESK, PHONE)))
RUN: Final = """async (tags) => {
  const { violations } = await axe.run({ runOnly: tags });
  const shown = ({ id, help, nodes }) => [`${id}: ${help}`, ...nodes.map((node) => node.html)];
  return violations.map((violation) => shown(violation).join("\\n"));
}"""


class AccessibilityTests(BrowserCase):
    """Each page as people meet it."""

    def assert_no_barrier(self, page: Page, where: object) -> None:
        """axe finds nothing; it is started by the browser's debugger, not by the page."""
        page.evaluate(AXE.read_text("utf-8"))
        found: list[Any] = page.evaluate(RUN, RULES)
        self.assertEqual([], found, f"{where}")

    def test_the_map_with_people(self) -> None:
        """Stale, moving, low on battery, selected: every state of a row and its pin."""
        user = self.new_user()
        now = int(time.time())
        user.publish("phone", vel=34, batt=9, acc=12)
        user.publish("tablet", tst=now - 9000, created_at=now - 9000, lat=48.2, lon=11.6, batt=80)
        for theme, size in LOOKS:
            guest = self.sign_in(user, theme=theme, size=size)
            page = guest.page
            is_live(page)
            map_is_idle(page)
            row(page, "phone").click()
            sees(page.get_by_role("button", name="Follow"))
            self.assert_no_barrier(page, (theme, size))
            self.assert_clean(guest)

    def test_the_map_on_the_first_day(self) -> None:
        """The card that says what to type."""
        user = self.new_user()
        for theme, size in LOOKS:
            page = self.sign_in(user, theme=theme, size=size).page
            map_is_idle(page)
            self.assert_no_barrier(page, (theme, size))

    def test_the_account_menu(self) -> None:
        """It opens over everything else and has the way out."""
        user = self.new_user()
        page = self.sign_in(user).page
        page.get_by_role("button", name=user.name, exact=True).click()
        sees(page.get_by_role("button", name="Sign out"))
        self.assert_no_barrier(page, "menu")

    def test_signing_in_and_what_is_not_there(self) -> None:
        """The plain pages, with and without an error."""
        daemon = shared_daemon()
        for theme, size in LOOKS:
            page = self.visitor(daemon, theme=theme, size=size).page
            page.goto("/login/")
            self.assert_no_barrier(page, ("login", theme, size))
            page.goto("/nothing-here")
            sees(page.get_by_role("heading", level=1))
            self.assert_no_barrier(page, ("error", theme, size))

    def test_setting_up(self) -> None:
        """The first page of all, after a refusal."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        for theme, size in LOOKS:
            page = self.visitor(daemon, theme=theme, size=size).page
            page.goto(daemon.setup_url())
            page.get_by_label("User name").fill("anna")
            page.get_by_label("Password", exact=True).fill("short")
            page.get_by_role("button", name="Make the account").click()
            sees(page.locator(".field-error"))
            self.assert_no_barrier(page, ("setup", theme, size))

    def test_forced_colours_keep_what_colour_said(self) -> None:
        """Where the system takes colours away, selection is an outline and rings stay."""
        user = self.new_user()
        user.publish("phone")
        page = self.sign_in(user, forced_colors="active").page
        map_is_idle(page)
        row(page, user.name).click()
        expect(row(page, user.name)).to_have_css("outline-style", "solid")
        self.assert_no_barrier(page, "forced colours")
