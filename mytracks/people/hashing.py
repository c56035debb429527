"""Password hashes away from the reactor: an own small pool of threads with a bounded queue.

Decides what a check costs, how many may wait and who goes first: whoever is familiar, then networks
that have not failed lately, then the rest; every fourth turn is given to the rest all the same.
Within a class, guesses at one name do not hold up other names (`lanes`). When one more would be too
many, one of those that wait is refused, not the newcomer: of the rest if they have more than their
quarter of the places, else of the fresh, and no stranger puts out anybody familiar. Nobody waits
for longer than an asker does. While others wait, the answer to a stranger's wrong password is held
back: whoever guesses on and on then waits behind their checks, and not in front of everybody
else's. Which password belongs to whom, and what is remembered of it, is `passwords`.
"""

import base64
import math
import queue
import secrets
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.people import foreign_hashes
from mytracks.people.lanes import Lanes
from mytracks.people.limits import Limits

T = TypeVar("T")

_SALT_BYTES = 16
_HASH_BYTES = 32
_TURNS = 4
"""One of so many turns is the last class's that waits, and one of so many places is the rest's."""


class Urgency(IntEnum):
    """Who goes first."""

    FAMILIAR = 0
    """Signed in from there before; or signed in now, and changing a password."""
    FRESH = 1
    """From a network that has not failed lately."""
    REST = 2


@define(eq=False)
class _Job:
    """`since`: when it was asked for, in clock seconds."""

    work: Callable[[], Any]
    answer: Deferred[Any]
    since: float
    urgency: Urgency


class Hashing:
    """Makes argon2id hashes, and checks those and Django's, in threads named `password-N`."""

    def __init__(self, reactor: IReactorFromThreads, clock: Clock, limits: Limits) -> None:
        self._reactor = reactor
        self._clock = clock
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
        self._waiting: dict[Urgency, Lanes[_Job]] = {urgency: Lanes() for urgency in Urgency}
        self._running: set[_Job] = set()
        self._held: dict[_Job, IDelayedCall] = {}
        self._turn = 0
        self.runs = 0
        """Hashes that were asked for so far."""

    def open(self) -> None:
        """Start the threads."""
        for number in range(self._limits.password_threads):
            thread = threading.Thread(target=self._work, name=f"password-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the threads, waiting only for hashes in progress; whoever waits is refused."""
        left = [*self._running, *self._held]
        self._running.clear()
        for call in self._held.values():
            call.cancel()
        self._held.clear()
        for jobs in self._waiting.values():
            left += jobs.since_before(math.inf)
        for _ in self._threads:
            self._jobs.put(None)
        for job in left:
            job.answer.errback(Failure(Unavailable("The server is stopping.")))
        for thread in self._threads:
            thread.join()
        self._threads = []

    def hash(self, password: bytes, urgency: Urgency = Urgency.FAMILIAR) -> Deferred[str]:
        """A new encoded hash with a fresh salt. Raises Unavailable when too many wait."""
        return self._run(lambda: self._hasher.hash(password), urgency, 0)

    def verify(
        self, encoded: str, password: bytes, urgency: Urgency = Urgency.REST, lane: int = 0
    ) -> Deferred[bool]:
        """Whether `encoded` is the hash of `password`. `lane`: any number, the same for the same
        name. Raises Unavailable when too many wait, or
        fires with it when somebody more urgent came meanwhile."""
        return self._run(lambda: self._verified(encoded, password), urgency, lane)

    def outdated(self, encoded: str) -> bool:
        """Whether `encoded` was made otherwise than new hashes are."""
        return foreign_hashes.is_foreign(encoded) or self._hasher.check_needs_rehash(encoded)

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
        if foreign_hashes.is_foreign(encoded):
            return foreign_hashes.verified(encoded, password)
        try:
            return self._hasher.verify(encoded, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _run(self, work: Callable[[], T], urgency: Urgency, lane: int) -> Deferred[T]:
        if not self._threads:
            raise Unavailable("The server is stopping.")
        self._make_room(urgency)
        job = _Job(work, Deferred(), self._clock.seconds(), urgency)
        self._waiting[urgency].add(lane, job)
        self.runs += 1
        self._hand_out()
        return job.answer

    def _make_room(self, urgency: Urgency) -> None:
        """Refuse one where one more would be too many. Raises Unavailable when that is the
        newcomer."""
        waiting = sum(len(jobs) for jobs in self._waiting.values())
        if waiting + len(self._running) < self._limits.password_max_waiting:
            return
        familiar, fresh, rest = self._waiting.values()
        if rest and (len(rest) * _TURNS > self._limits.password_max_waiting or not fresh):
            self._give_up(rest.give_way())
        elif fresh:
            self._give_up(fresh.give_way())
        elif familiar and urgency is Urgency.FAMILIAR:
            self._give_up(familiar.give_way())
        else:
            raise _too_many()

    def _give_up(self, job: _Job) -> None:
        # Later, so that nobody is told while somebody else is in the middle of asking.
        self._reactor.callFromThread(job.answer.errback, Failure(_too_many()))

    def _hand_out(self) -> None:
        """Give the threads that are idle something to do."""
        while len(self._running) < len(self._threads):
            job = self._next()
            if job is None:
                return
            self._running.add(job)
            self._jobs.put(job)

    def _next(self) -> _Job | None:
        long_ago = self._clock.seconds() - self._limits.password_longest_waiting
        for jobs in self._waiting.values():
            for job in jobs.since_before(long_ago):
                self._give_up(job)
        classes = [jobs for jobs in self._waiting.values() if jobs]
        if not classes:
            return None
        self._turn = (self._turn + 1) % _TURNS
        return (classes[-1] if self._turn == 0 else classes[0]).next()

    def _work(self) -> None:
        """The life of one thread."""
        while (job := self._jobs.get()) is not None:
            if job not in self._running:
                continue
            try:
                result: object = job.work()
            except BaseException:  # noqa: BLE001 - whatever it is belongs to whoever waits for the job
                result = Failure()
            self._reactor.callFromThread(self._done, job, result)

    def _done(self, job: _Job, result: object) -> None:
        if job not in self._running:
            return
        self._running.discard(job)
        self._hand_out()
        held = self._how_long(job) if result is False else 0.0
        if held:
            self._held[job] = self._clock.later(held, self._release, job)
        else:
            job.answer.callback(result)

    def _how_long(self, job: _Job) -> float:
        """How long it is held back that this was wrong."""
        if job.urgency is Urgency.FAMILIAR:
            return 0.0
        waiting = sum(len(jobs) for jobs in self._waiting.values())
        limits = self._limits
        return min(limits.wrong_password_held_most, waiting * limits.wrong_password_held)

    def _release(self, job: _Job) -> None:
        del self._held[job]
        job.answer.callback(False)


def _too_many() -> Unavailable:
    return Unavailable("Too many passwords are being checked at the moment.")
