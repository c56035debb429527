"""A long list becomes JSON, or a table, slice by slice: others get a turn in between."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from mytracks.clock import Clock

T = TypeVar("T")

SLICE: Final = 400
"""Items that are encoded in one go: a few milliseconds."""


async def slices(items: Sequence[T], clock: Clock) -> AsyncIterator[Sequence[T]]:
    """The items in their order, some at a time, with everybody's turn in between."""
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]
        if len(items) > SLICE:
            await _the_others_turn(clock)


async def encoded(items: Sequence[T], shown: Callable[[T], Any], clock: Clock) -> msgspec.Raw:
    """The JSON array of all `items`, each as `shown` shows it."""
    parts: list[bytes | memoryview] = [b"["]
    async for some in slices(items, clock):
        part = msgspec.json.encode([shown(one) for one in some])
        parts += (b"," if len(parts) > 1 else b"", memoryview(part)[1:-1])
    return msgspec.Raw(b"".join((*parts, b"]")))


def _the_others_turn(clock: Clock) -> Deferred[None]:
    """Fires when the reactor has looked after everybody once."""
    turn: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.later(0, turn.callback, None)
    return turn
