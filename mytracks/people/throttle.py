"""Failed sign-ins slow down whoever makes them; nobody is ever locked out.

Counted for each account and network, over all doors. The first five failures within a quarter of
an hour cost nothing; from the sixth on each one makes the next wait longer, up to 90 s. What is
refused meanwhile is neither checked nor counted, so that waiting always helps.

A phone that repeats an old password for ever must not keep its owner out: only a credential that
was not tried before moves the wait of the others; one known to be wrong lengthens its own alone.
Credentials are told apart by opaque tags; the throttle never sees a password.
"""

import ipaddress
import math
from collections import Counter, OrderedDict, deque

from attrs import Factory, define

from mytracks.clock import Clock
from mytracks.errors import Busy
from mytracks.people.limits import Limits

_MAX_WRONG = 16
"""Wrong credentials told apart in one record; the oldest is forgotten first."""

_LONGEST_NAME = 64

Key = tuple[str, str]


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


class Throttle:
    """Asked before a credential is checked, told afterwards how it went."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._records: OrderedDict[Key, _Record] = OrderedDict()
        self._kept = limits.free_failures + 32
        self.refused = 0
        """Attempts that were not even checked."""

    def enter(self, name: str, address: str, credential: bytes) -> None:
        """A check is about to begin; `passed`, `failed` or `left` follows. Raises Busy."""
        record = self._record(name, address)
        now = self._clock.seconds()
        wait = record.wrong.get(credential, record.until) - now
        if wait <= 0 and self._crowded(record, credential, now):
            wait = self._limits.first_wait
        if wait > 0:
            self.refused += 1
            raise _busy(wait)
        record.running[credential] += 1

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

    def failed(self, name: str, address: str, credential: bytes) -> None:
        """It was wrong. Raises Busy when this failure is one that costs."""
        self.left(name, address, credential)
        record = self._record(name, address)
        now = self._clock.seconds()
        record.failures.append(now)
        wait = self._wait(record.counted(now - self._limits.failure_window))
        while len(record.failures) > self._kept:
            record.failures.popleft()
        if credential not in record.wrong:
            record.until = now + wait
        record.wrong[credential] = now + wait
        record.wrong.move_to_end(credential)
        while len(record.wrong) > _MAX_WRONG:
            record.wrong.popitem(last=False)
        if wait > 0:
            raise _busy(wait)

    def _wait(self, failures: int) -> float:
        costly = failures - self._limits.free_failures
        if costly <= 0:
            return 0.0
        return float(min(self._limits.longest_wait, self._limits.first_wait * 2 ** (costly - 1)))

    def _crowded(self, record: _Record, credential: bytes, now: float) -> bool:
        """Whether so many different guesses are under way that more must wait for their end."""
        if credential in record.running:
            return False
        counted = record.counted(now - self._limits.failure_window)
        return bool(record.running) and counted + len(record.running) > self._limits.free_failures

    def _record(self, name: str, address: str) -> _Record:
        key = (name[:_LONGEST_NAME], network(address))
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
            while len(self._records) > self._limits.max_failure_records:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
        return record


def network(address: str) -> str:
    """The network that an address stands for: itself for IPv4, its /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST_NAME]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))


def _busy(wait: float) -> Busy:
    seconds = max(1, math.ceil(wait))
    return Busy(f"Too many failed sign-ins; try again in {seconds} s.", wait)
