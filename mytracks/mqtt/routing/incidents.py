"""Tells the log who comes and goes, and remembers what went wrong at the door, for administrators:
a bounded number, and not for ever.

Decides what is a fight over a client id: one that changed hands `FIGHT` times in `SPAN` seconds.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define
from twisted.logger import Logger

from mytracks.clock import Clock, Seldom, again
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect
from mytracks.mqtt.routing.entries import Contention, Refusal, shortened
from mytracks.mqtt.routing.ports import Peer

REFUSALS: Final = 100
"""Refused CONNECTs that are remembered, each once however often it came."""
CONTESTED: Final = 100
"""Client ids that changed hands and are remembered."""
SPAN: Final = 10 * 60.0
FIGHT: Final = 2
"""A phone that comes back by another network takes over once; then there is peace."""
TIMES: Final = 1_000
"""Takeovers of one client id that are counted at most."""
_NO_DIGITS: Final = str.maketrans("", "", "0123456789")
"""The seconds to wait make no other reason of it."""


@define
class _Contest:
    """`times`: of the takeovers, as clock seconds. `told`: that it is a fight."""

    older: Peer
    newer: Peer
    times: deque[float]
    told: bool = False


class Incidents:
    """Refusals and takeovers. Who comes and goes without end is told of once, not each time."""

    log = Logger()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seldom = Seldom(clock)
        self._refusals: OrderedDict[tuple[object, ...], Refusal] = OrderedDict()
        self._contests: OrderedDict[tuple[str, str], _Contest] = OrderedDict()

    def refused(self, peer: Peer, connect: Connect | None, code: ConnackCode, reason: str) -> None:
        """A CONNECT was refused; None: it was not understood. One that comes again and again is
        told to the log once, then at most once an hour, and is remembered in place of the last."""
        username = None if connect is None else connect.username
        refusal = Refusal(
            at=self._clock.now(),
            peer=peer,
            username=None if username is None else shortened(username),
            client_id=None if connect is None else shortened(connect.client_id),
            code=code.name.lower(),
            reason=reason,
        )
        why = reason.translate(_NO_DIGITS)
        times = self._seldom.times((peer.address, refusal.username, code, why))
        if times:
            self.log.info(
                "refused a CONNECT from {address} with {code}: {reason}{again}",
                address=peer.address,
                code=code.name,
                reason=reason,
                again=again(times),
            )
        key = peer.address, refusal.username, refusal.client_id, code, why
        self._refusals.pop(key, None)
        self._refusals[key] = refusal
        if len(self._refusals) > REFUSALS:
            self._refusals.popitem(last=False)

    def came(self, namespace: str, client_id: str, peer: Peer, level: int) -> None:
        """A client was let in."""
        self._saying(namespace, client_id)(
            "{client} of {user} connected from {address}, protocol level {protocol_level}",
            client=client_id,
            user=namespace,
            address=peer.address,
            protocol_level=level,
        )

    def left(self, namespace: str, client_id: str) -> None:
        """Its connection is over."""
        say = self._saying(namespace, client_id)
        say("{client} of {user} is gone", client=client_id, user=namespace)

    def took_over(self, namespace: str, client_id: str, older: Peer, newer: Peer) -> None:
        """A connection has taken the client id of another."""
        key = namespace, client_id
        self._forget(key)
        contest = self._contests.pop(key, None)
        if contest is None:
            contest = _Contest(older, newer, deque(maxlen=TIMES))
        contest.older, contest.newer = older, newer
        contest.times.append(self._clock.seconds())
        self._contests[key] = contest
        if len(self._contests) > CONTESTED:
            self._contests.popitem(last=False)
        self._tell(key, contest)

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The newest first."""
        return list(reversed(self._refusals.values()))

    @property
    def contentions(self) -> Sequence[Contention]:
        """Where there is a fight: the latest first."""
        for key in list(self._contests):
            self._forget(key)
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

    def _forget(self, key: tuple[str, str]) -> None:
        """What was too long ago."""
        contest = self._contests.get(key)
        if contest is None:
            return
        oldest = self._clock.seconds() - SPAN
        while contest.times and contest.times[0] < oldest:
            contest.times.popleft()
        if not contest.times:
            del self._contests[key]

    def _saying(self, namespace: str, client_id: str) -> Callable[..., None]:
        key = namespace, client_id
        self._forget(key)
        contest = self._contests.get(key)
        return self.log.debug if contest is not None and contest.told else self.log.info

    def _tell(self, key: tuple[str, str], contest: _Contest) -> None:
        namespace, client_id = key
        addresses = {"old": contest.older.address, "new": contest.newer.address}
        if len(contest.times) < FIGHT:
            text = "{client} of {user} at {old} gives way to a connection from {new}"
            self.log.info(text, client=client_id, user=namespace, **addresses)
        elif not contest.told:
            contest.told = True
            self.log.warn(
                "connections from {old} and {new} take the client id {client} of {user} from each "
                "other: two devices have the same; until they stop no more is said of it",
                client=client_id,
                user=namespace,
                **addresses,
            )
