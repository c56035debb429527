"""A family's day: four phones' ways and states, for pages that show what mytracks is for."""

import math
import random
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.browser.cases import User

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
