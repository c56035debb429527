"""The first day of an installation, as its owner sees it in the browser."""

import re

from tests.browser.cases import (
    PASSWORD,
    BrowserCase,
    User,
    is_live,
    map_is_idle,
    pin,
    place,
    reads,
    row,
    sees,
)
from tests.whole.daemon import Daemon
from tests.whole.patience import until


class FirstDayTests(BrowserCase):
    """From the address in the log to a pin on the map, in one sitting."""

    def test_from_the_set_up_address_to_a_pin_that_moves_by_itself(self) -> None:
        """Somebody who just installed mytracks gets there without reading a manual."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        guest = self.visitor(daemon)
        page = guest.page
        page.goto(daemon.setup_url())
        page.get_by_label("User name").fill("anna")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()

        card = page.locator("#first-run")
        sees(card.get_by_role("heading", name="Add the first phone"))
        reads(card, "127.0.0.1")
        reads(card, str(daemon.mqtt))
        reads(card, f"http://127.0.0.1:{daemon.http}/pub")
        is_live(page)
        map_is_idle(page)
        page.evaluate("globalThis.sameDocument = true")

        anna = User(daemon, "anna")
        anna.publish("phone", lat=48.137, lon=11.575, acc=12, batt=64)
        sees(pin(page))
        reads(row(page, "anna"), "48.1370° N, 11.5750° E")
        self.assertFalse(card.is_visible())
        map_is_idle(page)

        before = place(pin(page))
        anna.publish("phone", lat=48.1385, lon=11.579, acc=8, batt=9, vel=34)
        reads(row(page, "anna"), "On the way · 34 km/h")
        reads(row(page, "anna"), "±8 m")
        reads(row(page, "anna").locator(".battery-low"), "9 %")
        until(lambda: place(pin(page)) != before, 10, "a pin that moved")
        self.assertTrue(page.evaluate("globalThis.sameDocument"), "the page was not loaded anew")
        self.assert_clean(guest)

        page.get_by_role("button", name="anna", exact=True).click()
        page.get_by_role("button", name="Logout").click()
        page.wait_for_url(re.compile("/login/"))
        page.goto("/")
        page.wait_for_url(re.compile("/login/"))
        self.assert_clean(guest)
