"""The PostgreSQL database as its users see it: one connection writes, a few read, one listens."""

from collections.abc import Callable
from threading import Thread
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.store.database import State, StorageDown, StorageFailed, T
from mytracks.store.files import StoreRefused
from mytracks.store.front import Front, Job
from mytracks.store.limits import Limits
from mytracks.store.postgresql.address import place
from mytracks.store.postgresql.connection import Server
from mytracks.store.postgresql.failures import reason, trouble
from mytracks.store.postgresql.listening import Listening, Observer
from mytracks.store.postgresql.names import Names
from mytracks.store.postgresql.readers import Readers
from mytracks.store.postgresql.writer import Writer
from mytracks.transaction import Unit

OPENER: Final = "storage-opener"
_PATIENCE: Final = 2.0
"""Seconds for what waits when the store closes; the process has to end with no server as well."""


class PostgreSQLDatabase(Front):
    """Implements `store.database.Database`. `on_fatal` as in `Front`."""

    def __init__(
        self,
        url: str,
        prepare: Callable[[], None],
        clock: Clock,
        reactor: IReactorFromThreads,
        limits: Limits,
        on_fatal: Callable[[str], object],
    ) -> None:
        super().__init__(f"the database {place(url)}", clock, limits, on_fatal)
        self._prepare = prepare
        self._call = reactor.callFromThread
        self._names = Names(url, clock, self._call, limits.answer_within)
        server = Server(url, self._names, reactor, clock, limits)
        self._writer = Writer(server, self)
        self._readers = Readers(server, self._writer.suspect)
        self._listening = Listening(server, self.failed, self._writer.hold, self._writer.release)
        self._closed: Deferred[None] = Deferred()

    async def open(self) -> None:
        """Prepare the tables and connect. Raises StoreRefused, and what `prepare` raises."""
        await self._prepared()
        try:
            await self._listening.open()
            await self._writer.open()
        except Exception as error:
            await self._listening.close()
            if trouble(error) is None:
                raise
            raise StoreRefused(f"{self._where} cannot be opened: {reason(error)}") from error

    @property
    def commits(self) -> int:
        """Batches committed so far."""
        return self._writer.commits

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` on a snapshot of what is durable."""
        if self._health.state is State.DOWN and not self._closing:
            return fail(StorageDown(self._health.reason))
        return self._readers.read(unit)

    def on_bell(self, observer: Observer) -> None:
        """Tell `observer` what `listening.ring` rang, here or in other processes."""
        self._listening.on_bell(observer)

    def close(self) -> Deferred[None]:
        """Store what waits, refuse what comes, fire when all is closed."""
        if not self._closing:
            self._closing = True
            Deferred.fromCoroutine(self._close()).chainDeferred(self._closed)
        return self._closed

    async def _close(self) -> None:
        hurry = self._clock.later(_PATIENCE, self._abort)
        closing = (self._readers.close(), self._writer.stop(), self._listening.close())
        waits: list[Deferred[Any]] = [Deferred.fromCoroutine(each) for each in closing]
        results: Any = await DeferredList(waits, consumeErrors=True)
        if hurry.active():
            hurry.cancel()
        for succeeded, failure in results:
            if not succeeded:
                self.log.failure("closing the store", failure)

    def _abort(self) -> None:
        self._names.close()
        self._readers.abort()
        self._writer.abort()

    def _put(self, job: Job) -> None:
        self._writer.put(job)

    def _prepared(self) -> Deferred[None]:
        """Look at the tables in a thread of its own: migrating may take minutes."""
        done: Deferred[None] = Deferred()

        def run() -> None:
            try:
                self._prepare()
            except Exception:  # noqa: BLE001  # whatever went wrong, the opener waits for it
                self._call(ended, Failure())
            else:
                self._call(ended, None)

        def ended(result: Any) -> None:
            thread.join()
            done.callback(result)

        thread = Thread(target=run, name=OPENER, daemon=True)
        thread.start()
        return done

    # Reports of the writer.

    def interrupted(self, state: State, reason: str, detail: str = "") -> None:
        """Nothing can be stored for now; without a server nothing can be read either."""
        super().interrupted(state, reason, detail)
        if state is State.DOWN:
            self._readers.refuse(StorageDown(reason))

    def failed(self, reason: str) -> None:
        """Nothing will be stored any more."""
        if self._health.state is not State.FAILED:
            self._is(State.FAILED, reason)
            self._readers.refuse(StorageFailed(reason))
            self._tell_fatal(reason)
