"""A second factor beside the password, for the web: codes of an app (TOTP) and recovery codes.

The app's secret is stored sealed; a code is good for its half minute and its neighbours, once. For
the day when the phone is gone there are ten recovery codes, each good once; we keep their hashes.
Whoever is asked for a code has shown the right password before. Wrong codes slow down whoever tries
them, counted for the account over all networks together: there are but a million of them. A right
recovery code is never kept waiting, so that nobody can lock the owner out.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

import pyotp
from attrs import field, frozen
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid, NotFound, Unauthenticated
from mytracks.people import factor_ports
from mytracks.people.accounts import Accounts
from mytracks.people.audit import Audit
from mytracks.people.factor_ports import RecoveryCode, Seal
from mytracks.people.ports import Account, Factor
from mytracks.people.revocations import Reason, Revocation, Revocations
from mytracks.people.throttle import Throttle
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns, carried_through

ISSUER: Final = "mytracks"
"""What the app shows above the code."""
RECOVERY_CODES: Final = 10
STEP: Final = 30
"""Seconds that a code stands in the app."""
_DIGITS: Final = 6
_WINDOW: Final = 1
"""Steps before and after the present one whose codes are good too: phones' clocks differ."""
_ENROLMENT_SECONDS: Final = 15 * 60
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_CODE_LETTERS: Final = 24
"""Of a recovery code: 120 random bits."""
_GROUP: Final = 4
_LONGEST: Final = 200
"""Characters that are looked at."""
_RECOVERY: Final = re.compile(rf"[a-z2-7]{{{_CODE_LETTERS}}}", re.ASCII)
_BETWEEN: Final = str.maketrans("", "", " -\t")
"""What people, and we, put between letters."""
_MISREAD: Final = str.maketrans("018", "olb")
"""Digits that no recovery code has, and what they were read for."""
_WRONG: Final = "The code is wrong, or was used already."
_EVERYWHERE: Final = "second factor"
"""Instead of a network: all of them together. It is no address, so that it stands for nobody."""


