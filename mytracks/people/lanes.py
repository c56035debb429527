"""Jobs that wait, in lanes: a lane that is full does not hold up the others. Pure.

While few wait the oldest goes first. While many do, the lanes take turns, a lane that was empty
first, and in each the newest goes first, for it is the one whose asker is still there.
"""

from collections import OrderedDict, deque
from typing import Final, Generic, Protocol, TypeVar

LANES: Final = 64
IN_ORDER: Final = 16
"""While no more than so many wait, the oldest of them goes first."""


class Job(Protocol):
    """Something that waits. `since`: when it came, by any clock that goes forward."""

    @property
    def since(self) -> float: ...


_J = TypeVar("_J", bound=Job)


class Lanes(Generic[_J]):
    """The jobs of one class."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[int, deque[_J]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, number: int, job: _J) -> None:
        """One more, in the lane of `number`, which is any."""
        lane = number % LANES
        if lane not in self._lanes:
            self._lanes[lane] = deque()
            self._lanes.move_to_end(lane, last=False)
        self._lanes[lane].append(job)
        self._count += 1

    def next(self) -> _J:
        """Whose turn it is; raises IndexError when none waits."""
        if not self._count:
            raise IndexError("nothing waits")
        if self._count <= IN_ORDER:
            return self._oldest_of(min(self._lanes, key=lambda lane: self._lanes[lane][0].since))
        lane, jobs = next(iter(self._lanes.items()))
        job = jobs.pop()
        self._lanes.move_to_end(lane)
        self._left(lane)
        return job

    def give_way(self) -> _J:
        """The oldest of the longest lane; raises IndexError when none waits."""
        if not self._count:
            raise IndexError("nothing waits")
        return self._oldest_of(max(self._lanes, key=lambda lane: len(self._lanes[lane])))

    def since_before(self, moment: float) -> list[_J]:
        """Those that came before `moment`; they wait no more."""
        found = []
        for lane, jobs in list(self._lanes.items()):
            while jobs and jobs[0].since < moment:
                found.append(self._oldest_of(lane))
        return found

    def _oldest_of(self, lane: int) -> _J:
        job = self._lanes[lane].popleft()
        self._left(lane)
        return job

    def _left(self, lane: int) -> None:
        self._count -= 1
        if not self._lanes[lane]:
            del self._lanes[lane]
