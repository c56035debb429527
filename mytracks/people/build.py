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
    revocations = Revocations()
    hashing = Hashing(reactor, limits)
    passwords = Passwords(hashing, clock, limits)
    audit = Audit(transactions, stored.audit, clock, limits)
    sessions = Sessions(transactions, stored.web_sessions, audit, clock, limits)
    device_passwords = DevicePasswords(
        transactions, stored.device_passwords, audit, clock, revocations, limits
    )
    removals = Removals(transactions, stored.accounts, clock)
    accounts = Accounts(
        transactions,
        stored.accounts,
        stored.web_sessions,
        sessions,
        passwords,
        revocations,
        removals,
        audit,
        clock,
    )

    def name_of(number: int) -> str:
        account = accounts.numbered(number)
        return "" if account is None else account.name

    tokens = Tokens(transactions, stored.tokens, audit, clock, revocations, limits, name_of)
    throttle = Throttle(clock, limits)
    familiar, refusals = Familiar(limits), Refusals(clock, audit)
    signin = SignIn(
        accounts,
        passwords,
        device_passwords,
        tokens,
        sessions,
        throttle,
        familiar,
        refusals,
    )
    return People(
        accounts=accounts,
        passwords=passwords,
        device_passwords=device_passwords,
        tokens=tokens,
        sessions=sessions,
        signin=signin,
        throttle=throttle,
        revocations=revocations,
        removals=removals,
        hashing=hashing,
        audit=audit,
        second_factor=SecondFactor(
            transactions,
            stored.recovery_codes,
            accounts,
            throttle,
            seal,
            audit,
            clock,
            revocations,
        ),
        passkeys=PasskeyService(transactions, stored.passkeys, accounts, audit, clock, revocations),
    )
