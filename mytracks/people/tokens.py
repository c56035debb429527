"""API tokens: random enough to be checked in microseconds, each for some scopes only.

`mt_u_<id>_<secret>_<check>`, as `written` has it, with 160 random bits. Shown once; revoked at
once; one that expired opens nothing and stays listed until it is revoked or makes room. What a
token is for, and that only administrators hold some, is decided here; what each scope opens is
the doors' own.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock, Repeating
from mytracks.errors import Conflict, Forbidden, Invalid, NotFound
from mytracks.people import ports
from mytracks.people.audit import Audit
from mytracks.people.limits import Limits
from mytracks.people.ports import Account, Token
from mytracks.people.revocations import Reason, Revocation, Revocations
from mytracks.people.uses import Uses
from mytracks.people.written import Shown, Written, digest
from mytracks.sharing.identity import Actor, Scope
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

ADMINS_ONLY: Final = frozenset({Scope.ADMIN, Scope.METRICS})
"""Scopes that only administrators hold, and use."""

_LONGEST_NAME: Final = 100
_SWEEP_EVERY: Final = 15.0
"""Seconds after which at most whoever is connected by an expired token is cut."""

_WRITTEN: Final = Written("mt_u", letters=32)
read = _WRITTEN.read
write = _WRITTEN.write


@frozen(kw_only=True)
class IssuedToken:
    """A new token, and its text, shown once."""

    token: Token
    text: str = field(repr=False)


class Tokens:
    """All tokens that were not revoked, in memory as they are stored."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.Tokens,
        audit: Audit,
        clock: Clock,
        revocations: Revocations,
        limits: Limits,
        name_of: Callable[[int], str],
    ) -> None:
        """`name_of`: what the account with a number is called; empty: it is gone."""
        self._transactions = transactions
        self._stored = stored
        self._audit = audit
        self._clock = clock
        self._revocations = revocations
        self._limits = limits
        self._name_of = name_of
        self._uses = Uses("a token", limits.token_used_every, transactions, stored.used, clock)
        self._turns = Turns()
        self._kept: dict[int, Token] = {}
        self._lapsed: set[int] = set()
        self._sweeping = Repeating(clock, _SWEEP_EVERY, self._sweep, "looking for expired tokens")
        revocations.watch(self._revoked)

    async def open(self) -> None:
        """Read what is stored."""
        for token in await self._transactions.read(self._stored.all):
            self._kept[token.number] = token
        self._sweeping.start()

    async def close(self) -> None:
        """Stop all of our own."""
        self._sweeping.stop()
        self._uses.stop()

    def issue(
        self,
        account: Account,
        name: str,
        scopes: Collection[Scope],
        expires: int | None,
        *,
        by: Actor,
    ) -> Deferred[IssuedToken]:
        """A new token of `account`. `expires`: UTC seconds; None: it does not.

        Raises Invalid with the fields that are wrong, Forbidden when it takes an administrator,
        Conflict when the account has as many as it may, Unavailable, NotFound.
        """
        made = self._checked(name, scopes, expires)
        if ADMINS_ONLY & made.scopes and not account.admin:
            raise Forbidden("Only administrators hold tokens for admin or read:metrics.")
        return self._turns.take(lambda: self._issue(account, made, by))

    def match(self, shown: Shown) -> Token | None:
        """The token that was shown, if it is one that is good now; notes its use. Never waits."""
        token = shown.among(self._kept)
        if token is None or self.expired(token):
            return None
        now = self._uses.note(token.number, token.last_used)
        if now is not None:
            self._kept[token.number] = evolve(token, last_used=now)
        return token

    def expired(self, token: Token) -> bool:
        """Whether it opens nothing any more because of its date."""
        return token.expires is not None and token.expires <= self._clock.now()

    def date_in(self, seconds: int) -> int:
        """The date (UTC seconds) so long from now."""
        return int(self._clock.now()) + seconds

    def of(self, user: int) -> Sequence[Token]:
        """Those of one account, the newest first."""
        return [token for token in self.all() if token.user == user]

    def all(self) -> Sequence[Token]:
        """Everybody's, the newest first."""
        return sorted(self._kept.values(), key=lambda token: token.number, reverse=True)

    def revoke(self, user: int, number: int, *, by: Actor) -> Deferred[None]:
        """It opens nothing any more, and whoever is connected by it is cut.

        Raises NotFound when `user` has no such token, Unavailable.
        """
        return self._turns.take(lambda: self._revoke(user, number, by))

    def _checked(self, name: str, scopes: Collection[Scope], expires: int | None) -> Token:
        """What was asked for, as a token without a number. Raises Invalid."""
        wrong: dict[str, list[str]] = {}
        tidy = name.strip()
        if not tidy or len(tidy) > _LONGEST_NAME or not tidy.isprintable():
            text = f"A token's name has 1 to {_LONGEST_NAME} printable characters."
            wrong["name"] = [text]
        if not scopes:
            wrong["scopes"] = ["A token is for one scope at least."]
        now = int(self._clock.now())
        if expires is not None and not now < expires <= ports.LATEST:
            wrong["expires_at"] = ["A token expires in the future, or not at all."]
        if wrong:
            raise Invalid(" ".join(text for texts in wrong.values() for text in texts), wrong)
        return Token(
            number=0,
            user=0,
            name=tidy,
            scopes=frozenset(scopes),
            secret_hash=b"",
            created=now,
            expires=expires,
        )

    async def _issue(self, account: Account, asked: Token, by: Actor) -> IssuedToken:
        surplus = self._surplus(account.number)
        secret = _WRITTEN.secret()
        wanted = evolve(asked, user=account.number, secret_hash=digest(secret))

        async def unit(tx: Transaction) -> Token:
            for number in surplus:
                await self._stored.revoke(tx, number, wanted.created)
            made = await self._stored.add(tx, wanted)
            detail = f"{made.name}: {written_scopes(made.scopes)}, of {account.name}"
            await self._audit.add(tx, by, "token.add", f"token:{made.number}", detail)
            return made

        made = await self._transactions.commit(unit)
        for number in surplus:
            self._forget(number)
        self._kept[made.number] = made
        self.log.info("token {number} was made for {user}", number=made.number, user=account.name)
        return IssuedToken(token=made, text=write(made.number, secret))

    def _surplus(self, user: int) -> Sequence[int]:
        """The expired tokens that make room for one more. Raises Conflict where none does."""
        found = self.of(user)
        too_many = len(found) + 1 - self._limits.max_tokens_per_user
        over = [token.number for token in reversed(found) if self.expired(token)]
        if too_many > len(over):
            raise Conflict(f"There are {len(found)} tokens already; revoke one first.")
        return over[: max(0, too_many)]

    async def _revoke(self, user: int, number: int, by: Actor) -> None:
        token = self._kept.get(number)
        if token is None or token.user != user:
            raise NotFound("There is no such token.")
        now = int(self._clock.now())

        async def unit(tx: Transaction) -> None:
            await self._stored.revoke(tx, number, now)
            await self._audit.add(tx, by, "token.revoke", f"token:{number}", token.name)

        await self._transactions.commit(unit)
        self._forget(number)
        self._tell(token)

    def _forget(self, number: int) -> None:
        self._kept.pop(number, None)
        self._lapsed.discard(number)

    def _tell(self, token: Token) -> None:
        name = self._name_of(token.user)
        self._revocations.tell(Revocation(token.user, name, Reason.TOKEN, token=token.number))

    def _sweep(self) -> None:
        """Whoever came in by a token that has expired since has to go."""
        for token in list(self._kept.values()):
            if token.number not in self._lapsed and self.expired(token):
                self._lapsed.add(token.number)
                self._tell(token)

    def _revoked(self, revocation: Revocation) -> None:
        if revocation.reason is Reason.DELETED:
            for token in self.of(revocation.user):
                self._forget(token.number)


def written_scopes(scopes: Collection[Scope]) -> str:
    """Scopes as people write them, in the order in which they are told."""
    return ",".join(scope.value for scope in Scope if scope in scopes)


def read_scopes(texts: Collection[str]) -> frozenset[Scope]:
    """The scopes with these names. Raises Invalid."""
    known = {scope.value: scope for scope in Scope}
    unknown = sorted(text for text in texts if text not in known)
    if unknown:
        wrong = f"Scopes are {', '.join(known)}; this is none: {unknown[0][:64]!r}."
        raise Invalid(wrong, {"scopes": [wrong]})
    return frozenset(known[text] for text in texts)
