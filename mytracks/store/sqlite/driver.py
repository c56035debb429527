"""The SQLite database as the reactor sees it: submits to the threads, hands back their answers."""

from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.store.database import State, StorageFailed, T
from mytracks.store.front import Front, Job
from mytracks.store.limits import Limits
from mytracks.store.sqlite.checking import damage
from mytracks.store.sqlite.readers import Readers
from mytracks.store.sqlite.writer import Writer
from mytracks.transaction import Unit


class SQLiteDatabase(Front):
    """Implements `store.database.Database`. `on_fatal` as in `Front`."""

    def __init__(
        self,
        path: Path,
        prepare: Callable[[], None],
        clock: Clock,
        reactor: IReactorFromThreads,
        limits: Limits,
        on_fatal: Callable[[str], object],
    ) -> None:
        super().__init__(str(path.parent), clock, limits, on_fatal)
        call = reactor.callFromThread
        self._writer = Writer(path, prepare, clock, limits, call, self)
        self._readers = Readers(path, limits, call)
        self._opened: Deferred[None] = Deferred()
        self._closed: Deferred[None] = Deferred()

    def open(self) -> Deferred[None]:
        """Prepare and open the file; fails with what `prepare` raised."""
        self._writer.start()
        return self._opened

    @property
    def commits(self) -> int:
        """Batches committed so far."""
        return self._writer.commits

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot of what is durable."""
        return self._readers.read(unit)

    def check(self) -> Deferred[None]:
        """Read the whole file in a reader's thread; damage is told to `on_fatal`."""
        found = self._readers.submit(
            lambda connection: "" if self._readers.closing else damage(connection)
        )
        return found.addCallbacks(self._checked, lambda failure: failure.trap(Unavailable))

    def close(self) -> Deferred[None]:
        """Store what waits, refuse what comes, fire when all is closed."""
        if not self._closing:
            self._closing = True
            self._readers.close()
            if self._writer.ended:
                self._closed.callback(None)
            else:
                self._writer.stop()
        return self._closed

    def _put(self, job: Job) -> None:
        self._writer.put(job)

    def _checked(self, found: str) -> None:
        if found:
            self._is(State.FAILED, found)
            self._tell_fatal(f"the database is damaged: {found}")

    # Reports of the writer, made on the reactor.

    def opened(self) -> None:
        """The file is open and ready."""
        self._readers.start()
        self._opened.callback(None)

    def not_opened(self, failure: Failure) -> None:
        """It is not."""
        self._is(State.FAILED, str(failure.value))
        self._writer.join()
        self._opened.errback(failure)

    def full(self, reason: str) -> None:
        """Nothing can be stored for now."""
        self.interrupted(State.FULL, reason)

    def failed(self, reason: str) -> None:
        """Nothing will be stored any more."""
        left = self._writer.left()
        self._is(State.FAILED, reason)
        self.stored(left, [Failure(StorageFailed(reason)) for _ in left])
        if self._closing and not self._closed.called:
            self._closed.callback(None)
        self._tell_fatal(reason)

    def closed(self) -> None:
        """All that waited was stored and the file is closed."""
        self._writer.join()
        self._closed.callback(None)
