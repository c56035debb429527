"""What the people services need stored. `store/accounts.py` and its neighbours implement it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from mytracks.transaction import Transaction


@frozen(kw_only=True)
class Account:
    """Somebody with a name and a password here. `name`: canonical, lower case. `display`: as the
    person writes it. `password`: the hash (argon2id, encoded). `created`: UTC seconds."""

    number: int
    name: str
    display: str
    admin: bool
    disabled: bool
    password: str
    email: str
    created: int
    settings: Mapping[str, Any] = field(factory=dict)


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

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        """Note that it let somebody in."""


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
