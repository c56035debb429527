"""The map page in use: what is seen, what can be done, and that it happens by itself."""

import json
import re
import time

from playwright.sync_api import Page, expect

from tests.browser.cases import (
    PASSWORD,
    BrowserCase,
    afternoon,
    is_live,
    map_is_idle,
    pin,
    place,
    reads,
    row,
    sees,
)
from tests.browser.chromium import DESK, PHONE
from tests.whole.patience import until
from tests.whole.web import Web

HOUR = 3600
TWICE = """addEventListener("DOMContentLoaded", () => {
  document.documentElement.style.fontSize = "200%";
});"""
WHOLE = """e => e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 1
  || getComputedStyle(e).display === "inline" """


class PeopleTests(BrowserCase):
    """The list beside the map."""

    def test_the_list_tells_a_screen_reader_what_it_shows(self) -> None:
        """Golden text: whoever cannot see the map has everything in the list."""
        user = self.new_user()
        now = int(time.time())
        user.publish("phone", tst=now, vel=34, batt=41, acc=8, lat=48.14, lon=11.5)
        user.publish("tablet", tst=now - 3 * HOUR, created_at=now - 3 * HOUR, batt=9, bs=2, acc=25)
        user.publish("watch", tst=now - 240, created_at=now - 240, inregions=["School"])
        page = self.sign_in(user).page
        is_live(page)
        expect(page.locator("#people-list")).to_match_aria_snapshot(
            """
            - list:
              - listitem:
                - button /phone .* On the way · 34 km.h ±8 m battery 41 percent/
              - listitem:
                - button /watch 4 min School/
              - listitem:
                - button /tablet 3 h ago .* ±25 m battery 9 percent, charging/
            """
        )

    def test_a_silent_phone_and_a_low_battery_stand_out_by_more_than_colour(self) -> None:
        """Whoever does not see colours sees weight, a dotted ring and another icon."""
        user = self.new_user()
        long_ago = int(time.time()) - 3 * HOUR
        user.publish("phone", tst=long_ago, created_at=long_ago, batt=9)
        page = self.sign_in(user).page
        phone = row(page, user.name)
        reads(phone.locator(".person-age"), "3 h ago")
        expect(phone.locator(".face")).to_have_css("border-top-style", "dotted")
        expect(phone.locator(".battery")).to_have_css("font-weight", "650")
        expect(phone.locator(".battery use")).to_have_attribute("href", re.compile("#battery-low$"))

    def test_selecting_is_a_step_that_back_undoes_and_reload_keeps(self) -> None:
        """The address is the state: it can be copied, and Back does what it says."""
        user = self.new_user()
        user.publish("phone")
        user.publish("car", lat=48.2, lon=11.7)
        guest = self.sign_in(user)
        page = guest.page
        map_is_idle(page)
        row(page, "car").click()
        expect(row(page, "car")).to_have_attribute("aria-pressed", "true")
        expect(page).to_have_url(re.compile(rf"\?who={user.name}/car"))
        sees(page.get_by_role("heading", name="Last report · car"))
        page.reload()
        expect(row(page, "car")).to_have_attribute("aria-pressed", "true")
        map_is_idle(page)
        page.go_back()
        expect(row(page, "car")).to_have_attribute("aria-pressed", "false")
        self.assert_clean(guest)

    def test_everything_can_be_done_with_the_keyboard(self) -> None:
        """Select, follow, stop following, clear: no pointer needed."""
        user = self.new_user()
        user.publish("phone")
        user.publish("car", lat=48.2, lon=11.7)
        page = self.sign_in(user).page
        map_is_idle(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to people")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("j")
        expect(row(page, "car")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("j")
        expect(row(page, "phone")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("f")
        reads(page.locator("#map-notices"), "Following phone")
        page.keyboard.press("f")
        expect(page.locator("#map-notices")).not_to_contain_text("Following")
        page.keyboard.press("Escape")
        expect(row(page, "phone")).to_have_attribute("aria-pressed", "false")

    def test_names_and_places_from_phones_are_text_wherever_they_stand(self) -> None:
        """A phone's owner chooses its name; nobody chooses what runs in somebody else's browser."""
        user = self.new_user()
        markup = '<img src=x onerror="alert(1)">'
        user.publish(markup, inregions=["<script>alert(2)", "'\"><b>"], tid="<b", SSID=markup)
        user.publish("${alert(3)}", lat=48.2, lon=11.7)
        guest = self.sign_in(user)
        page = guest.page
        map_is_idle(page)
        reads(row(page, markup), "<script>alert(2), '\"><b>")
        reads(pin(page).filter(has_text=markup), "now")
        row(page, markup).click()
        sees(page.get_by_role("heading", name=f"Last report · {markup}"))
        self.assertEqual(0, page.locator("#people img, #map img").count())
        self.assert_clean(guest)


class LiveTests(BrowserCase):
    """What happens without anybody doing anything."""

    def test_two_browsers_see_the_same_pin_move(self) -> None:
        """One at the desk, one on the phone: both are told at once."""
        user = self.new_user()
        user.publish("phone", lat=48.14, lon=11.55)
        desk, hand = self.sign_in(user), self.sign_in(user, size=PHONE)
        for guest in (desk, hand):
            is_live(guest.page)
            map_is_idle(guest.page)
        before = [place(pin(guest.page)) for guest in (desk, hand)]
        user.publish("phone", lat=48.143, lon=11.556)
        for guest, was in zip((desk, hand), before, strict=True):
            page = guest.page
            until(lambda page=page, was=was: place(pin(page)) != was, 20, "a pin that moved")  # type: ignore[misc]
            self.assert_clean(guest)

    def test_the_map_follows_whom_it_is_told_to_until_somebody_drags_it(self) -> None:
        """The map never moves by itself, but for Follow; and a hand on it ends that."""
        user = self.new_user()
        user.publish("phone", lat=48.14, lon=11.55)
        guest = self.sign_in(user)
        page = guest.page
        map_is_idle(page)
        row(page, user.name).click()
        page.get_by_role("button", name="Follow").click()
        pill = page.locator(".following")
        reads(pill, f"Following {user.name}")
        map_is_idle(page)
        middle = place(pin(page))
        user.publish("phone", lat=48.145, lon=11.56)
        reads(row(page, user.name), "48.1450° N")
        until(lambda: _near(place(pin(page)), middle), 20, "the pin back in the middle")
        page.mouse.move(900, 700)
        page.mouse.down()
        page.mouse.move(960, 640, steps=4)
        page.mouse.up()
        expect(pill).to_be_hidden()
        self.assert_clean(guest)

    def test_what_happened_while_the_network_was_away_is_told_afterwards(self) -> None:
        """A train goes through a tunnel: nothing is lost, and the lamp says the truth."""
        user = self.new_user()
        user.publish("phone", lat=48.14, lon=11.55)
        guest = self.sign_in(user)
        page = guest.page
        is_live(page)
        map_is_idle(page)
        guest.context.set_offline(True)
        reads(page.locator("#live-chip"), "Offline")
        user.publish("phone", lat=48.1501, lon=11.5601)
        reads(row(page, user.name), "48.1400° N")
        guest.context.set_offline(False)
        is_live(page)
        reads(row(page, user.name), "48.1501° N")

    def test_a_session_that_ended_elsewhere_is_told_and_leads_back(self) -> None:
        """Signed out in another window: the page says so instead of trying for ever."""
        user = self.new_user()
        user.publish("phone")
        guest = self.sign_in(user)
        page = guest.page
        is_live(page)
        map_is_idle(page)
        other = guest.context.new_page()
        other.goto("/")
        other.get_by_role("button", name=user.name, exact=True).click()
        other.get_by_role("button", name="Logout").click()
        other.wait_for_url("**/login/**")
        reads(page.locator("#live-chip"), "Signed out")
        link = page.locator("#map-notices").get_by_role("link", name="Sign in again")
        expect(link).to_have_attribute("href", re.compile("^/login/"))
        self.assert_no_place_is_left(page)

    def assert_no_place_is_left(self, page: Page) -> None:
        """Whoever sits there now may be somebody else."""
        reads(page.locator("#people-list"), "Signed out. Nobody")
        expect(pin(page)).to_have_count(0)
        expect(page.locator("#map-canvas")).to_be_hidden()
        expect(page.locator("#first-run")).to_be_hidden()
        self.assertNotIn("48.14", page.locator("body").inner_html())

    def test_todays_way_is_drawn_on_and_can_be_looked_at_as_a_whole(self) -> None:
        """Points from before the page was opened and from after make one line."""
        user = self.new_user()
        now = int(time.time())
        for step in range(20):
            user.post("phone", lat=48.14 + step / 500, lon=11.55, tst=now - 1200 + step * 60)
        guest = self.sign_in(user, **afternoon())
        page = guest.page
        map_is_idle(page)
        row(page, user.name).click()
        page.get_by_role("button", name=re.compile("^Today.s way$")).click()
        map_is_idle(page)
        self.assert_clean(guest)

    def test_no_pin_comes_to_rest_under_a_button(self) -> None:
        """The end of today's way is where somebody is: it must be seen, and pressed."""
        user = self.new_user()
        now = int(time.time())
        for step in range(12):
            at = now - 1200 + step * 60
            user.post("phone", lat=48.14 + step / 900, lon=11.4 + step / 50, tst=at)
        for size in (DESK, PHONE):
            page = self.sign_in(user, size=size, **afternoon()).page
            map_is_idle(page)
            row(page, user.name).click()
            page.get_by_role("button", name=re.compile("^Today.s way$")).click()
            map_is_idle(page)
            tools, own = page.locator("#map-tools").bounding_box(), pin(page).bounding_box()
            assert tools is not None
            assert own is not None
            self.assertLessEqual(own["x"] + own["width"], tools["x"])


class PreferencesTests(BrowserCase):
    """The map as somebody wants to see it."""

    def test_units_time_zone_and_home_are_those_of_the_profile(self) -> None:
        """It begins at home until somebody reports, whatever zone the browser is in."""
        user = self.new_user()
        home = {"latitude": -36.85, "longitude": 174.76, "label": "Mount Eden"}
        wanted = {"units": "imperial", "time_zone": "America/St_Johns", "language": "en-GB"}
        web = Web(user.daemon.http, basic=(user.name, PASSWORD))
        told = json.dumps(wanted | {"home": home}).encode()
        answer = web.ask("PATCH", "/api/account", told, {"Content-Type": "application/json"})
        self.assertEqual(200, answer.status, answer.body)
        guest = self.sign_in(user, timezone_id="Asia/Tokyo", locale="de-DE")
        page = guest.page
        map_is_idle(page)
        expect(page).to_have_url(re.compile(r"#\d\.\d+/-36\.85\d*/174\.76\d*$"))
        expect(page.locator("#map-scale")).to_have_text(re.compile(r"^\d+ mi$"))
        user.publish("phone", vel=100, acc=30, alt=1000)
        one = row(page, user.name)
        reads(one, "62 mph")
        reads(one, "±98 ft")
        one.click()
        facts = page.locator(".facts")
        reads(facts, "3281 ft")
        reads(facts, re.compile(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d (GMT-[23]:30|N[DS]T)"))
        map_is_idle(page)
        expect(page).to_have_url(re.compile(r"#\d+\.\d+/48\.1"))
        self.assert_clean(guest)


class TroubleTests(BrowserCase):
    """When the server cannot do what it is asked."""

    def test_a_failing_request_is_told_in_plain_words_once(self) -> None:
        """No exception, no silence: what did not work and what to do; the list goes on."""
        user = self.new_user()
        user.publish("phone")
        user.publish("car", lat=48.2)
        guest = self.visitor(user.daemon)
        answer = {"status": 503, "content_type": "application/problem+json", "body": "{}"}
        guest.context.route("**/api/locations?**", lambda route: route.fulfill(**answer))
        page = self.sign_in(user, guest=guest).page
        toast = page.locator(".toast")
        reads(toast, "ways could not be read. Reload the page to try again.")
        expect(toast).to_have_count(1)
        is_live(page)
        toast.get_by_role("button", name="Close").click()
        expect(toast).to_have_count(0)


class WithoutTests(BrowserCase):
    """Browsers that cannot do everything still show where everybody is."""

    def test_without_graphics_the_list_stays_and_says_why(self) -> None:
        """An old phone or a blocked graphics processor must not blank the page."""
        user = self.new_user()
        user.publish("phone")
        no_graphics = """
          const getContext = HTMLCanvasElement.prototype.getContext;
          HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
          };
        """
        guest = self.sign_in(user, init=no_graphics)
        page = guest.page
        reads(page.locator("#map-notices"), "cannot draw the map")
        is_live(page)
        user.publish("phone", vel=50, lat=48.15)
        reads(row(page, user.name), "On the way · 50 km/h")
        self.assert_clean(guest)

    def test_without_script_the_list_tells_place_and_time(self) -> None:
        """The server wrote it; no script is needed to read."""
        user = self.new_user()
        user.publish("phone", lat=48.14, lon=11.55, batt=64, acc=12)
        page = self.sign_in(user, java_script_enabled=False).page
        one = page.get_by_role("listitem")
        reads(one, f"{user.name}/phone")
        reads(one, "48.14000, 11.55000")
        reads(one, "64 %")
        reads(one.locator("time"), "UTC")
        self.assertFalse(page.locator("#map").is_visible())
        sees(page.locator("noscript .notice"))


class PhoneTests(BrowserCase):
    """The page in a hand."""

    def test_the_sheet_has_three_stops_by_press_by_key_and_by_drag(self) -> None:
        """Dragging is never the only way."""
        user = self.new_user()
        user.publish("phone")
        page = self.sign_in(user, size=PHONE).page
        map_is_idle(page)
        handle = page.get_by_role("button", name=re.compile("List of people"))
        self.assertEqual(388, height(page))
        handle.click()
        until(lambda: height(page) == 844 - 60 - 64, 10, "a sheet at its highest")
        handle.click()
        until(lambda: height(page) == 148, 10, "a sheet at its lowest")
        expect(handle).to_have_attribute("aria-expanded", "false")
        handle.press("ArrowUp")
        until(lambda: height(page) == 388, 10, "a sheet half up")
        x, y = place(handle)
        page.mouse.move(x + 100, y + 10)
        page.mouse.down()
        page.mouse.move(x + 100, y - 150, steps=5)
        page.mouse.move(x + 100, y - 330, steps=5)
        page.mouse.up()
        until(lambda: height(page) == 844 - 60 - 64, 10, "a sheet dragged up")

    def test_text_of_twice_the_size_is_read_whole(self) -> None:
        """WCAG 1.4.4: nothing is cut off, whatever the sheet's stop."""
        user = self.new_user()
        user.publish("phone", batt=41, acc=8, vel=34)
        guest = self.sign_in(user, size=PHONE, init=TWICE)
        page = guest.page
        map_is_idle(page)
        row(page, user.name).click()
        for selector in (".person-name", ".person-age", ".person-doing", ".fact dd", "#map-chip"):
            for one in page.locator(selector).all():
                self.assertTrue(one.evaluate(WHOLE), selector)
        for one in page.locator(".person-action").all():
            self.assertTrue(one.evaluate(WHOLE), one.text_content())
        self.assertLessEqual(page.locator("#people-body").evaluate("e => e.scrollWidth"), 390)
        page.get_by_role("button", name=re.compile("List of people")).press("ArrowDown")
        until(lambda: height(page) == 296, 10, "a sheet at its lowest, for large text")
        self.assertTrue(page.locator(".person-age").evaluate(WHOLE))

    def test_320_pixels_are_wide_enough(self) -> None:
        """WCAG 1.4.10: no scrolling in two directions."""
        user = self.new_user()
        user.publish("a phone with quite a long name of its own", inregions=["w" * 80])
        page = self.sign_in(user, size=(320, 640)).page
        map_is_idle(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(wide, 320)
        body = page.locator("#people-body")
        self.assertLessEqual(body.evaluate("e => e.scrollWidth"), 320)


def height(page: Page) -> float:
    """Of the sheet (CSS pixels)."""
    box = page.locator("#people").bounding_box()
    assert box is not None
    return round(box["height"])


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < 3 and abs(one[1] - other[1]) < 3
