"""What the certificate services need stored, sealed and noted. `store/certificates.py` implements
the storing, `pki/keyring.py` the sealing, the people room the audit log.

Every value is what one row says; times are UTC epoch seconds.
"""

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Protocol

from attrs import field, frozen

from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction


class KeyKind(Enum):
    """The keys that are made here. Others may come from elsewhere."""

    __hash__ = object.__hash__

    RSA_2048 = ("rsa", 2048)
    RSA_3072 = ("rsa", 3072)
    RSA_4096 = ("rsa", 4096)
    P256 = ("p256", 256)

    @property
    def type(self) -> str:
        """`rsa` or `p256`."""
        return self.value[0]

    @property
    def size(self) -> int:
        """Bits."""
        return self.value[1]


class AuthorityState(IntEnum):
    """What a certificate authority is good for, as stored. At most one is active."""

    ENDED = 0
    """Nothing it signed is good any more."""
    ACTIVE = 1
    """It signs, and what it signed is good."""
    TRUSTED = 2
    """Another one signs now; what it signed stays good until an administrator ends it."""


class ServerState(IntEnum):
    """Whether a server certificate is shown, as stored. At most one is active for each use."""

    INACTIVE = 0
    ACTIVE = 1


class Use(IntEnum):
    """Where a server certificate is shown, as stored."""

    EVERYWHERE = 0
    """Wherever no certificate of that use's own is active."""
    WEB = 1
    MQTT = 2


class Source(IntEnum):
    """Where a server certificate comes from, as stored."""

    OWN = 1
    """Signed by an authority of ours; renewed by itself."""
    BROUGHT = 2
    """Brought by an administrator."""
    ACME = 3
    """Fetched from a public authority."""


class Reason(IntEnum):
    """Why a certificate was revoked, as stored: the codes of [RFC 5280 5.3.1]."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    PRIVILEGE_WITHDRAWN = 9


@frozen(kw_only=True)
class Certified:
    """What rows of all certificates have. `subject`: the name as [RFC 4514] writes it;
    `fingerprint`: the SHA-256 of the certificate's DER. `sealed_key`: None where we have no key.
    `key_type`: `rsa`, `p256`, or `p384` and the like of one made elsewhere; `key_size`: bits."""

    number: int
    serial: int
    fingerprint: bytes
    subject: str
    sealed_key: bytes | None = field(default=None, repr=False)
    key_type: str
    key_size: int
    created: int
    not_before: int
    not_after: int


@frozen(kw_only=True)
class Authority(Certified):
    """A certificate authority. `certificate`: DER. `crl_number`: that of its last list."""

    certificate: bytes = field(repr=False)
    state: AuthorityState
    crl_number: int = 0


@frozen(kw_only=True)
class Revocable(Certified):
    """What may be revoked before it expires. `revoked`: when; with `reason` None it is still good
    and will be revoked then. `expunged`: when it was deleted; a serial stays on the list until it
    expires. `authority`: the number of the one that signed."""

    authority: int | None
    revoked: int | None = None
    reason: Reason | None = None
    expunged: int | None = None

    def is_revoked(self, now: float) -> bool:
        """Whether it is no longer good, or its time of grace is over."""
        return self.reason is not None or (self.revoked is not None and self.revoked <= now)


@frozen(kw_only=True)
class Leaf(Revocable):
    """A client certificate. `user`: the account's number; None: the account is gone, and it counts
    as revoked. `device`: the number of the one device it was made for. `certificate`: DER, None
    once it is expunged."""

    authority: int
    user: int | None
    device: int | None = None
    certificate: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class ServerCertificate(Revocable):
    """A certificate that we show. `name`: its common name; `names`: what it is good for, host names
    and addresses. `chain`: PEM, itself first; None once it is expunged."""

    name: str
    names: tuple[str, ...]
    use: Use
    source: Source
    state: ServerState
    chain: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class RevocationList:
    """A signed list. `number` grows with each list of one authority."""

    authority: int
    number: int
    this_update: int
    next_update: int
    der: bytes = field(repr=False)


class Authorities(Protocol):
    """The certificate authorities."""

    async def all(self, tx: Transaction) -> Sequence[Authority]:
        """Every one, by number."""

    async def add(self, tx: Transaction, authority: Authority) -> Authority:
        """Store a new one under a number of its own. Raises errors.Conflict when it is known
        already, or is active and another one is."""

    async def change(self, tx: Transaction, authority: Authority) -> None:
        """Store its state and its sealed key. Raises errors.NotFound, and errors.Conflict as
        `add` does."""

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it with all that it signed."""


class ServerCertificates(Protocol):
    """The certificates that we show."""

    async def all(self, tx: Transaction) -> Sequence[ServerCertificate]:
        """Every one, by number."""

    async def add(self, tx: Transaction, certificate: ServerCertificate) -> ServerCertificate:
        """Store a new one under a number of its own. Raises errors.Conflict when it or its serial
        is known already, or it is active and another one is."""

    async def change(self, tx: Transaction, certificate: ServerCertificate) -> None:
        """Store its state, key, chain and revocation. Raises errors.NotFound, and errors.Conflict
        as `add` does."""

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it."""


class Leaves(Protocol):
    """The client certificates."""

    async def all(self, tx: Transaction) -> Sequence[Leaf]:
        """Every one, by number."""

    async def add(self, tx: Transaction, leaf: Leaf) -> Leaf:
        """Store a new one under a number of its own. Raises errors.Conflict when it or its serial
        is known already."""

    async def change(self, tx: Transaction, leaf: Leaf) -> None:
        """Store whose it is, its certificate, key and revocation. Raises errors.NotFound."""

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it."""


class RevocationLists(Protocol):
    """The newest list of each authority."""

    async def all(self, tx: Transaction) -> Sequence[RevocationList]:
        """The newest of each authority."""

    async def put(self, tx: Transaction, made: RevocationList) -> None:
        """Store a list in place of that authority's earlier ones. Raises errors.Conflict when its
        number has not grown."""


class Audit(Protocol):
    """Where is noted who did what."""

    async def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> None:
        """Note it in the same commit as what was done."""


class Seal(Protocol):
    """What keeps private keys unreadable in the database."""

    def seal(self, place: str, plain: bytes) -> bytes:
        """Seal `plain` for one place, such as `leaf/<fingerprint>/key`."""

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """Read it back. Raises errors.Unavailable when it was not sealed by us for this place."""
