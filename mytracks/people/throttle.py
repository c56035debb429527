"""Failed sign-ins slow down whoever makes them; nobody is ever locked out.

Counted over all doors together, three times.

For each account and network: the first five failures within a quarter of an hour cost nothing;
from the sixth on each one makes the next wait longer, up to 90 s. What is refused meanwhile is
neither checked nor counted, so that waiting always helps.

For each network over all accounts (one password tried on many names): after fifty different wrong
credentials what comes from there and is not known waits as well.

For each account over all networks (many addresses that try one name): after fifty different wrong
credentials a strange network has one free failure instead of five. A network that has not failed
is never kept waiting by the others: the owner may be abroad.

The last two leave alone whoever is familiar: an account on a network from which it was signed in to
before. A phone that repeats an old password for ever must not keep its owner out: only a credential
that was not tried before moves the wait of the others; one known to be wrong lengthens its own
alone, and counts once. Credentials are told apart by opaque tags; the throttle never sees a
password.
"""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import Factory, define

from mytracks.clock import Clock
from mytracks.errors import Busy
from mytracks.people.limits import Limits
from mytracks.people.networks import network, tells_who

_MAX_WRONG = 16
"""Wrong credentials told apart in one record; the oldest is forgotten first."""
_BEYOND = 32
"""Failures that are counted beyond the free ones: the wait has long reached its bound."""
_LONGEST_NAME = 64
_FREE_WHERE_BESIEGED = 1


@define
class _Record:
    """Failures of one account from one network. Times: `Clock.seconds`."""

    failures: deque[float] = Factory(deque)
    until: float = 0.0
    wrong: OrderedDict[bytes, float] = Factory(OrderedDict)
    running: Counter[bytes] = Factory(Counter)

    def counted(self, since: float) -> int:
        """How many failures there were after `since`; earlier ones are forgotten."""
        while self.failures and self.failures[0] <= since:
            self.failures.popleft()
        return len(self.failures)


@define
class _Crowd:
    """Different wrong credentials of one network, or of one account: each with the time when it
    was shown last."""

    wrong: OrderedDict[bytes, float] = Factory(OrderedDict)
    until: float = 0.0
    running: int = 0

    def counted(self, since: float) -> int:
        """How many there were after `since`; earlier ones are forgotten."""
        while self.wrong and next(iter(self.wrong.values())) <= since:
            self.wrong.popitem(last=False)
        return len(self.wrong)

    def add(self, credential: bytes, now: float, most: int) -> bool:
        """Whether it is a new one."""
        new = credential not in self.wrong
        self.wrong[credential] = now
        self.wrong.move_to_end(credential)
        while len(self.wrong) > most:
            self.wrong.popitem(last=False)
        return new


_K = TypeVar("_K")
_R = TypeVar("_R", _Record, _Crowd)


class _Latest(Generic[_K, _R]):
    """A bounded number of records; the one touched longest ago goes first."""

    def __init__(self, make: Callable[[], _R], most: int) -> None:
        self._make: Callable[[], _R] = make
        self._most = most
        self._kept: OrderedDict[_K, _R] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def peek(self, key: _K) -> _R | None:
        """The record, if there is one."""
        return self._kept.get(key)

    def take(self, key: _K) -> _R:
        """The record, made if need be."""
        record = self._kept.get(key)
        if record is None:
            record = self._kept[key] = self._make()
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return record


