"""What second factors and passkeys need stored and sealed. `store/recovery.py` and
`store/passkeys.py` implement what is stored, `pki/keyring.py` what is sealed."""

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from mytracks.transaction import Transaction


class Seal(Protocol):
    """Makes secrets unreadable outside the running process. Never waits for long."""

    def seal(self, place: str, plain: bytes) -> bytes:
        """`plain` as it may be stored, for one place ("table/row/purpose"). Raises Unavailable."""

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for the place. Raises Unavailable when it cannot be opened."""


@frozen(kw_only=True)
class RecoveryCode:
    """One of somebody's recovery codes, not yet used. `secret_hash`: SHA-256 of its characters."""

    number: int
    user: int
    secret_hash: bytes = field(repr=False)
    created: int


class RecoveryCodes(Protocol):
    """Recovery codes that are good."""

    async def all(self, tx: Transaction) -> Sequence[RecoveryCode]:
        """Everybody's that are not used."""

    async def replace(
        self, tx: Transaction, user: int, hashes: Sequence[bytes], now: int
    ) -> Sequence[RecoveryCode]:
        """These are somebody's codes from now on, and no others."""

    async def used(self, tx: Transaction, number: int, now: int) -> bool:
        """It is used up; False when it was so before."""


@frozen(kw_only=True)
class Passkey:
    """What a phone, a computer or a security key signs in with instead of a password.

    `credential`: its id, as the authenticator made it. `handle`: by which the authenticator knows
    the person, the same in all of their passkeys. `sign_count`: how often it has signed, as far as
    it tells; 0: it does not. `transports`: ways to reach it, for the browser. `backed_up`: copies
    of it are in somebody's cloud. Times: UTC seconds.
    """

    number: int
    user: int
    credential: bytes
    public_key: bytes = field(repr=False)
    handle: bytes
    sign_count: int
    aaguid: bytes | None
    transports: Sequence[str]
    backed_up: bool
    label: str
    created: int
    last_used: int | None = None


class Passkeys(Protocol):
    """All passkeys: a household fits in memory."""

    async def all(self, tx: Transaction) -> Sequence[Passkey]:
        """Every one, by number."""

    async def add(self, tx: Transaction, passkey: Passkey) -> Passkey:
        """Store a new one; its `number` is ignored and the one given by the store returned.

        Raises errors.Conflict when the credential is there, NotFound when the account is gone.
        """

    async def used(self, tx: Transaction, number: int, sign_count: int, now: int) -> None:
        """Note that it let somebody in."""

    async def remove(self, tx: Transaction, number: int) -> None:
        """It opens nothing any more."""
