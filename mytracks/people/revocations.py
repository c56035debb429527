"""Who is no longer welcome: told after the commit, so that live connections can be cut at once.

Decides which principals a revocation covers; what is cut, and how, is each watcher's own.
"""

from collections.abc import Callable
from enum import Enum

from attrs import frozen
from twisted.logger import Logger

from mytracks.sharing.identity import Principal


class Reason(Enum):
    """Why somebody who was let in has to go."""

    DISABLED = "the account was disabled"
    DELETED = "the account was deleted"
    PASSWORD = "the password was changed"
    DEVICE_PASSWORD = "the device password was replaced"


@frozen
class Revocation:
    """Something that let people in does so no more. `device`: of a device password, its device."""

    user: int
    name: str
    reason: Reason
    device: str | None = None

    def covers(self, who: Principal) -> bool:
        """Whether `who` came in by what is now revoked."""
        if who.user != self.user:
            return False
        if self.reason is Reason.PASSWORD:
            return who.device is None
        if self.reason is Reason.DEVICE_PASSWORD:
            return who.device == self.device
        return True


Watcher = Callable[[Revocation], object]


class Revocations:
    """Tells every watcher, in the order they came; one that fails does not spare the others."""

    log = Logger()

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` from now on, once for each revocation, after its commit."""
        self._watchers.append(watcher)

    def tell(self, revocation: Revocation) -> None:
        """The revocation is durable."""
        self.log.info(
            "{user} is signed out everywhere that this concerns: {reason}",
            user=revocation.name,
            reason=revocation.reason.value,
            device=revocation.device,
        )
        for watcher in self._watchers:
            try:
                watcher(revocation)
            except Exception:  # noqa: BLE001 - the next watcher's connections must be cut all the same
                self.log.failure("telling of a revocation failed", user=revocation.name)
