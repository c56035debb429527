"""Colours of single pixels of what a page shows, read by the browser itself."""

import base64
import math
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

Colour = tuple[int, int, int]
Point = tuple[float, float]

READ = """async ([picture, points]) => {
  const image = new Image();
  image.src = picture;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
}"""


def colours(page: Page, points: Sequence[Point]) -> list[Colour]:
    """The colours at these points of the window (CSS pixels, at a scale of 1)."""
    picture = base64.b64encode(page.screenshot()).decode("ascii")
    argument: Any = [f"data:image/png;base64,{picture}", [list(point) for point in points]]
    read: list[list[int]] = page.evaluate(READ, argument)
    return [(red, green, blue) for red, green, blue in read]


def hexadecimal(colour: Colour) -> str:
    """As style sheets write it."""
    return "#" + "".join(f"{part:02x}" for part in colour)


def on_map(page: Page, place: Point, middle: Point, zoom: float) -> Point:
    """Where a place (longitude, latitude) is in the window when the map looks at `middle`."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    world = 512 * 2**zoom
    (x, y), (mx, my) = _mercator(place), _mercator(middle)
    return (
        box["x"] + box["width"] / 2 + (x - mx) * world,
        box["y"] + box["height"] / 2 + (y - my) * world,
    )


def _mercator(place: Point) -> Point:
    """Of a world whose sides are 1."""
    longitude, latitude = place
    north = math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    return longitude / 360 + 0.5, 0.5 - north / (2 * math.pi)
