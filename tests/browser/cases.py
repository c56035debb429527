"""Test cases with a browser in front of a real daemon.

The daemon is shared by all tests of the process that take it as it is; each test has a user of its
own, so that nobody sees anybody else's phones.
"""

import atexit
import itertools
import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from attrs import frozen
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Locator, Page, StorageState, expect
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.browser import chromium
from tests.browser.chromium import DESK, PATIENCE, Visitor
from tests.whole.daemon import Daemon
from tests.whole.web import Web

PASSWORD = "four plain words here"


@frozen
class User:
    """Somebody with an account at `daemon`, and phones."""

    daemon: Daemon
    name: str

    def publish(self, device: str, /, **members: Any) -> None:
        """Send a location by MQTT, as a phone does; returns when the server acknowledged it."""
        message = {"_type": "location", "lat": 48.14, "lon": 11.55, "tst": int(time.time())}
        phone = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{self.name}-phone")
        phone.username_pw_set(self.name, PASSWORD)
        phone.connect("127.0.0.1", self.daemon.mqtt)
        phone.loop_start()
        payload = json.dumps(message | {"tid": device[:2]} | members)
        sent = phone.publish(f"owntracks/{self.name}/{device}", payload, qos=1)
        sent.wait_for_publish(PATIENCE / 1000)
        assert sent.is_published(), "the server did not acknowledge it"
        phone.disconnect()
        phone.loop_stop()

    def post(self, device: str, /, **members: Any) -> None:
        """The same over HTTP, for many at a time."""
        web = Web(self.daemon.http, basic=(self.name, PASSWORD))
        message = {"_type": "location", "tid": device[:2]} | members
        answer = web.post_json(f"/pub?d={device}", message)
        assert answer.status == 200, answer


@cache
def shared_daemon() -> Daemon:
    """The daemon of this test process, with no account yet."""
    daemon = Daemon()
    atexit.register(daemon.close)
    return daemon.start()


@cache
def _numbers() -> Iterator[int]:
    return itertools.count(1)


def origin(daemon: Daemon) -> str:
    """Where its pages are."""
    return f"http://127.0.0.1:{daemon.http}"


class BrowserCase(SynchronousTestCase):
    """Tests with visitors; every one of them must leave without a complaint."""

    def setUp(self) -> None:
        reason = chromium.why_not()
        if reason is not None:
            raise SkipTest(reason)
        self.visitors: list[Visitor] = []
        self._cookies: dict[str, StorageState] = {}
        self.addCleanup(self._close_visitors)

    def _close_visitors(self) -> None:
        for guest in self.visitors:
            guest.context.close()

    def visitor(self, daemon: Daemon, **options: Any) -> Visitor:
        """A new browser at `daemon`; its complaints fail the test, unless taken out."""
        guest = chromium.visitor(origin(daemon), **options)
        self.visitors.append(guest)
        return guest

    def new_user(self, daemon: Daemon | None = None, name: str | None = None) -> User:
        """A new account with no phones, at the shared daemon or another."""
        house = daemon or shared_daemon()
        name = name or f"walker{next(_numbers())}"
        house.add_user(name, PASSWORD)
        return User(house, name)

    def sign_in(self, user: User, *, guest: Visitor | None = None, **options: Any) -> Visitor:
        """A browser (a new one, if none is given) in which `user` is signed in and sees the map."""
        if guest is None and user.name in self._cookies:
            known = self.visitor(user.daemon, storage_state=self._cookies[user.name], **options)
            known.page.goto("/")
            return known
        guest = guest or self.visitor(user.daemon, **options)
        guest.page.goto("/login/")
        guest.page.get_by_label("User name").fill(user.name)
        guest.page.get_by_label("Password", exact=True).fill(PASSWORD)
        guest.page.get_by_role("button", name="Sign in").click()
        guest.page.wait_for_url("**/")
        self._cookies[user.name] = guest.context.storage_state()
        return guest

    def assert_clean(self, guest: Visitor) -> None:
        """No error, nothing refused by the policy, nobody else asked."""
        self.assertEqual([], guest.all_complaints())


def sees(locator: Locator) -> None:
    """Wait until it is visible."""
    expect(locator).to_be_visible(timeout=PATIENCE)


def reads(locator: Locator, text: Any) -> None:
    """Wait until it holds this text."""
    expect(locator).to_contain_text(text, timeout=PATIENCE)


def map_is_idle(page: Page) -> None:
    """Wait until everything on the map is drawn."""
    expect(page.locator("#map-canvas")).to_have_attribute(
        "data-map-state", "idle", timeout=2 * PATIENCE
    )


def is_live(page: Page) -> None:
    """Wait until the page listens to the server."""
    reads(page.locator("#live-chip" if is_wide(page) else "#map-chip"), "Live")


def is_wide(page: Page) -> bool:
    """Whether the page is laid out as on a desk."""
    size = page.viewport_size
    return size is None or size["width"] >= 720


def row(page: Page, device: str) -> Locator:
    """The row of a device in the list, by the device's own name."""
    return page.locator("button.person").filter(has_text=device)


def pin(page: Page) -> Locator:
    """The pins on the map."""
    return page.locator(".pin")


def afternoon() -> dict[str, Any]:
    """Options of a visitor in whose zone it is afternoon, so that today has a past."""
    behind = (time.gmtime().tm_hour - 15) % 24
    return {"timezone_id": f"Etc/GMT+{behind}" if behind <= 12 else f"Etc/GMT-{24 - behind}"}


def place(locator: Locator) -> tuple[float, float]:
    """Where it is on the screen (CSS pixels)."""
    box = locator.bounding_box()
    assert box is not None, "it is not on the screen"
    return box["x"], box["y"]


__all__ = [
    "DESK",
    "PASSWORD",
    "BrowserCase",
    "User",
    "afternoon",
    "is_live",
    "map_is_idle",
    "origin",
    "pin",
    "place",
    "reads",
    "row",
    "sees",
    "shared_daemon",
]
