"""Tells of sign-ins that were refused, so that neither a phone that repeats an old password for
days nor a storm of guesses fills the log: the same refusal is told once, then at most once an hour
with how often it came.

What was typed is told nowhere: people type their password where the name belongs. Administrators
find the first of a series of wrong passwords at the web in the audit log, and what HTTP did not let
in, phones and programs, among the connections beside what MQTT did not.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from twisted.logger import Logger

from mytracks.clock import Clock, Seldom, again
from mytracks.errors import Refused, Unauthenticated
from mytracks.people.audit import Audit
from mytracks.people.networks import network
from mytracks.people.ports import Account
from mytracks.sharing.identity import Actor, Door

_UNKNOWN: Final = "an unknown user"
_KEPT: Final = 100
"""Refusals by HTTP that are remembered; the oldest goes first."""


@frozen(kw_only=True)
class Refusal:
    """Somebody was not let in by HTTP, at `at` for the last time. `user`: whose name was shown;
    None: nobody's. `wrong`: the credentials were, else there had been too many."""

    at: float
    user: str | None
    address: str
    wrong: bool
    reason: str


class Refusals:
    """Counts refusals and tells of them."""

    log = Logger()

    def __init__(self, clock: Clock, audit: Audit) -> None:
        self._audit = audit
        self._clock = clock
        self._by_http: OrderedDict[tuple[str | None, str, bool], Refusal] = OrderedDict()
        self._told = Seldom(clock)
        self._audited = Seldom(clock)
        self.count = 0
        """Sign-ins refused for wrong credentials, or for too many of them."""

    @property
    def by_http(self) -> Sequence[Refusal]:
        """Whom HTTP did not let in, the latest first; one who tries on and on is told once."""
        return list(reversed(self._by_http.values()))

    def tell(self, error: Refused, account: Account | None, door: Door, address: str) -> None:
        """`account`: whose name was shown; None: nobody's."""
        self.count += 1
        kind = type(error)
        user = _UNKNOWN if account is None else account.name
        times = self._told.times((user, network(address), door, kind))
        if times:
            self.log.info(
                "{user} was not let in at {door} from {address}: {error}{again}",
                user=user,
                door=door.value,
                address=address,
                error=str(error),
                again=again(times),
            )
        if door is Door.HTTP:
            self._remember(error, account, address)
        # One entry an hour for each account: else strangers could push out what administrators did.
        if account is None or door is not Door.WEB or not isinstance(error, Unauthenticated):
            return
        came = self._audited.times(account.number)
        if came:
            stranger = Actor(None, "somebody", address)
            what = f"user:{account.name}"
            self._audit.note_later(stranger, "sign-in.refused", what, again(came).strip())

    def _remember(self, error: Refused, account: Account | None, address: str) -> None:
        user = None if account is None else account.name
        wrong = isinstance(error, Unauthenticated)
        key = user, network(address), wrong
        self._by_http[key] = Refusal(
            at=self._clock.now(), user=user, address=address, wrong=wrong, reason=str(error)
        )
        self._by_http.move_to_end(key)
        while len(self._by_http) > _KEPT:
            self._by_http.popitem(last=False)
