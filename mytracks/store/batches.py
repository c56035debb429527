"""One batch of units in one transaction: neighbours merged, a bad one found among few.

The same for every database: a driver is the `Port` below. One drives `Batch.run` to its end inside
its thread, another awaits it on the reactor. Which errors end a batch is the driver's to judge, and
what happens then.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Protocol, cast

from twisted.python.failure import Failure

from mytracks.store.database import Mergeable
from mytracks.transaction import Unit

Work = Unit[Any] | Mergeable[Any]

_FEW: Final = 8
"""Units that are done one by one rather than in smaller groups."""
_PATIENCE: Final = 24
"""Failures after which nothing is halved any more: that finds about three bad ones; where there are
many, as in a queue that was sent before, all that is undone would cost more than it saves."""


class Sequel:
    """What is to be called once a transaction is durable."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []

    def after(self, call: Callable[[], object]) -> None:
        """`call` once all of this is durable; never if it is undone."""
        self._calls.append(call)

    def mark(self) -> int:
        """How far it has come, for `forget`."""
        return len(self._calls)

    def forget(self, mark: int) -> None:
        """What came since `mark` was undone."""
        del self._calls[mark:]

    def durable(self) -> None:
        """The commit is known: make the calls."""
        calls, self._calls = self._calls, []
        for call in calls:
            call()


class Port(Protocol):
    """A connection, as a batch needs it: one transaction at a time, one savepoint at a time."""

    sequel: Sequel

    async def begin(self) -> None:
        """Begin a transaction."""

    async def enter(self) -> None:
        """Set the savepoint."""

    async def undo(self) -> None:
        """Go back to the savepoint, which stays."""

    async def leave(self) -> None:
        """Forget the savepoint."""

    async def commit(self) -> None:
        """Make it durable."""

    async def run(self, unit: Unit[Any]) -> Any:
        """The result of `unit`. Raises RuntimeError if it awaits what is not its transaction's."""

    def ends_batch(self, error: Exception) -> bool:
        """Whether nothing more can be done in this transaction; else the unit alone failed."""

    def contradicted(self, error: BaseException | None) -> bool:
        """Whether another process may have changed what the unit had looked at before."""


class Batch:
    """Some units. `outcomes`: the result of each, or its Failure; true only once it is durable."""

    def __init__(self, units: Sequence[Work]) -> None:
        self._units = units
        self.outcomes: list[Any] = []

    async def run(self, port: Port) -> None:
        """Do all of it, as often as need be; the sequel of what was done waits in the port.

        Raises what ends a batch; then nothing was stored, but for an answer to COMMIT that was
        lost, and rolling back is the driver's.
        """
        port.sequel.forget(0)
        self.outcomes = []
        await port.begin()
        for group in _neighbours(self._units):
            if hasattr(group[0], "apply_many"):
                await self._merged(port, cast(Sequence[Mergeable[Any]], group))
            else:
                for unit in group:
                    self.outcomes.append(await _surely(port, cast(Unit[Any], unit)))
        await port.commit()

    async def _merged(self, port: Port, group: Sequence[Mergeable[Any]]) -> None:
        """All in one go; where that fails in halves, until the bad ones are among few."""
        failures = 0
        waiting = [group]
        while waiting:
            part = waiting.pop()
            results = await _alone(port, partial(part[0].apply_many, units=part))
            if not isinstance(results, Failure):
                self.outcomes += results
                continue
            failures += 1
            if len(part) <= _FEW or failures >= _PATIENCE:
                for unit in part:
                    self.outcomes.append(await _surely(port, unit.apply))
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]


async def _surely(port: Port, unit: Unit[Any]) -> Any:
    """The same of a unit by itself, which may look again where another process was quicker."""
    outcome = await _alone(port, unit)
    if isinstance(outcome, Failure) and port.contradicted(outcome.value):
        outcome = await _alone(port, unit)
    return outcome


async def _alone(port: Port, unit: Unit[Any]) -> Any:
    """The result of `unit`, or its Failure with nothing of it left."""
    mark = port.sequel.mark()
    await port.enter()
    try:
        result = await port.run(unit)
    except Exception as error:  # whatever a unit raises is its sender's
        if port.ends_batch(error):
            raise
        result = Failure()
        await port.undo()
        port.sequel.forget(mark)
    await port.leave()
    return result


def _neighbours(units: Sequence[Work]) -> Iterator[Sequence[Work]]:
    """`units` cut where the kind changes."""
    start = 0
    for end in range(1, len(units) + 1):
        if end == len(units) or type(units[end]) is not type(units[start]):
            yield units[start:end]
            start = end
