"""A durable session's queue as one connection reads it: in order, at most a page in memory."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.topics import matches
from mytracks.mqtt.routing.changes import weight
from mytracks.mqtt.routing.journal import Queued
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.limits import MIB

PAGE: Final = 100
"""Messages of a queue that are in memory at most, and `PAGE_BYTES` of them."""
PAGE_BYTES: Final = MIB
LOW: Final = 25
"""With so many left the next page is read."""
AGAIN_AFTER: Final = 1.0
"""Seconds after which a journal that could not be read is asked again."""


class Pages:
    """`ready`: what was read, or just stored, and is to be sent next. `caught_up`: nothing else is
    in the queue. `more` is called when there is more to send.

    Everything up to `_cursor` is in `ready` or was. `_missed`: something was stored while a page
    was read; it may be in it or not.
    """

    __slots__ = (
        "_again",
        "_clock",
        "_closed",
        "_cursor",
        "_forgotten",
        "_ledger",
        "_missed",
        "_more",
        "_reading",
        "_session",
        "_weight",
        "caught_up",
        "ready",
    )

    log = Logger()

    def __init__(
        self,
        session: int,
        empty: bool,
        ledger: Ledger[Any, Any],
        clock: Clock,
        more: Callable[[Sequence[Queued]], None],
    ) -> None:
        self.ready: deque[Queued] = deque()
        self.caught_up = empty
        self._session = session
        self._ledger = ledger
        self._clock = clock
        self._more = more
        self._cursor = 0
        self._weight = 0
        self._reading = False
        self._missed = False
        self._forgotten: set[tuple[str, str | None]] = set()
        self._closed = False
        self._again: IDelayedCall | None = None

    def add(self, queued: Queued) -> bool:
        """It was just stored. False: it will be read when its turn comes."""
        if queued.ordinal <= self._cursor:
            return False  # It was read before we were told.
        if self.caught_up and len(self.ready) < PAGE and self._weight < PAGE_BYTES:
            self.ready.append(queued)
            self._weight += weight(queued.message)
            self._cursor = queued.ordinal
            return True
        self.caught_up = False
        self._missed = True
        return False

    def sent(self) -> None:
        """The first of `ready` is on its way."""
        self._weight -= weight(self.ready.popleft().message)

    def read_on(self) -> None:
        """Read the next page if it is time to."""
        enough = self.caught_up or len(self.ready) > LOW
        if enough or self._reading or self._again is not None or self._closed:
            return
        self._reading = True
        self._missed = False
        page = self._ledger.queued(self._session, self._cursor, PAGE, PAGE_BYTES)
        page.addCallbacks(self._read, self._unread)
        page.addErrback(self._stumbled)

    def forget(self, publisher: str, topic_filter: str | None = None) -> None:
        """Nothing of theirs is sent any more, or nothing of these topics."""
        gone = publisher, topic_filter
        if self._reading:
            self._forgotten.add(gone)
        self._put([each for each in self.ready if not _is_of(each, *gone)])

    def close(self) -> None:
        """Read nothing more."""
        self._closed = True
        self._put([])
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _is_forgotten(self, queued: Queued) -> bool:
        return any(_is_of(queued, *gone) for gone in self._forgotten)

    def _put(self, ready: Sequence[Queued]) -> None:
        self.ready = deque(ready)
        self._weight = sum(weight(each.message) for each in ready)

    def _read(self, page: Sequence[Queued]) -> None:
        self._reading = False
        if self._closed:
            return
        read = sum(weight(each.message) for each in page)
        self.caught_up = len(page) < PAGE and read < PAGE_BYTES and not self._missed
        if page:
            self._cursor = page[-1].ordinal
            self._put([*self.ready, *(e for e in page if not self._is_forgotten(e))])
        self._forgotten.clear()
        self._more(page)

    def _unread(self, failure: Failure) -> None:
        self._reading = False
        if failure.check(Unavailable) is None:
            self.log.failure("a queue could not be read", failure)
        if not self._closed:
            self._again = self._clock.later(AGAIN_AFTER, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        self.read_on()

    def _stumbled(self, failure: Failure) -> None:
        self.log.failure("sending a queue failed", failure)


def _is_of(queued: Queued, publisher: str, topic_filter: str | None) -> bool:
    theirs = queued.publisher == publisher
    return theirs and (topic_filter is None or matches(topic_filter, queued.message.topic))
