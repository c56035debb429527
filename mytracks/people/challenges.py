"""Challenges that browsers are given for their passkeys to sign, and for which site."""

import secrets
from collections import OrderedDict
from typing import Final

from attrs import frozen

from mytracks.clock import Clock

CHALLENGE_SECONDS: Final = 5 * 60
_MOST_CHALLENGES: Final = 10_000
"""Open at one time; the oldest is forgotten first."""


@frozen
class Site:
    """Where our pages are seen. `name`: the host's, never an address, which a passkey is bound to
    for good. `origin`: scheme, host and port, as the browser writes it."""

    name: str
    origin: str


@frozen
class Challenge:
    """Random bytes to be signed. `handle`: by which the authenticator will know the person.
    `until`: `Clock.seconds`."""

    value: bytes
    handle: bytes
    until: float


class Challenges:
    """Challenges that wait for their answers, each for one holder (a browser) and one purpose."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[tuple[str, str], Challenge] = OrderedDict()

    def give(self, purpose: str, holder: str, handle: bytes = b"") -> bytes:
        """A new one, in place of any that this holder has."""
        until = self._clock.seconds() + CHALLENGE_SECONDS
        given = Challenge(secrets.token_bytes(32), handle, until)
        self._open.pop((purpose, holder), None)
        self._open[purpose, holder] = given
        while len(self._open) > _MOST_CHALLENGES:
            self._open.popitem(last=False)
        return given.value

    def take(self, purpose: str, holder: str) -> Challenge | None:
        """The one that was given, which is good no more; None: there is none, or it is too old."""
        found = self._open.pop((purpose, holder), None)
        return None if found is None or found.until <= self._clock.seconds() else found
