"""A long list becomes JSON slice by slice: whoever else waits gets a turn in between."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from mytracks.clock import Clock

T = TypeVar("T")

SLICE: Final = 400
"""Items that are encoded in one go: a few milliseconds."""


async def encoded(items: Sequence[T], shown: Callable[[T], Any], clock: Clock) -> msgspec.Raw:
    """The JSON array of all `items`, each as `shown` shows it."""
    parts: list[bytes | memoryview] = [b"["]
    for start in range(0, len(items), SLICE):
        part = msgspec.json.encode([shown(one) for one in items[start : start + SLICE]])
        parts += (b"," if start else b"", memoryview(part)[1:-1])
        if len(items) > SLICE:
            await _the_others_turn(clock)
    return msgspec.Raw(b"".join((*parts, b"]")))


def _the_others_turn(clock: Clock) -> Deferred[None]:
    """Fires when the reactor has looked after everybody once."""
    turn: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.later(0, turn.callback, None)
    return turn
