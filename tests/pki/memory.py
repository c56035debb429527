"""The stored half of the certificates room, in memory: for tests that break or hold commits."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from attrs import evolve

from mytracks.errors import Conflict, NotFound, Unavailable
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Certified,
    Leaf,
    RevocationList,
    ServerCertificate,
    ServerState,
)
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction
from tests.people.memory import MemoryTransactions

R = TypeVar("R", bound=Certified)


class Rows(Generic[R]):
    """What the rows of all kinds do."""

    def __init__(self) -> None:
        self.rows: dict[int, R] = {}
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[R]:
        """Every one, by number."""
        return [self.rows[number] for number in sorted(self.rows)]

    async def add(self, tx: Transaction, new: R) -> R:
        """A new one."""
        if any(self.excludes(row, new) for row in self.rows.values()):
            raise Conflict("known, or another one is active")
        self._last += 1
        self.rows[self._last] = evolve(new, number=self._last)
        return self.rows[self._last]

    async def change(self, tx: Transaction, changed: R) -> None:
        """As it shall be."""
        if changed.number not in self.rows:
            raise NotFound("gone")
        others = (row for number, row in self.rows.items() if number != changed.number)
        if any(self.excludes(row, changed) for row in others):
            raise Conflict("another one is active")
        self.rows[changed.number] = changed

    async def remove(self, tx: Transaction, number: int) -> None:
        """Gone."""
        self.rows.pop(number, None)

    def excludes(self, row: R, new: R) -> bool:
        """Whether there cannot be both."""
        return row.fingerprint == new.fingerprint


class MemoryAuthorities(Rows[Authority]):
    """pki.ports.Authorities."""

    def excludes(self, row: Authority, new: Authority) -> bool:
        both = row.state is new.state is AuthorityState.ACTIVE
        return both or super().excludes(row, new)


class MemoryServerCertificates(Rows[ServerCertificate]):
    """pki.ports.ServerCertificates."""

    def excludes(self, row: ServerCertificate, new: ServerCertificate) -> bool:
        both = row.state is new.state is ServerState.ACTIVE and row.use is new.use
        same = row.authority is not None and _serial(row) == _serial(new)
        return both or same or super().excludes(row, new)


class MemoryLeaves(Rows[Leaf]):
    """pki.ports.Leaves."""

    def excludes(self, row: Leaf, new: Leaf) -> bool:
        return _serial(row) == _serial(new) or super().excludes(row, new)


class MemoryRevocationLists:
    """pki.ports.RevocationLists."""

    def __init__(self, authorities: MemoryAuthorities) -> None:
        self.rows: dict[int, RevocationList] = {}
        self._authorities = authorities

    async def all(self, tx: Transaction) -> Sequence[RevocationList]:
        """The newest of each authority."""
        return list(self.rows.values())

    async def put(self, tx: Transaction, made: RevocationList) -> None:
        """In place of the one before."""
        signer = self._authorities.rows[made.authority]
        if signer.crl_number >= made.number:
            raise Conflict("has not grown")
        self._authorities.rows[made.authority] = evolve(signer, crl_number=made.number)
        self.rows[made.authority] = made


class MemorySettings:
    """pki.acme.ports.Settings."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def get(self, tx: Transaction, name: str) -> str | None:
        """That text."""
        return self.texts.get(name)

    async def put(self, tx: Transaction, name: str, value: str, now: int) -> None:
        """Kept."""
        self.texts[name] = value


class MemoryAudit:
    """pki.ports.Audit: (who, action, what, detail)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str, str]] = []

    async def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> None:
        """Note it."""
        self.entries.append((by.name, action, what, detail))

    def actions(self) -> list[str]:
        """What was done, in order."""
        return [action for _, action, _, _ in self.entries]


class ToySeal:
    """pki.ports.Seal, which hides nothing but tells whether a place is the right one. While
    `missing` nothing can be read."""

    def __init__(self) -> None:
        self.missing = False
        self.mark = b"1"

    def seal(self, place: str, plain: bytes) -> bytes:
        """With its place in front."""
        return self.mark + place.encode() + b"\0" + plain[::-1]

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """What stands behind it."""
        head, _, rest = sealed.partition(b"\0")
        if self.missing or head[1:] != place.encode():
            raise Unavailable("the key ring does not open it")
        return rest[::-1]


class MemoryStore:
    """What `pki.build` asks for."""

    def __init__(self) -> None:
        self.transactions = MemoryTransactions()
        self.authorities = MemoryAuthorities()
        self.server_certificates = MemoryServerCertificates()
        self.leaves = MemoryLeaves()
        self.revocation_lists = MemoryRevocationLists(self.authorities)
        self.settings = MemorySettings()
        self.audit = MemoryAudit()
        self.seal = ToySeal()


class _Signed(Protocol):
    @property
    def authority(self) -> int | None: ...

    @property
    def serial(self) -> int: ...


def _serial(row: _Signed) -> tuple[int | None, int]:
    return row.authority, row.serial
