"""Who is no longer welcome: told after the commit, so that live connections can be cut at once.

Decides which principals a revocation covers; what is cut, and how, is each watcher's own.
"""

from collections.abc import Callable
from enum import Enum

from attrs import field, frozen
from twisted.logger import Logger

from mytracks.sharing.identity import Principal


class Reason(Enum):
    """Why somebody who was let in has to go."""

    DISABLED = "the account was disabled"
    DELETED = "the account was deleted"
    PASSWORD = "the password was changed"
    DEVICE_PASSWORD = "the device password was replaced"
    DEMOTED = "the account is no administrator's any more"
    TOKEN = "the API token was revoked"


@frozen
class Revocation:
    """Something that let people in does so no more. `device`: of a device password, its device.
    `token`: the API token's number. `spares`: the hash of the web session that stays, of a password
    that was changed in it. Certificates are not revoked here but by `pki`."""

    user: int
    name: str
    reason: Reason
    device: str | None = None
    token: int | None = None
    spares: bytes | None = field(default=None, repr=False)

    def covers(self, who: Principal) -> bool:
        """Whether `who` came in by what is now revoked."""
        if who.user != self.user:
            return False
        match self.reason:
            case Reason.PASSWORD:
                return _by_password(who) and not self._spares(who)
            case Reason.DEVICE_PASSWORD:
                return who.device == self.device
            case Reason.DEMOTED:
                return who.admin
            case Reason.TOKEN:
                return who.token is not None and who.token == self.token
            case Reason.DISABLED | Reason.DELETED:
                return True

    def _spares(self, who: Principal) -> bool:
        return self.spares is not None and who.session == self.spares


def _by_password(who: Principal) -> bool:
    """Whether the account's own password let them in, now or when their session began."""
    return who.device is None and who.token is None and who.certificate is None


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
