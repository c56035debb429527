"""Pictures of the pages in both themes and at both sizes, for eyes to judge.

They go to `tests/browser/pictures`, or where MYTRACKS_PICTURES says. With MYTRACKS_README_PICTURE
the one of the README is made too, at that path. Both begin at the top of the checkout.
"""

import math
import os
import random
import shutil
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.browser.cases import BrowserCase, User, is_live, map_is_idle, row, sees
from tests.browser.chromium import DESK, PHONE
from tests.browser.test_map import afternoon
from tests.whole.daemon import Daemon

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / os.environ.get("MYTRACKS_PICTURES", "tests/browser/pictures")
README: Final = os.environ.get("MYTRACKS_README_PICTURE")
LOOKS: Final = list(product(("light", "dark"), (("desktop", DESK), ("phone", PHONE))))
HOUR: Final = 3600


def walk(
    seed: int, start: tuple[float, float], heading: float, steps: int, step: float
) -> Iterator[tuple[float, float]]:
    """A way that bends like a road; latitude, longitude."""
    chance, (latitude, longitude) = random.Random(seed), start
    for _ in range(steps):
        heading += chance.uniform(-0.45, 0.45)
        latitude += step * math.sin(heading)
        longitude += 1.5 * step * math.cos(heading)
        yield round(latitude, 6), round(longitude, 6)


def live_a_day(family: User) -> None:
    """Four phones' morning, noon and afternoon."""
    now = int(time.time())
    ways: dict[str, tuple[list[tuple[float, float]], int, int, dict[str, Any]]] = {
        "Anna": (list(walk(11, (48.155, 11.46), 0.1, 70, 0.0016)), 8 * HOUR, 3, {"batt": 64}),
        "Ben": (
            list(walk(5, (48.12, 11.56), 0.2, 60, 0.0013)),
            2 * HOUR,
            12,
            {"batt": 41, "acc": 8, "vel": 34},
        ),
        "Clara": (
            list(walk(3, (48.17, 11.5), 3.0, 18, 0.001)),
            9 * HOUR,
            240,
            {"batt": 9, "acc": 25, "inregions": ["School"]},
        ),
        "Omi": ([(48.128, 11.53)], 3 * HOUR, 3 * HOUR, {"acc": 400}),
    }
    for name, (places, begin, end, members) in ways.items():
        for number, (latitude, longitude) in enumerate(places, 1):
            at = now - begin + (begin - end) * number // len(places)
            told = {"acc": 12, "created_at": at} | members
            family.post(name, lat=latitude, lon=longitude, tst=at, **told)


class PictureTests(BrowserCase):
    """A picture fails only when its page does not come to rest."""

    def setUp(self) -> None:
        super().setUp()
        FOLDER.mkdir(parents=True, exist_ok=True)

    def shoot(self, page: Page, name: str, theme: str, size: str) -> Path:
        """Keep what the window shows."""
        path = FOLDER / f"{name}-{size}-{theme}.png"
        page.mouse.move(0, 0)
        page.screenshot(path=path, animations="disabled")
        return path

    def test_a_family_on_the_map(self) -> None:
        """The picture of the README, in its four looks."""
        family = self.new_user(name="family")
        live_a_day(family)
        for theme, (name, size) in LOOKS:
            calm = {"reduced_motion": "reduce"} | afternoon()
            page = self.sign_in(family, theme=theme, size=size, **calm).page
            is_live(page)
            map_is_idle(page)
            row(page, "Anna").click()
            page.get_by_role("button", name="Show everybody").click()
            map_is_idle(page)
            path = self.shoot(page, "map", theme, name)
            if README is not None and (theme, name) == ("light", "desktop"):
                shutil.copyfile(path, ROOT / README)

    def test_the_first_day(self) -> None:
        """Nobody there yet."""
        user = self.new_user()
        for theme, (name, size) in LOOKS:
            page = self.sign_in(user, theme=theme, size=size).page
            is_live(page)
            map_is_idle(page)
            self.shoot(page, "first-run", theme, name)

    def test_the_forms(self) -> None:
        """Set-up and sign-in."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        for theme, (name, size) in LOOKS:
            page = self.visitor(daemon, theme=theme, size=size).page
            for form, address in (("setup", daemon.setup_url()), ("login", "/login/")):
                page.goto(address)
                sees(page.get_by_role("heading", level=1))
                self.shoot(page, form, theme, name)
