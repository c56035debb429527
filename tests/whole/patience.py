"""Waiting for another process: always bounded, never a blind sleep."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

STEP = 0.01
"""Seconds between two looks."""


class Impatient(AssertionError):
    """What was waited for did not come in time."""


def until(look: Callable[[], T | None], within: float, what: str) -> T:
    """Look again and again until `look` gives something true; at most `within` seconds.

    Raises Impatient naming `what`.
    """
    nobody = Event()
    end = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise Impatient(f"after {within:g} s still not: {what}")
        nobody.wait(STEP)
