"""Remembers what went wrong at the door, for administrators: a bounded number, and not for ever.

Decides what is a fight over a client id: one that changed hands `FIGHT` times in `SPAN` seconds.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

from attrs import define
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect
from mytracks.mqtt.routing.entries import Contention, Refusal, shortened
from mytracks.mqtt.routing.ports import Peer

REFUSALS: Final = 100
"""Refused CONNECTs that are remembered."""
CONTESTED: Final = 100
"""Client ids that changed hands and are remembered."""
SPAN: Final = 10 * 60.0
FIGHT: Final = 2
"""A phone that comes back by another network takes over once; then there is peace."""
TIMES: Final = 1_000
"""Takeovers of one client id that are counted at most."""


@define
class _Contest:
    """`times`: of the takeovers, as clock seconds."""

    older: Peer
    newer: Peer
    times: deque[float]


class Incidents:
    """Refusals and takeovers."""

    log = Logger()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals: deque[Refusal] = deque(maxlen=REFUSALS)
        self._contests: OrderedDict[tuple[str, str], _Contest] = OrderedDict()

    def refused(self, peer: Peer, connect: Connect | None, code: ConnackCode, reason: str) -> None:
        """A CONNECT was refused; None: it was not understood."""
        self.log.info(
            "refused a CONNECT from {address} with {code}: {reason}",
            address=peer.address,
            code=code.name,
            reason=reason,
        )
        username = None if connect is None else connect.username
        refusal = Refusal(
            at=self._clock.now(),
            peer=peer,
            username=None if username is None else shortened(username),
            client_id=None if connect is None else shortened(connect.client_id),
            code=code.name.lower(),
            reason=reason,
        )
        self._refusals.append(refusal)

    def took_over(self, namespace: str, client_id: str, older: Peer, newer: Peer) -> None:
        """A connection has taken the client id of another."""
        key = namespace, client_id
        contest = self._contests.pop(key, None)
        times = deque[float](maxlen=TIMES) if contest is None else contest.times
        times.append(self._clock.seconds())
        self._contests[key] = _Contest(older, newer, times)
        if len(self._contests) > CONTESTED:
            self._contests.popitem(last=False)

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The newest first."""
        return list(reversed(self._refusals))

    @property
    def contentions(self) -> Sequence[Contention]:
        """Where there is a fight: the latest first."""
        self._forget()
        now, ago = self._clock.now(), self._clock.seconds()
        return [
            Contention(
                namespace=namespace,
                client_id=shortened(client_id),
                older=contest.older,
                newer=contest.newer,
                takeovers=len(contest.times),
                since=now - (ago - contest.times[0]),
                at=now - (ago - contest.times[-1]),
            )
            for (namespace, client_id), contest in reversed(self._contests.items())
            if len(contest.times) >= FIGHT
        ]

    def _forget(self) -> None:
        oldest = self._clock.seconds() - SPAN
        for key, contest in list(self._contests.items()):
            while contest.times and contest.times[0] < oldest:
                contest.times.popleft()
            if not contest.times:
                del self._contests[key]
