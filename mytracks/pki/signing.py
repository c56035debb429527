"""The threads that make keys and signatures, off the reactor.

An RSA key takes seconds, a signature milliseconds, and a revocation waits for one: so signatures
have a thread of their own. Both queues are bounded; one more is refused as Unavailable.
"""

import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.pki import certificates
from mytracks.pki.limits import Limits
from mytracks.pki.ports import KeyKind
from mytracks.pki.state import PrivateKey

T = TypeVar("T")

PATIENCE: Final = 1.0
"""Seconds that the end waits for a key in progress; making one can take longer than a stop may."""


@define(eq=False)
class _Job:
    work: Callable[[], Any]
    answer: Deferred[Any]


class Lane:
    """One queue and the threads that empty it."""

    def __init__(self, reactor: IReactorFromThreads, max_waiting: int) -> None:
        self._reactor = reactor
        self._max_waiting = max_waiting
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._pending: set[_Job] = set()

    def open(self, *names: str) -> None:
        """Start a thread for each of these names."""
        for name in names:
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the threads, waiting a little for work in progress; whoever waits is refused."""
        pending, self._pending = self._pending, set()
        # Whoever is refused now and tries again must not be believed to be waiting.
        threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        for job in pending:
            job.answer.errback(Failure(Unavailable("The server is stopping.")))
        for thread in threads:
            thread.join(PATIENCE)

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Run it in one of the threads. Raises Unavailable when too much waits."""
        if not self._threads:
            raise Unavailable("The server is stopping.")
        if len(self._pending) >= self._max_waiting:
            raise Unavailable("Too many certificates are being made at the moment.")
        job = _Job(work, Deferred())
        self._pending.add(job)
        self._jobs.put(job)
        return job.answer

    def _work(self) -> None:
        """The life of one thread."""
        while (job := self._jobs.get()) is not None:
            if job not in self._pending:
                continue
            try:
                result: object = job.work()
            except BaseException:  # noqa: BLE001 - whatever it is belongs to whoever waits for the job
                result = Failure()
            self._reactor.callFromThread(self._done, job, result)

    def _done(self, job: _Job, result: object) -> None:
        if job in self._pending:
            self._pending.discard(job)
            job.answer.callback(result)


class Signing:
    """Runs what is slow in threads named `keys-N`; `keys-0` is the one that signs."""

    def __init__(self, reactor: IReactorFromThreads, limits: Limits) -> None:
        self._limits = limits
        self._signing = Lane(reactor, limits.max_waiting)
        self._making = Lane(reactor, limits.max_waiting)

    def open(self) -> None:
        """Start the threads."""
        self._signing.open("keys-0")
        self._making.open(*(f"keys-{1 + number}" for number in range(self._limits.key_threads)))

    def close(self) -> None:
        """End the threads, waiting a little for work in progress; whoever waits is refused."""
        self._signing.close()
        self._making.close()

    def sign(self, work: Callable[[], T]) -> Deferred[T]:
        """Run what takes milliseconds. Raises Unavailable when too much waits."""
        return self._signing.run(work)

    def slowly(self, work: Callable[[], T]) -> Deferred[T]:
        """Run what takes long: it holds up no signature. Raises Unavailable as `sign` does."""
        return self._making.run(work)

    def make_key(self, kind: KeyKind) -> Deferred[PrivateKey]:
        """A new private key. Raises Unavailable as `sign` does."""
        return self.slowly(lambda: certificates.make_key(kind))
