"""The stored half of the people room, in memory: for tests that need to break or hold commits."""

from collections.abc import Sequence
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred, maybeDeferred

from mytracks.errors import Conflict, NotFound, Unavailable
from mytracks.people.factor_ports import Passkey, RecoveryCode
from mytracks.people.ports import (
    Account,
    AuditEntry,
    AuditPage,
    AuditQuestion,
    DevicePassword,
    Token,
    WebSession,
)
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Unit

T = TypeVar("T")


class MemoryTransaction:
    """Nothing to see: the rows are in the ports' own memory."""

    dialect = "memory"


class MemoryTransactions:
    """Runs units at once; while `failing` nothing is stored, while `holding` commits wait, while
    `holding_reads` reads do."""

    def __init__(self) -> None:
        self.failing = False
        self.holding = False
        self.holding_reads = False
        self.reads: list[Deferred[None]] = []
        """Those that are held."""
        self.commits = 0
        self._held: list[Deferred[None]] = []

    def read(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` now, or once its Deferred in `reads` is fired."""
        if not self.holding_reads:
            return Deferred.fromCoroutine(unit(MemoryTransaction()))
        gate: Deferred[None] = Deferred()
        self.reads.append(gate)
        return gate.addCallback(lambda _: Deferred.fromCoroutine(unit(MemoryTransaction())))

    def commit(self, unit: Unit[T]) -> Deferred[T]:
        """Run `unit` now, or once let go; fires when it ran."""
        return maybeDeferred(self._commit, unit)

    @property
    def held(self) -> int:
        """How many commits wait to be let go."""
        return len(self._held)

    def let_go_of_one(self) -> None:
        """The first of those that are held is committed; what comes is held all the same."""
        self._held.pop(0).callback(None)

    def let_go(self) -> None:
        """What was held is committed, in order."""
        self.holding = False
        held, self._held = self._held, []
        for each in held:
            each.callback(None)

    def _commit(self, unit: Unit[T]) -> Deferred[T]:
        if self.failing:
            raise Unavailable("The disk is full.")
        gate: Deferred[None] = Deferred()
        self._held.append(gate)
        run: Deferred[T] = gate.addCallback(lambda _: self._run(unit))
        if not self.holding:
            self._held.remove(gate)
            gate.callback(None)
        return run

    def _run(self, unit: Unit[T]) -> Deferred[T]:
        self.commits += 1
        return Deferred.fromCoroutine(unit(MemoryTransaction()))


class MemoryAccounts:
    """people.ports.Accounts."""

    def __init__(self) -> None:
        self.rows: dict[int, Account] = {}
        self.left: dict[int, int] = {}
        """How many pieces there are of each account that left."""
        self.pieces = 1
        """So many an account that leaves has."""
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[Account]:
        return [self.rows[number] for number in sorted(self.rows)]

    async def add(self, tx: Transaction, account: Account) -> Account:
        if any(row.name == account.name for row in self.rows.values()):
            raise Conflict("taken")
        self._last += 1
        self.rows[self._last] = evolve(account, number=self._last)
        return self.rows[self._last]

    async def change(self, tx: Transaction, account: Account) -> None:
        if account.number not in self.rows:
            raise NotFound("gone")
        self.rows[account.number] = account

    async def leave(self, tx: Transaction, number: int) -> None:
        del self.rows[number]
        self.left[number] = self.pieces

    async def leaving(self, tx: Transaction) -> Sequence[int]:
        return sorted(self.left)

    async def remove_some(self, tx: Transaction, number: int) -> bool:
        self.left[number] -= 1
        if self.left[number] > 0:
            return True
        del self.left[number]
        return False


class MemoryDevicePasswords:
    """people.ports.DevicePasswords."""

    def __init__(self) -> None:
        self.rows: dict[int, DevicePassword] = {}
        self._devices: dict[tuple[int, str], int] = {}
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[DevicePassword]:
        return list(self.rows.values())

    async def replace(
        self, tx: Transaction, user: int, device_name: str, secret_hash: bytes, now: int
    ) -> DevicePassword:
        device = self._devices.setdefault((user, device_name), len(self._devices) + 1)
        for number in [row.number for row in self.rows.values() if row.device == device]:
            del self.rows[number]
        self._last += 1
        made = DevicePassword(
            number=self._last,
            user=user,
            device=device,
            device_name=device_name,
            secret_hash=secret_hash,
            created=now,
        )
        self.rows[made.number] = made
        return made

    async def revoke(self, tx: Transaction, device: int, now: int) -> None:
        self.rows = {n: row for n, row in self.rows.items() if row.device != device}

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        self.rows[number] = evolve(self.rows[number], last_used=now)


class MemoryTokens:
    """people.ports.Tokens."""

    def __init__(self) -> None:
        self.rows: dict[int, Token] = {}
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[Token]:
        return list(self.rows.values())

    async def add(self, tx: Transaction, token: Token) -> Token:
        self._last += 1
        self.rows[self._last] = evolve(token, number=self._last)
        return self.rows[self._last]

    async def revoke(self, tx: Transaction, number: int, now: int) -> None:
        self.rows.pop(number, None)

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        if number in self.rows:
            self.rows[number] = evolve(self.rows[number], last_used=now)


class MemoryWebSessions:
    """people.ports.WebSessions."""

    def __init__(self) -> None:
        self.rows: dict[bytes, WebSession] = {}

    async def all(self, tx: Transaction, now: int) -> Sequence[WebSession]:
        return [row for row in self.rows.values() if row.expires > now]

    async def put(self, tx: Transaction, session: WebSession) -> None:
        self.rows[session.token_hash] = session

    async def end(self, tx: Transaction, token_hashes: Sequence[bytes]) -> None:
        for token_hash in token_hashes:
            self.rows.pop(token_hash, None)

    async def sweep(self, tx: Transaction, now: int) -> None:
        await self.end(tx, [row.token_hash for row in self.rows.values() if row.expires <= now])


class MemoryAudit:
    """people.ports.AuditLog."""

    def __init__(self) -> None:
        self.rows: list[AuditEntry] = []
        self.swept: list[tuple[int | None, int]] = []
        self.trouble: Exception | None = None

    async def add(
        self, tx: Transaction, at: int, by: Actor, action: str, what: str, detail: str
    ) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.rows.append(
            AuditEntry(
                number=len(self.rows) + 1,
                at=at,
                actor=by.name,
                actor_number=by.user,
                address=by.address,
                action=action,
                what=what,
                detail=detail,
            )
        )

    async def page(self, tx: Transaction, question: AuditQuestion) -> AuditPage:
        """Looks at actor, action and what only, each as a whole."""
        found = [
            row
            for row in reversed(self.rows)
            if question.actor in ("", row.actor)
            and question.action in ("", row.action)
            and question.what in ("", row.what)
        ]
        some = found[question.offset :][: question.limit]
        return AuditPage(len(found), some)

    async def sweep(self, tx: Transaction, before: int | None, most: int) -> bool:
        """Remembers that it was asked; removes nothing."""
        self.swept.append((before, most))
        return False


class MemoryRecoveryCodes:
    """people.factor_ports.RecoveryCodes."""

    def __init__(self) -> None:
        self.rows: dict[int, RecoveryCode] = {}
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[RecoveryCode]:
        return list(self.rows.values())

    async def replace(
        self, tx: Transaction, user: int, hashes: Sequence[bytes], now: int
    ) -> Sequence[RecoveryCode]:
        for number in [row.number for row in self.rows.values() if row.user == user]:
            del self.rows[number]
        made = []
        for secret_hash in hashes:
            self._last += 1
            code = RecoveryCode(number=self._last, user=user, secret_hash=secret_hash, created=now)
            self.rows[code.number] = code
            made.append(code)
        return made

    async def used(self, tx: Transaction, number: int, now: int) -> bool:
        return self.rows.pop(number, None) is not None


class MemoryPasskeys:
    """people.factor_ports.Passkeys."""

    def __init__(self) -> None:
        self.rows: dict[int, Passkey] = {}
        self._last = 0

    async def all(self, tx: Transaction) -> Sequence[Passkey]:
        return list(self.rows.values())

    async def add(self, tx: Transaction, passkey: Passkey) -> Passkey:
        if any(row.credential == passkey.credential for row in self.rows.values()):
            raise Conflict("known")
        self._last += 1
        self.rows[self._last] = evolve(passkey, number=self._last)
        return self.rows[self._last]

    async def used(self, tx: Transaction, number: int, sign_count: int, now: int) -> None:
        if number in self.rows:
            self.rows[number] = evolve(self.rows[number], sign_count=sign_count, last_used=now)

    async def remove(self, tx: Transaction, number: int) -> None:
        self.rows.pop(number, None)


class MemorySeal:
    """people.factor_ports.Seal: hides nothing, but knows its places. `lost`: opens nothing more."""

    def __init__(self) -> None:
        self.lost = False

    def seal(self, place: str, plain: bytes) -> bytes:
        return f"{place}:".encode() + plain[::-1]

    def unseal(self, place: str, sealed: bytes) -> bytes:
        head = f"{place}:".encode()
        if self.lost or not sealed.startswith(head):
            raise Unavailable("A sealed secret cannot be opened.")
        return sealed.removeprefix(head)[::-1]


class MemoryStore:
    """What `people.build` asks for."""

    def __init__(self) -> None:
        self.transactions = MemoryTransactions()
        self.accounts = MemoryAccounts()
        self.device_passwords = MemoryDevicePasswords()
        self.tokens = MemoryTokens()
        self.web_sessions = MemoryWebSessions()
        self.recovery_codes = MemoryRecoveryCodes()
        self.passkeys = MemoryPasskeys()
        self.audit = MemoryAudit()


def rows(port: Any) -> int:
    """How many rows a port holds."""
    return len(port.rows)
