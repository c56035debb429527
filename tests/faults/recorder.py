"""What was attempted, what was acknowledged, what is there: the checker (after Jepsen's set test).

lost = acknowledged - present; phantom = present - attempted; doubled = present more than once. All
three must be empty. Present without an acknowledgement is fine: the answer was lost, not the fix.
"""

import threading
from collections import Counter
from collections.abc import Iterable

from attrs import frozen

Fix = tuple[str, int]
"""A message that was sent: its device (`user/device`) and the time in it, never used twice."""


@frozen
class Verdict:
    """What a comparison found."""

    attempted: int
    acknowledged: int
    present: int
    lost: frozenset[Fix]
    doubled: frozenset[Fix]
    phantom: frozenset[Fix]
    unanswered_but_kept: int

    @property
    def clean(self) -> bool:
        """Whether the promise held."""
        return not (self.lost or self.doubled or self.phantom)

    def __str__(self) -> str:
        return (
            f"attempted {self.attempted}, acknowledged {self.acknowledged}, "
            f"present {self.present}, lost {len(self.lost)}, doubled {len(self.doubled)}, "
            f"phantom {len(self.phantom)}, kept without an answer {self.unanswered_but_kept}"
        )


class Recorder:
    """The client's log of one run, written by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempted: set[Fix] = set()
        self._acknowledged: set[Fix] = set()

    def attempted(self, fix: Fix) -> None:
        """About to be sent (for the first time or again)."""
        with self._lock:
            self._attempted.add(fix)

    def acknowledged(self, fix: Fix) -> None:
        """Its PUBACK or its 200 arrived."""
        with self._lock:
            self._acknowledged.add(fix)

    @property
    def open(self) -> int:
        """How many were sent and not acknowledged."""
        with self._lock:
            return len(self._attempted) - len(self._acknowledged)

    @property
    def count(self) -> int:
        """How many were acknowledged."""
        with self._lock:
            return len(self._acknowledged)

    def known(self) -> set[Fix]:
        """All that was acknowledged so far."""
        with self._lock:
            return set(self._acknowledged)

    def check(self, present: Iterable[Fix]) -> Verdict:
        """Compare with what the store shows."""
        counted = Counter(present)
        there = set(counted)
        with self._lock:
            return Verdict(
                attempted=len(self._attempted),
                acknowledged=len(self._acknowledged),
                present=len(there),
                lost=frozenset(self._acknowledged - there),
                doubled=frozenset(fix for fix, times in counted.items() if times > 1),
                phantom=frozenset(there - self._attempted),
                unanswered_but_kept=len(there - self._acknowledged),
            )
