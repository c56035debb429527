"""Who somebody is and which device is meant. Decides nothing."""

from enum import Enum

from attrs import field, frozen


class Door(Enum):
    """The way in that somebody took."""

    WEB = "web"
    HTTP = "http"
    MQTT = "mqtt"


class Scope(Enum):
    """What an API token may be for (contract 6)."""

    __hash__ = object.__hash__

    INGEST = "ingest"
    READ = "read"
    COMMAND = "command"
    ADMIN = "admin"
    METRICS = "read:metrics"


@frozen
class Principal:
    """Somebody whose credentials were checked, once, at the door.

    `user` is the account's number, `name` its canonical (lower-case) user name. `device` names the
    one device that a device password stands for; None: the account itself signed in. `address`: the
    IP address they came from, where it is known; it does not make them somebody else. `anonymous`:
    nobody signed in, a setting says as whom they act.

    `scopes`: all that they may do here; None: whatever the person may. `token`: the number of the
    API token by which they came. `session`: the hash of the token of their web session.
    `certificate`: the SHA-256 of the client certificate by which they came. `unnamed`: by it and
    without a user name, so that a topic's level `user` means their own.
    """

    user: int
    name: str
    admin: bool
    door: Door
    device: str | None = None
    address: str | None = field(default=None, eq=False)
    anonymous: bool = False
    scopes: frozenset[Scope] | None = None
    token: int | None = None
    session: bytes | None = field(default=None, eq=False, repr=False)
    certificate: bytes | None = None
    unnamed: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether this is within what they came for."""
        if scope in (Scope.ADMIN, Scope.METRICS) and not self.admin:
            return False
        return self.scopes is None or scope in self.scopes


@frozen
class Actor:
    """Who does something that is noted in the audit log. `user`: the account's number; None: no
    account, such as the command line or the server itself."""

    user: int | None
    name: str
    address: str = ""

    @classmethod
    def of(cls, who: Principal) -> "Actor":
        """Somebody who came in at a door."""
        return cls(who.user, who.name, who.address or "")


COMMAND_LINE = Actor(None, "command line")
SERVER = Actor(None, "server")


@frozen
class Device:
    """A phone: (owner, name) everywhere, written `owner/name`. `number` is the store's own."""

    number: int
    owner: int
    owner_name: str
    name: str

    @property
    def path(self) -> str:
        """`user/device`, as the world writes it."""
        return f"{self.owner_name}/{self.name}"
