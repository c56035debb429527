"""argon2id away from the reactor: an own small pool of threads with a bounded queue.

Decides what a check costs and how many may wait. Which password belongs to whom, and what is
remembered of it, is `passwords`.
"""

import base64
import queue
import secrets
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.people.limits import Limits

T = TypeVar("T")

_SALT_BYTES = 16
_HASH_BYTES = 32


@define(eq=False)
class _Job:
    work: Callable[[], Any]
    answer: Deferred[Any]


class Hashing:
    """Makes and checks argon2id hashes in threads named `password-N`."""

    def __init__(self, reactor: IReactorFromThreads, limits: Limits) -> None:
        self._reactor = reactor
        self._limits = limits
        self._hasher = PasswordHasher(
            time_cost=limits.password_time_cost,
            memory_cost=limits.password_memory_kib,
            parallelism=limits.password_parallelism,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._pending: set[_Job] = set()
        self.runs = 0
        """Hashes made and checked so far."""

    def open(self) -> None:
        """Start the threads."""
        for number in range(self._limits.password_threads):
            thread = threading.Thread(target=self._work, name=f"password-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the threads, waiting only for hashes in progress; whoever waits is refused."""
        pending, self._pending = self._pending, set()
        for _ in self._threads:
            self._jobs.put(None)
        for job in pending:
            job.answer.errback(Failure(Unavailable("The server is stopping.")))
        for thread in self._threads:
            thread.join()
        self._threads = []

    def hash(self, password: bytes) -> Deferred[str]:
        """A new encoded hash with a fresh salt. Raises Unavailable when too many wait."""
        return self._run(lambda: self._hasher.hash(password))

    def verify(self, encoded: str, password: bytes) -> Deferred[bool]:
        """Whether `encoded` is the hash of `password`. Raises Unavailable when too many wait."""
        return self._run(lambda: self._verified(encoded, password))

    def outdated(self, encoded: str) -> bool:
        """Whether `encoded` was made with other parameters than are in force."""
        return self._hasher.check_needs_rehash(encoded)

    def unmatchable(self) -> str:
        """An encoded hash that costs as much to check as any and that no password fits."""
        limits = self._limits
        salt, digest = (
            base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
            for size in (_SALT_BYTES, _HASH_BYTES)
        )
        memory, passes = limits.password_memory_kib, limits.password_time_cost
        costs = f"m={memory},t={passes},p={limits.password_parallelism}"
        return f"$argon2id$v=19${costs}${salt}${digest}"

    def _verified(self, encoded: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _run(self, work: Callable[[], T]) -> Deferred[T]:
        if not self._threads:
            raise Unavailable("The server is stopping.")
        if len(self._pending) >= self._limits.password_max_waiting:
            raise Unavailable("Too many passwords are being checked at the moment.")
        job = _Job(work, Deferred())
        self._pending.add(job)
        self.runs += 1
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
