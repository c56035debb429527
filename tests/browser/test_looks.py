"""Every page in both themes and at both sizes: no barrier, no complaint, and a picture for eyes.

axe-core judges barriers. Pictures go to `tests/browser/pictures`, or where MYTRACKS_PICTURES says;
with MYTRACKS_GALLERY the README's are made too, in that folder. Both begin at the top of the
checkout.
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, expect
from twisted.trial.unittest import SkipTest

from tests.browser.cases import (
    PASSWORD,
    BrowserCase,
    User,
    afternoon,
    is_live,
    map_is_idle,
    row,
    sees,
    shared_daemon,
)
from tests.browser.chromium import DESK, PHONE
from tests.browser.family import live_a_day
from tests.whole.daemon import Daemon
from tests.whole.patience import until
from tests.whole.web import Web

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / os.environ.get("MYTRACKS_PICTURES", "tests/browser/pictures")
GALLERY: Final = os.environ.get("MYTRACKS_GALLERY")
ALL: Final = os.environ.get("MYTRACKS_LOOKS") == "all"
IN_A_HAND: Final = ("map", "about", "profile", "admin-users")
"""Pages that hang in the gallery as a phone shows them at night, too."""
AXE: Final = ROOT / "static/node_modules/axe-core/axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN: Final = """async (tags) => {
  const { violations } = await axe.run({ runOnly: tags });
  const shown = ({ id, help, nodes }) => [`${id}: ${help}`, ...nodes.map((node) => node.html)];
  return violations.map((violation) => shown(violation).join("\\n"));
}"""
UNFOLD: Final = "ways => ways.forEach((way) => { way.open = true; })"


@frozen
class Look:
    """How a visitor sees a page."""

    theme: str
    device: str
    size: tuple[int, int]

    @property
    def options(self) -> dict[str, Any]:
        """For `visitor`: no motion, so that a picture is of a page at rest."""
        return {"theme": self.theme, "size": self.size, "reduced_motion": "reduce"}


def looks() -> Iterator[Look]:
    """Each theme once and each size once; with MYTRACKS_LOOKS=all every theme at every size."""
    for theme, (device, size) in product(("light", "dark"), (("desktop", DESK), ("phone", PHONE))):
        if ALL or (theme == "light") == (device == "desktop"):
            yield Look(theme, device, size)


def hang(page: Page, name: str, look: Look) -> None:
    """Put the page's picture into the gallery, if one is made and this look hangs there."""
    if GALLERY is None:
        return
    folder = ROOT / GALLERY
    folder.mkdir(parents=True, exist_ok=True)
    if (look.theme, look.device) == ("light", "desktop"):
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
    elif (look.theme, look.device) == ("dark", "phone") and name in IN_A_HAND:
        page.screenshot(path=folder / f"{name}-phone.png", animations="disabled", scale="css")