@frozen
class Enrolment:
    """What is put into the app: by hand `secret`, as a QR code `uri`."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@frozen
class _Pending:
    enrolment: Enrolment
    until: float


class SecondFactor:
    """Turns the second factor on and off, and checks what is shown for it."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: factor_ports.RecoveryCodes,
        accounts: Accounts,
        throttle: Throttle,
        seal: Seal,
        audit: Audit,
        clock: Clock,
        revocations: Revocations,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._accounts = accounts
        self._throttle = throttle
        self._seal = seal
        self._audit = audit
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._turns = Turns()
        self._codes: dict[bytes, RecoveryCode] = {}
        self._steps: dict[int, int] = {}
        self._pending: dict[int, _Pending] = {}
        revocations.watch(self._revoked)

    async def open(self) -> None:
        """Read what is stored."""
        found = await self._transactions.read(self._stored.all)
        self._codes = {code.secret_hash: code for code in found}

    def is_on(self, user: int) -> bool:
        """Whether the password alone does not let this person in at the web."""
        account = self._accounts.numbered(user)
        return account is not None and account.totp is not None

    def codes_left(self, user: int) -> int:
        """How many of somebody's recovery codes are not used."""
        return len(self._of(user))

    def begin(self, user: int) -> Enrolment:
        """A new secret for the app, on once its first code has come back (`confirm`) within a
        quarter of an hour. Raises NotFound, Conflict when the second factor is on."""
        account = self._present(user)
        if account.totp is not None:
            raise Conflict("The second factor is on already.")
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name=ISSUER)
        enrolment = Enrolment(secret, uri)
        self._pending[user] = _Pending(enrolment, self._clock.seconds() + _ENROLMENT_SECONDS)
        return enrolment

    def pending(self, user: int) -> Enrolment | None:
        """What `begin` gave, while it can still be confirmed."""
        pending = self._pending.get(user)
        if pending is None or pending.until <= self._clock.seconds():
            self._pending.pop(user, None)
            return None
        return pending.enrolment

    async def confirm(self, user: int, code: str, *, by: Actor) -> Sequence[str]:
        """The app works: turn the second factor on; the recovery codes, shown here only.

        Raises Invalid for another code, Conflict when nothing was begun or it is on, NotFound.
        """
        return await self._turns.take(lambda: self._confirm(user, code, by))

    async def turn_off(self, user: int, *, by: Actor) -> None:
        """From now on the password alone lets in; recovery codes are gone. Raises NotFound."""
        await self._turns.take(lambda: self._turn_off(user, by))

    async def new_codes(self, user: int, *, by: Actor) -> Sequence[str]:
        """Other recovery codes in place of those there are, shown here only. Raises NotFound,
        Conflict when the second factor is off."""
        return await self._turns.take(lambda: self._new_codes(user, by))

    async def reseal(self) -> int:
        """Seal every app's secret anew, in memory as in the store, each in a commit of its own; how
        many there are. Raises Unavailable at the first that cannot be read, or stored."""
        done = 0
        for account in self._accounts.all():
            if account.totp is not None:
                await self._turns.take(partial(self._reseal, account.number))
                done += 1
        return done

    async def check(self, user: int, code: str, *, address: str) -> Factor:
        """What was shown is right: a code of the app, or a recovery code, which is used up by it.

        Raises Unauthenticated, Busy after too many wrong ones, Unavailable when the use of it
        cannot be stored: then it still is good.
        """
        account = self._present(user)
        recovery = self._recovery(user, code)
        if recovery is not None:
            await carried_through(self._use_up(account, recovery, address))
            return Factor.RECOVERY
        tag = hmac.digest(self._key, f"{user} {_plain(code)}".encode(), "sha256")
        self._throttle.enter(account.name, _EVERYWHERE, tag)
        try:
            step = self._step(account, code)
        except BaseException:
            self._throttle.left(account.name, _EVERYWHERE, tag)
            raise
        if step is None:
            self.log.info(
                "a wrong code was shown for {user} from {address}",
                user=account.name,
                address=address,
            )
            self._throttle.failed(account.name, _EVERYWHERE, tag)
            raise Unauthenticated(_WRONG)
        self._throttle.passed(account.name, _EVERYWHERE, tag)
        await carried_through(self._used(user, step))
        return Factor.TOTP

    async def _confirm(self, user: int, code: str, by: Actor) -> Sequence[str]:
        self._present(user)
        pending = self.pending(user)
        if pending is None:
            raise Conflict("Begin again: this took too long.")
        step = self._matching(pending.secret, code, after=-1)
        if step is None:
            text = "This is not the code that the app shows now; is the phone's clock right?"
            raise Invalid(text, {"code": [text]})
        sealed = self._seal.seal(_place(user), pending.secret.encode())
        fresh = _Fresh(self._stored, user, RECOVERY_CODES, int(self._clock.now()))
        await self._accounts.set_second_factor(user, sealed, step, by=by, also=fresh.store)
        self._pending.pop(user, None)
        self._steps[user] = step
        return self._renewed(user, fresh)

    async def _turn_off(self, user: int, by: Actor) -> None:
        self._present(user)
        none = _Fresh(self._stored, user, 0, int(self._clock.now()))
        await self._accounts.set_second_factor(user, None, None, by=by, also=none.store)
        self._pending.pop(user, None)
        self._steps.pop(user, None)
        self._renewed(user, none)

    async def _reseal(self, user: int) -> None:
        place = _place(user)
        await self._accounts.reseal(
            user, lambda sealed: self._seal.seal(place, self._seal.unseal(place, sealed))
        )

    async def _new_codes(self, user: int, by: Actor) -> Sequence[str]:
        account = self._present(user)
        if account.totp is None:
            raise Conflict("The second factor is off.")
        fresh = _Fresh(self._stored, user, RECOVERY_CODES, int(self._clock.now()))

        async def unit(tx: Transaction) -> None:
            await fresh.store(tx)
            await self._audit.add(tx, by, "recovery.new", f"user:{account.name}")

        await self._transactions.commit(unit)
        return self._renewed(user, fresh)

    def _renewed(self, user: int, fresh: "_Fresh") -> Sequence[str]:
        """These are stored in place of the others: the codes as they are shown."""
        self._forget(user)
        self._codes |= {code.secret_hash: code for code in fresh.stored}
        return [_grouped(code) for code in fresh.codes]

    async def _use_up(self, account: Account, code: RecoveryCode, address: str) -> None:
        by, now = Actor(account.number, account.name, address), int(self._clock.now())

        async def unit(tx: Transaction) -> bool:
            good = await self._stored.used(tx, code.number, now)
            if good:
                await self._audit.add(tx, by, "recovery.used", f"user:{account.name}")
            return good

        # Out of the way at once: whoever shows it at the same time is too late.
        del self._codes[code.secret_hash]
        try:
            good = await self._transactions.commit(unit)
        except BaseException:
            self._codes[code.secret_hash] = code
            raise
        if not good:
            raise Unauthenticated(_WRONG)
        self.log.info("{user} used a recovery code", user=account.name)

    async def _used(self, user: int, step: int) -> None:
        """A code of that step is good no more, this very moment; then durably."""
        before = self._steps.get(user)
        self._steps[user] = step
        try:
            await self._accounts.stepped(user, step)
        except BaseException:
            if self._steps.get(user) == step:
                self._steps[user] = -1 if before is None else before
            raise

    def _step(self, account: Account, code: str) -> int | None:
        """The step whose unused code this is. Raises Unavailable when the secret stays sealed."""
        if account.totp is None:
            return None
        secret = self._seal.unseal(_place(account.number), account.totp).decode()
        stored = -1 if account.totp_step is None else account.totp_step
        return self._matching(secret, code, after=max(stored, self._steps.get(account.number, -1)))

    def _matching(self, secret: str, code: str, *, after: int) -> int | None:
        shown, now = _plain(code).encode(), int(self._clock.now()) // STEP
        codes = pyotp.TOTP(secret, digits=_DIGITS, interval=STEP)
        found = None
        for step in range(now - _WINDOW, now + _WINDOW + 1):
            right = step >= 0 and hmac.compare_digest(codes.generate_otp(step).encode(), shown)
            if right and step > after:
                found = step
        return found

    def _recovery(self, user: int, code: str) -> RecoveryCode | None:
        plain = _plain(code.lower()).translate(_MISREAD)
        if _RECOVERY.fullmatch(plain) is None or not self.is_on(user):
            return None
        found = self._codes.get(_digest(plain))
        return found if found is not None and found.user == user else None

    def _of(self, user: int) -> Sequence[RecoveryCode]:
        return [code for code in self._codes.values() if code.user == user]

    def _forget(self, user: int) -> None:
        for code in self._of(user):
            del self._codes[code.secret_hash]

    def _present(self, user: int) -> Account:
        account = self._accounts.numbered(user)
        if account is None:
            raise NotFound("There is no such user.")
        return account

    def _revoked(self, revocation: Revocation) -> None:
        if revocation.reason is Reason.DELETED:
            self._forget(revocation.user)
            self._pending.pop(revocation.user, None)
            self._steps.pop(revocation.user, None)


class _Fresh:
    """New recovery codes of somebody, in place of all that they have."""

    def __init__(self, port: factor_ports.RecoveryCodes, user: int, number: int, now: int) -> None:
        self.codes = [_new_code() for _ in range(number)]
        self.stored: Sequence[RecoveryCode] = ()
        self._port = port
        self._user = user
        self._now = now

    async def store(self, tx: Transaction) -> None:
        """The unit that does it."""
        hashes = [_digest(code) for code in self.codes]
        self.stored = await self._port.replace(tx, self._user, hashes, self._now)


def _place(user: int) -> str:
    """Where the app's secret is sealed for."""
    return f"user_account/{user}/totp"


def _new_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))


def _grouped(code: str) -> str:
    """As it is printed: `abcd-efgh-…`."""
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def _plain(code: str) -> str:
    """What was typed, without what only helps to read it."""
    typed = code[:_LONGEST].strip().translate(_BETWEEN)
    return typed.encode("utf-8", "replace").decode()


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