class Throttle:
    """Asked before a credential is checked, told afterwards how it went.

    `name`: the account's, canonical, whether there is one or not. `familiar`: whether it was signed
    in to from that network before.
    """

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        most = limits.max_failure_records
        self._records: _Latest[tuple[str, str], _Record] = _Latest(_Record, most)
        self._networks: _Latest[str, _Crowd] = _Latest(_Crowd, most)
        self._accounts: _Latest[str, _Crowd] = _Latest(_Crowd, most)
        self.refused = 0
        """Attempts that were not even checked."""

    def enter(self, name: str, address: str, credential: bytes, *, familiar: bool = False) -> None:
        """A check is about to begin; `passed`, `failed` or `left` follows. Raises Busy."""
        record = self._record(name, address)
        now = self._clock.seconds()
        wait = record.wrong.get(credential, record.until) - now
        free = self._free(name, address, familiar)
        if wait <= 0 and self._crowded(record, credential, now, free):
            wait = self._limits.first_wait
        crowd = self._networks.take(network(address))
        if not familiar and tells_who(address):
            wait = max(wait, self._network_wait(crowd, now))
        if wait > 0:
            self.refused += 1
            raise _busy(wait)
        record.running[credential] += 1
        crowd.running += 1

    def passed(self, name: str, address: str, credential: bytes) -> None:
        """It was right. Earlier failures still count: a right password is remembered elsewhere."""
        self.left(name, address, credential)
        self._record(name, address).wrong.pop(credential, None)

    def left(self, name: str, address: str, credential: bytes) -> None:
        """The check came to no end."""
        running = self._record(name, address).running
        running[credential] -= 1
        if running[credential] <= 0:
            del running[credential]
        crowd = self._networks.take(network(address))
        crowd.running = max(0, crowd.running - 1)

    def failed(self, name: str, address: str, credential: bytes, *, familiar: bool = False) -> None:
        """It was wrong. Raises Busy when this failure is one that costs."""
        self.left(name, address, credential)
        record = self._record(name, address)
        now = self._clock.seconds()
        free = self._free(name, address, familiar)
        record.failures.append(now)
        wait = self._wait(record.counted(now - self._limits.failure_window), free)
        while len(record.failures) > self._limits.free_failures + _BEYOND:
            record.failures.popleft()
        if credential not in record.wrong:
            record.until = now + wait
        record.wrong[credential] = now + wait
        record.wrong.move_to_end(credential)
        while len(record.wrong) > _MAX_WRONG:
            record.wrong.popitem(last=False)
        network_wait = self._count(name, address, credential, now, familiar)
        wait = wait if familiar else max(wait, network_wait)
        if wait > 0:
            raise _busy(wait)

    def unknown(self, address: str, credential: bytes) -> None:
        """Somebody showed a generated credential that is none of ours. It cannot be a guess at an
        account, so that it counts for the network alone. Raises Busy when that network has to wait.
        """
        now = self._clock.seconds()
        wait = self._count_network(address, credential, now)
        if wait > 0:
            raise _busy(wait)

    def failures(self, address: str) -> int:
        """How many different wrong credentials came from this network lately."""
        crowd = self._networks.peek(network(address))
        return 0 if crowd is None else crowd.counted(self._since(self._clock.seconds()))

    def _count(
        self, name: str, address: str, credential: bytes, now: float, familiar: bool
    ) -> float:
        """Note it for the network and for the account: the seconds that the network waits."""
        if not familiar and tells_who(address):
            free = self._limits.account_free_failures
            crowd = self._accounts.take(name[:_LONGEST_NAME])
            crowd.counted(self._since(now))
            crowd.add(credential, now, free + _BEYOND)
        return self._count_network(address, credential, now)

    def _count_network(self, address: str, credential: bytes, now: float) -> float:
        free = self._limits.network_free_failures
        crowd = self._networks.take(network(address))
        new = crowd.add(credential, now, free + _BEYOND)
        wait = self._wait(crowd.counted(self._since(now)), free)
        if new and tells_who(address):
            crowd.until = now + wait
        return max(0.0, crowd.until - now)

    def _network_wait(self, crowd: _Crowd, now: float) -> float:
        """The seconds that a network waits; guesses under way count as soon as one was wrong."""
        counted = crowd.counted(self._since(now))
        if crowd.until <= now and counted and crowd.running:
            full = counted + crowd.running > self._limits.network_free_failures
            return self._limits.first_wait if full else 0.0
        return crowd.until - now

    def _free(self, name: str, address: str, familiar: bool) -> int:
        """How many failures cost this account nothing on one network."""
        crowd = self._accounts.peek(name[:_LONGEST_NAME])
        if crowd is None or familiar or not tells_who(address):
            return self._limits.free_failures
        tried = crowd.counted(self._since(self._clock.seconds()))
        besieged = tried > self._limits.account_free_failures
        return _FREE_WHERE_BESIEGED if besieged else self._limits.free_failures

    def _since(self, now: float) -> float:
        return now - self._limits.failure_window

    def _wait(self, failures: int, free: int) -> float:
        costly = failures - free
        if costly <= 0:
            return 0.0
        doubled = self._limits.first_wait * 2 ** (min(costly, _BEYOND) - 1)
        return float(min(self._limits.longest_wait, doubled))

    def _crowded(self, record: _Record, credential: bytes, now: float, free: int) -> bool:
        """Whether so many different guesses are under way that more must wait for their end."""
        if credential in record.running:
            return False
        counted = record.counted(self._since(now))
        return bool(record.running) and counted + len(record.running) > free

    def _record(self, name: str, address: str) -> _Record:
        return self._records.take((name[:_LONGEST_NAME], network(address)))


def _busy(wait: float) -> Busy:
    seconds = max(1, math.ceil(wait))
    return Busy(f"Too many failed sign-ins; try again in {seconds} s.", wait)
