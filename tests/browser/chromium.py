"""Debian's Chromium, driven by Playwright, and what a page did that it should not have done.

One browser for the whole test process; each visitor has a context of its own: cookies, theme, size.
"""

import atexit
import shutil
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

ARGUMENTS: Final = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-rasterization",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE: Final = 20_000
"""Milliseconds that anything may take to show up: the machine is shared, and draws in software."""

DESK: Final = (1440, 900)
PHONE: Final = (390, 844)

RECORD_VIOLATIONS: Final = """
  globalThis.violations = [];
  addEventListener("securitypolicyviolation", (event) => {
    violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
  });
"""


def why_not() -> str | None:
    """Why nothing can be tested with a browser here; None when it can."""
    if shutil.which("chromium") is None:
        return "there is no chromium on PATH"
    return None


@cache
def chromium() -> Browser:
    """The browser of this process; ends with it."""
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=list(ARGUMENTS)
    )
    atexit.register(browser.close)
    return browser


@frozen
class Visitor:
    """Somebody in front of a page. `complaints`: everything a clean page never does."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(factory=list)

    def watch(self, origin: str) -> None:
        """Note errors, whatever the policy forbids, and requests to anybody but `origin`."""

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and "GPU stall" not in message.text:
                self.complaints.append(f"{message.type}: {message.text}")

        def asked(request: Request) -> None:
            address = urlsplit(request.url)
            if address.scheme not in ("data", "blob") and not request.url.startswith(origin):
                self.complaints.append(f"asked somebody else: {request.url}")

        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.context.on("request", asked)

    def all_complaints(self) -> list[str]:
        """What was noted, and what the policy refused on the page that is shown now."""
        refused: list[str] = self.page.evaluate("globalThis.violations ?? []")
        return [*self.complaints, *refused]


def visitor(
    origin: str,
    *,
    size: tuple[int, int] = DESK,
    theme: str = "light",
    init: str = "",
    **options: Any,
) -> Visitor:
    """A new visitor of the server at `origin`, with empty cookies. `init`: script that runs in each
    page before the page's own; the other options are Playwright's."""
    width, height = size
    narrow = width < 720
    settings: dict[str, Any] = {
        "base_url": origin,
        "viewport": {"width": width, "height": height},
        "device_scale_factor": 2 if narrow else 1,
        "has_touch": narrow,
        "is_mobile": narrow,
        "color_scheme": theme,
        "locale": "en-GB",
    }
    context = chromium().new_context(**(settings | options))
    context.set_default_timeout(PATIENCE)
    context.add_init_script(RECORD_VIOLATIONS + init)
    guest = Visitor(context, context.new_page())
    guest.watch(origin)
    return guest
