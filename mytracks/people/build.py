"""Joins the people room: constructs its services and hands each what it needs."""

from typing import Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorFromThreads

from mytracks.clock import Clock
from mytracks.people import factor_ports, ports
from mytracks.people.accounts import Accounts
from mytracks.people.audit import Audit
from mytracks.people.device_passwords import DevicePasswords
from mytracks.people.familiar import Familiar
from mytracks.people.hashing import Hashing
from mytracks.people.limits import Limits
from mytracks.people.passkeys import PasskeyService
from mytracks.people.passwords import Passwords
from mytracks.people.refusals import Refusals
from mytracks.people.removals import Removals
from mytracks.people.revocations import Revocations
from mytracks.people.second_factor import SecondFactor
from mytracks.people.sessions import Sessions
from mytracks.people.signin import SignIn
from mytracks.people.throttle import Throttle
from mytracks.people.tokens import Tokens
from mytracks.transaction import Transactions


class Stored(Protocol):
    """What the store offers the people room."""

    @property
    def accounts(self) -> ports.Accounts: ...

    @property
    def device_passwords(self) -> ports.DevicePasswords: ...

    @property
    def tokens(self) -> ports.Tokens: ...

    @property
    def web_sessions(self) -> ports.WebSessions: ...

    @property
    def audit(self) -> ports.AuditLog: ...

    @property
    def recovery_codes(self) -> factor_ports.RecoveryCodes: ...

    @property
    def passkeys(self) -> factor_ports.Passkeys: ...


@frozen(kw_only=True)
class People:
    """The services of the room; `open` before use, `close` at the end."""

    accounts: Accounts
    passwords: Passwords
    device_passwords: DevicePasswords
    tokens: Tokens
    sessions: Sessions
    signin: SignIn
    throttle: Throttle
    revocations: Revocations
    removals: Removals
    hashing: Hashing
    audit: Audit
    second_factor: SecondFactor
    passkeys: PasskeyService

    async def open(self) -> None:
        """Read what is stored, start the threads."""
        await self.accounts.open()
        await self.device_passwords.open()
        await self.tokens.open()
        await self.sessions.open()
        await self.signin.open()
        await self.removals.open()
        await self.audit.open()
        await self.second_factor.open()
        await self.passkeys.open()
        self.hashing.open()

    async def close(self) -> None:
        """Stop timers, tasks and threads; whoever waits for a check is refused."""
        await self.audit.close()
        await self.removals.close()
        await self.signin.close()
        await self.sessions.close()
        await self.tokens.close()
        await self.device_passwords.close()
        await self.accounts.close()
        self.hashing.close()


@frozen(kw_only=True)
class _Ground:
    """What nearly every service of the room stands on."""

    transactions: Transactions
    stored: Stored
    clock: Clock
    limits: Limits
    revocations: Revocations
    audit: Audit


def build(
    transactions: Transactions,
    stored: Stored,
    clock: Clock,
    reactor: IReactorFromThreads,
    limits: Limits,
    seal: factor_ports.Seal,
) -> People:
    """The room, joined. `reactor`: where the answers of the password threads arrive. `seal`: what
    secrets are stored under."""
    ground = _Ground(
        transactions=transactions,
        stored=stored,
        clock=clock,
        limits=limits,
        revocations=Revocations(),
        audit=Audit(transactions, stored.audit, clock, limits),
    )
    return _joined(ground, Hashing(reactor, clock, limits), seal)


def _joined(ground: _Ground, hashing: Hashing, seal: factor_ports.Seal) -> People:
    clock, limits = ground.clock, ground.limits
    passwords = Passwords(hashing, clock, limits)
    sessions = Sessions(
        ground.transactions, ground.stored.web_sessions, ground.audit, clock, limits
    )
    removals = Removals(ground.transactions, ground.stored.accounts, clock)
    accounts = _accounts(ground, sessions, passwords, removals)
    device_passwords, tokens = _device_passwords(ground), _tokens(ground, accounts)
    throttle = Throttle(clock, limits)
    return People(
        accounts=accounts,
        passwords=passwords,
        device_passwords=device_passwords,
        tokens=tokens,
        sessions=sessions,
        signin=SignIn(
            accounts,
            passwords,
            device_passwords,
            tokens,
            sessions,
            throttle,
            Familiar(limits),
            Refusals(clock, ground.audit),
        ),
        throttle=throttle,
        revocations=ground.revocations,
        removals=removals,
        hashing=hashing,
        audit=ground.audit,
        second_factor=_second_factor(ground, accounts, throttle, seal),
        passkeys=_passkeys(ground, accounts),
    )


def _accounts(
    ground: _Ground, sessions: Sessions, passwords: Passwords, removals: Removals
) -> Accounts:
    return Accounts(
        ground.transactions,
        ground.stored.accounts,
        ground.stored.web_sessions,
        sessions,
        passwords,
        ground.revocations,
        removals,
        ground.audit,
        ground.clock,
    )


def _device_passwords(ground: _Ground) -> DevicePasswords:
    return DevicePasswords(
        ground.transactions,
        ground.stored.device_passwords,
        ground.audit,
        ground.clock,
        ground.revocations,
        ground.limits,
    )


def _tokens(ground: _Ground, accounts: Accounts) -> Tokens:
    def name_of(number: int) -> str:
        account = accounts.numbered(number)
        return "" if account is None else account.name

    return Tokens(
        ground.transactions,
        ground.stored.tokens,
        ground.audit,
        ground.clock,
        ground.revocations,
        ground.limits,
        name_of,
    )


def _second_factor(
    ground: _Ground, accounts: Accounts, throttle: Throttle, seal: factor_ports.Seal
) -> SecondFactor:
    return SecondFactor(
        ground.transactions,
        ground.stored.recovery_codes,
        accounts,
        throttle,
        seal,
        ground.audit,
        ground.clock,
        ground.revocations,
    )


def _passkeys(ground: _Ground, accounts: Accounts) -> PasskeyService:
    return PasskeyService(
        ground.transactions,
        ground.stored.passkeys,
        accounts,
        ground.audit,
        ground.clock,
        ground.revocations,
    )