class JudgeCase(BrowserCase):
    """Tests that judge pages by axe and take their pictures."""

    def assert_no_barrier(self, page: Page, where: str) -> None:
        """axe finds nothing; it is started by the browser's debugger, not by the page."""
        page.evaluate(AXE.read_text("utf-8"))
        found: list[Any] = page.evaluate(RUN, RULES)
        self.assertEqual([], found, where)

    def judge(self, page: Page, name: str, look: Look) -> None:
        """Take the page's picture, and look for barriers."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{name}-{look.device}-{look.theme}.png"
        page.mouse.move(0, 0)
        page.screenshot(path=path, animations="disabled")
        hang(page, name, look)
        self.assert_no_barrier(page, path.stem)


class LookTests(JudgeCase):
    """Each page as people meet it."""

    def test_a_family_on_the_map(self) -> None:
        """Stale, moving, low on battery, selected: every state of a row and its pin."""
        family = self.new_user(name="family")
        live_a_day(family)
        for look in looks():
            guest = self.sign_in(family, **look.options, **afternoon())
            page = guest.page
            is_live(page)
            map_is_idle(page)
            row(page, "Anna").click()
            sees(page.get_by_role("button", name="Follow"))
            page.get_by_role("button", name="Show everybody").click()
            map_is_idle(page)
            self.judge(page, "map", look)
            self.assert_clean(guest)

    def test_the_map_on_the_first_day(self) -> None:
        """Nobody there yet: the card that says what to type."""
        user = self.new_user()
        for look in looks():
            guest = self.sign_in(user, **look.options)
            is_live(guest.page)
            map_is_idle(guest.page)
            self.judge(guest.page, "first-run", look)
            self.assert_clean(guest)

    def test_what_to_type_into_a_phone_and_the_api(self) -> None:
        """Long pages to read, folded and unfolded."""
        user = self.new_user()
        for look in looks():
            guest = self.sign_in(user, **look.options)
            for name, path in (("about", "/about/"), ("api", "/api/docs")):
                guest.page.goto(path)
                self.judge(guest.page, name, look)
                guest.page.locator("details").evaluate_all(UNFOLD)
                self.assert_no_barrier(guest.page, f"{name}, unfolded")
            self.assert_clean(guest)

    def test_what_one_tells_of_oneself(self) -> None:
        """The profile of somebody with a phone; `test_profile` judges it."""
        if GALLERY is None:
            raise SkipTest("only for the gallery")
        user = self.new_user()
        user.publish("phone")
        for look in looks():
            guest = self.sign_in(user, **look.options)
            guest.page.goto("/profile/")
            self.judge(guest.page, "profile", look)
            self.assert_clean(guest)

    def test_the_account_menu(self) -> None:
        """It opens over everything else and has the way out."""
        user = self.new_user()
        page = self.sign_in(user).page
        page.get_by_role("button", name=user.name, exact=True).click()
        sees(page.get_by_role("button", name="Logout"))
        self.assert_no_barrier(page, "menu")

    def test_signing_in_and_what_is_not_there(self) -> None:
        """The plain pages."""
        for look in looks():
            page = self.visitor(shared_daemon(), **look.options).page
            page.goto("/login/")
            self.judge(page, "login", look)
            page.goto("/nothing-here")
            sees(page.get_by_role("heading", level=1))
            self.judge(page, "not-found", look)

    def test_setting_up(self) -> None:
        """The first page of all, after a refusal."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        for look in looks():
            page = self.visitor(daemon, **look.options).page
            page.goto(daemon.setup_url())
            page.get_by_label("User name").fill("anna")
            page.get_by_label("Password", exact=True).fill("short")
            page.get_by_role("button", name="Make the account").click()
            sees(page.locator(".field-error"))
            self.judge(page, "setup", look)

    def test_forced_colours_keep_what_colour_said(self) -> None:
        """Where the system takes colours away, selection is an outline and rings stay."""
        user = self.new_user()
        user.publish("phone")
        page = self.sign_in(user, forced_colors="active").page
        map_is_idle(page)
        row(page, user.name).click()
        expect(row(page, user.name)).to_have_css("outline-style", "solid")
        self.assert_no_barrier(page, "forced colours")


class AdminLookTests(JudgeCase):
    """The admin panel of a house with some life in it."""

    def test_the_tabs_of_the_admin_panel(self) -> None:
        """People, a phone that is connected, one that was refused, and something odd; `test_admin`
        and `test_pki` judge them."""
        if GALLERY is None:
            raise SkipTest("only for the gallery")
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        daemon.add_user("robert", PASSWORD, "--admin")
        for name in ("anna", "ben", "clara"):
            daemon.add_user(name, PASSWORD)
            User(daemon, name).publish("phone")
        odd = Web(daemon.http, basic=("anna", PASSWORD))
        odd.ask("POST", "/pub?d=phone", b'{"_type":"location","lat":"north"}')
        odd.ask("POST", "/pub?d=phone", b"{")
        phone = self.connected(User(daemon, "ben"))
        self.certify(daemon)
        for look in looks():
            guest = self.sign_in(User(daemon, "robert"), **look.options)
            for tab, path in (
                ("users", ""),
                ("pki", "pki/"),
                ("connections", "connections/"),
                ("quarantine", "quarantine/"),
                ("audit", "audit/"),
            ):
                guest.page.goto(f"/admin-panel/{path}")
                self.judge(guest.page, f"admin-{tab}", look)
            guest.page.goto("/about/")
            self.assert_no_barrier(guest.page, "about, for administrators")
            self.assert_clean(guest)
        self.assertTrue(phone.is_connected())

    def certify(self, daemon: Daemon) -> None:
        """Make an authority, a server certificate and a phone's."""
        for words in (
            ("init", "--key", "p256"),
            ("server", "--san", "localhost,127.0.0.1"),
            ("client", "anna", "--key", "p256", "--out", str(daemon.home / "anna.p12")),
        ):
            done = daemon.cli("pki", *words)
            self.assertEqual(0, done.code, done)

    def connected(self, user: User) -> mqtt.Client:
        """A phone of theirs that stays."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{user.name}-pixel")
        client.username_pw_set(user.name, PASSWORD)
        client.connect("127.0.0.1", user.daemon.mqtt)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        until(client.is_connected, 20, "a phone that is connected")
        return client
