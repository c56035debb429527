"""What the people services need stored. `store/accounts.py` and its neighbours implement it."""

from collections.abc import Sequence
from enum import IntFlag
from typing import Protocol

from attrs import Factory, field, frozen

from mytracks.people.profile import Profile
from mytracks.sharing.identity import Actor, Scope
from mytracks.transaction import Transaction


def _created(account: "Account") -> int:
    return account.created


@frozen(kw_only=True)
class Account:
    """Somebody with a name and a password here. `name`: canonical, lower case. `display`: as the
    person writes it. `password`: the hash (argon2id, encoded). `created`, `updated` (the profile),
    `last_login` (by the web): UTC seconds. `totp`: the sealed secret of the second factor, None:
    there is none; `totp_step`: the last step of it that was used."""

    number: int
    name: str
    display: str
    admin: bool
    disabled: bool
    password: str
    email: str
    created: int
    profile: Profile = field(factory=Profile)
    updated: int = field(default=Factory(_created, takes_self=True))
    last_login: int | None = None
    totp: bytes | None = field(default=None, repr=False)
    totp_step: int | None = None


class Accounts(Protocol):
    """The accounts, all of them: a household fits in memory."""

    async def all(self, tx: Transaction) -> Sequence[Account]:
        """Every account, by number."""

    async def add(self, tx: Transaction, account: Account) -> Account:
        """Store a new one; its `number` is ignored and the one given by the store returned.

        Raises errors.Conflict when the name is taken.
        """

    async def change(self, tx: Transaction, account: Account) -> None:
        """Store every field of the account with this number. Raises errors.NotFound."""

    async def leave(self, tx: Transaction, number: int) -> None:
        """Make the account nobody's: it is not among `all`, its name is free, its credentials and
        sessions are gone. The rest goes by `remove_some`."""

    async def leaving(self, tx: Transaction) -> Sequence[int]:
        """The numbers of accounts that left and are not yet all gone."""

    async def remove_some(self, tx: Transaction, number: int) -> bool:
        """Remove a bounded part of what an account that left still has, at last the account;
        whether there is more."""


@frozen(kw_only=True)
class DevicePassword:
    """The password of one device. `secret_hash`: SHA-256 of the secret's bytes."""

    number: int
    user: int
    device: int
    device_name: str
    secret_hash: bytes
    created: int
    last_used: int | None = None


class DevicePasswords(Protocol):
    """One password a device at most; a new one replaces the old."""

    async def all(self, tx: Transaction) -> Sequence[DevicePassword]:
        """Every password that is in force."""

    async def replace(
        self, tx: Transaction, user: int, device_name: str, secret_hash: bytes, now: int
    ) -> DevicePassword:
        """Store it for the device, which is made if need be, and revoke its earlier one."""

    async def revoke(self, tx: Transaction, device: int, now: int) -> None:
        """The device has no password any more."""

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        """Note that it let somebody in."""


LATEST = 253_402_300_799
"""The last second of the year 9999: no date of ours is later."""


@frozen(kw_only=True)
class Token:
    """An API token of one account. `secret_hash`: SHA-256 of the secret's bytes. `expires`: UTC
    seconds, None: it does not."""

    number: int
    user: int
    name: str
    scopes: frozenset[Scope]
    secret_hash: bytes = field(repr=False)
    created: int
    last_used: int | None = None
    expires: int | None = None


class Tokens(Protocol):
    """The API tokens of all accounts."""

    async def all(self, tx: Transaction) -> Sequence[Token]:
        """Every token that was not revoked, expired or not."""

    async def add(self, tx: Transaction, token: Token) -> Token:
        """Store a new one; its `number` is ignored and the one given by the store returned.

        Raises errors.NotFound when there is no such account.
        """

    async def revoke(self, tx: Transaction, number: int, now: int) -> None:
        """It is not among `all` any more."""

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        """Note that it let somebody in."""


class Factor(IntFlag):
    """By what somebody signed in, as stored."""

    PASSWORD = 1
    TOTP = 2
    PASSKEY = 4
    RECOVERY = 8


@frozen(kw_only=True)
class WebSession:
    """A browser that is signed in. `token_hash`: SHA-256 of the cookie. Times: UTC seconds."""

    token_hash: bytes
    user: int
    created: int
    seen: int
    expires: int
    address: str
    agent: str
    factors: Factor = Factor.PASSWORD

    @property
    def id(self) -> str:
        """By which its owner may name it; opens nothing."""
        return self.token_hash[:8].hex()


class WebSessions(Protocol):
    """Signed-in browsers."""

    async def all(self, tx: Transaction, now: int) -> Sequence[WebSession]:
        """Every session not yet expired at `now`; expired ones are removed later by `sweep`."""

    async def put(self, tx: Transaction, session: WebSession) -> None:
        """Store a session, or the newer `seen` and `expires` of one that is there."""

    async def end(self, tx: Transaction, token_hashes: Sequence[bytes]) -> None:
        """Remove these sessions; unknown ones are none the less gone."""

    async def sweep(self, tx: Transaction, now: int) -> None:
        """Remove what expired before `now`."""


@frozen(kw_only=True)
class AuditEntry:
    """Something that was done. `at`: UTC seconds. `actor_number`: the account that did it, None: it
    is gone, or it was none. `what`: what it was done to, such as `user:ana` or `device:ana/phone`.
    """

    number: int
    at: int
    actor: str
    actor_number: int | None
    address: str
    action: str
    what: str
    detail: str


@frozen(kw_only=True)
class AuditQuestion:
    """Which entries are asked for; empty or None: whichever.

    `actor`: the name. `action`: one, or a family of them (`user` for `user.add` and its like).
    `what`: one, or a family (`device` or `device:ana` for those of hers). `since`, `until`: UTC
    seconds, the second one excluded. `text`: is part of any member, in whatever case.
    """

    actor: str = ""
    action: str = ""
    what: str = ""
    since: int | None = None
    until: int | None = None
    text: str = ""
    limit: int = 100
    offset: int = 0


@frozen
class AuditPage:
    """Some entries, newest first, and how many there are in all that were asked for."""

    count: int
    entries: Sequence[AuditEntry]


class AuditLog(Protocol):
    """What was done by whom: only added to, and swept."""

    async def add(
        self, tx: Transaction, at: int, by: Actor, action: str, what: str, detail: str
    ) -> None:
        """One more entry."""

    async def page(self, tx: Transaction, question: AuditQuestion) -> AuditPage:
        """The entries that are asked for, newest first."""

    async def sweep(self, tx: Transaction, before: int | None, most: int) -> bool:
        """Remove a bounded number of the oldest of those from `before` (None: no such bound) or
        beyond the newest `most`; whether there may be more of them."""
