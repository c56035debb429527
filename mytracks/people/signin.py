"""Every door's one question: these credentials, whose are they?

Wrong is told alike whether the user exists, is disabled or mistyped, in text and in time. What is
not decided here: which door takes which credential from where in a request, and what a principal
may do.
"""

from collections.abc import Sequence
from typing import Final, NoReturn

from attrs import evolve
from twisted.logger import Logger

from mytracks.clock import Tasks
from mytracks.errors import Busy, Forbidden, Refused, Unauthenticated
from mytracks.people import device_passwords, names, tokens
from mytracks.people.accounts import Accounts
from mytracks.people.device_passwords import DevicePasswords
from mytracks.people.familiar import Familiar
from mytracks.people.hashing import Urgency
from mytracks.people.passwords import Passwords
from mytracks.people.ports import Account, WebSession
from mytracks.people.refusals import Refusal, Refusals
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.sessions import Sessions
from mytracks.people.throttle import Throttle
from mytracks.people.tokens import Tokens
from mytracks.sharing.identity import Door, Principal, Scope

_WRONG: Final = "The user name or the password is wrong."
_MISTYPED: Final = 2
"""A network with so few wrong passwords lately is not taken for a guesser's."""


def nobody(name: str | None, password: str | bytes | None) -> bool:
    """Whether no credentials were shown at all. Phones send empty ones: those are absent."""
    return not name and not password


class SignIn:
    """Turns credentials into principals."""

    log = Logger()

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        device_passwords: DevicePasswords,
        tokens: Tokens,
        sessions: Sessions,
        throttle: Throttle,
        familiar: Familiar,
        refusals: Refusals,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._device_passwords = device_passwords
        self._tokens = tokens
        self._sessions = sessions
        self._throttle = throttle
        self._familiar = familiar
        self._refusals = refusals
        self._tasks = Tasks()
        accounts.watch(self._revoked)

    @property
    def refused(self) -> int:
        """Sign-ins refused for wrong credentials."""
        return self._refusals.count

    @property
    def refused_by_http(self) -> Sequence[Refusal]:
        """Phones and programs that HTTP did not let in, the latest first."""
        return self._refusals.by_http

    async def open(self) -> None:
        """Take to be familiar from where people are signed in. Call when those are read."""
        for account in self._accounts.all():
            for session in self._sessions.of(account.number):
                self._familiar.met(account.name, session.address)

    async def close(self) -> None:
        """Stop all of our own."""
        self._tasks.stop()

    async def password(
        self, name: str | None, password: str | bytes | None, *, door: Door, address: str
    ) -> Principal:
        """Whose name and account or device password these are. `address`: of the true peer.

        Raises Unauthenticated when they are wrong or missing (`nobody` tells which), Busy after too
        many failures, Unavailable when too many are being checked.
        """
        if not name or not password:
            raise Unauthenticated("Credentials are required.")
        secret = (
            password.encode("utf-8", "surrogatepass") if isinstance(password, str) else password
        )
        try:
            who = self._by_device_password(name, secret, door, address)
            who = who or await self._by_account_password(name, secret, door, address)
        except (Unauthenticated, Busy) as error:
            self._refusals.tell(error, self._accounts.find(name), door, address)
            raise
        return self._met(who, address)

    async def bearer(self, text: str, *, door: Door, address: str) -> Principal:
        """Whose API token this is, and for what they may use it.

        Raises Unauthenticated when it is none of ours that is good now, Busy after too many
        failures from there.
        """
        shown = tokens.read(text)
        token = self._tokens.match(shown) if shown is not None else None
        account = self._accounts.numbered(token.user) if token is not None else None
        if token is None or account is None or account.disabled:
            self._refuse_bearer(text, account, door, address)
        scopes = token.scopes if account.admin else token.scopes - tokens.ADMINS_ONLY
        who = _principal(account, door)
        admin = bool(scopes & tokens.ADMINS_ONLY)
        return self._met(evolve(who, admin=admin, scopes=scopes, token=token.number), address)

    def certificate(
        self, user: int, fingerprint: bytes, username: str | None, *, door: Door, address: str
    ) -> Principal:
        """Who comes by a client certificate that we know and that is in force. `user`: whose it is.
        `fingerprint`: its SHA-256. `username`: as it was shown beside it, if it was. Never waits.

        Raises Forbidden when the account is disabled or gone, or the certificate not that user's:
        no password was wrong.
        """
        account = self._accounts.numbered(user)
        if account is None or account.disabled:
            raise Forbidden("The account of this certificate is disabled or gone.")
        if username and names.canonical(username) != account.name:
            raise Forbidden("The certificate is another user's.")
        who = _principal(account, door)
        who = evolve(who, certificate=fingerprint, unnamed=not username)
        return self._met(who, address)

    def again(self, user: int, device: str | None, door: Door) -> Principal | None:
        """Who signed in before as `user`, with a device's password if `device` is named; None: with
        that they could not any more. Never waits.
        """
        account = self._accounts.numbered(user)
        if account is None or account.disabled:
            return None
        passwords = self._device_passwords.of(user) if device is not None else ()
        if device is not None and not any(each.device_name == device for each in passwords):
            return None
        return _principal(account, door, device)

    def welcome(self, user: int) -> bool:
        """Whether the account is there and not disabled. Never waits."""
        account = self._accounts.numbered(user)
        return account is not None and not account.disabled

    def anonymous(self, name: str, *, door: Door, address: str | None = None) -> Principal | None:
        """Who acts as the account `name` without signing in, since a setting says so; None: the
        account is disabled or not there. Nothing of an administrator's is open to them. Never
        waits.
        """
        account = self._active(name)
        if account is None:
            return None
        who = Principal(account.number, account.name, admin=False, door=door, address=address)
        return evolve(who, anonymous=True)

    def session(self, token: str) -> tuple[Principal, WebSession]:
        """Who is signed in by this browser's token. Never waits. Raises Unauthenticated."""
        session = self._sessions.find(token)
        account = self._accounts.numbered(session.user) if session is not None else None
        if session is None or account is None or account.disabled:
            raise Unauthenticated("Sign in first.")
        return evolve(_principal(account, Door.WEB), session=session.token_hash), session

    def _by_device_password(
        self, name: str, secret: bytes, door: Door, address: str
    ) -> Principal | None:
        """None when what was shown is no device password. Pages are for people, not for devices."""
        shown = device_passwords.read(secret.decode("utf-8", "replace"))
        if shown is None:
            return None
        account = self._active(name)
        password = self._device_passwords.match(shown) if door is not Door.WEB else None
        if password is None or account is None or password.user != account.number:
            self._count_stranger(names.canonical(name), secret, address)
            raise Unauthenticated(_WRONG)
        return _principal(account, door, password.device_name)

    async def _by_account_password(
        self, name: str, secret: bytes, door: Door, address: str
    ) -> Principal:
        canonical = names.canonical(name)
        account = self._active(canonical)
        stored = account.password if account is not None else None
        tag = self._passwords.tag(canonical, stored, secret)
        if account is not None and self._passwords.known(tag):
            return _by_password(account, door)
        familiar = self._familiar.knows(canonical, address)
        urgency = self._urgency(familiar, address)
        self._throttle.enter(canonical, address, tag, familiar=familiar)
        try:
            right = await self._passwords.verify(tag, stored, secret, urgency, hash(canonical))
        except BaseException:
            self._throttle.left(canonical, address, tag)
            raise
        now = self._active(canonical)
        if not right or now is None or now.password != stored:
            self._throttle.failed(canonical, address, tag, familiar=familiar)
            raise Unauthenticated(_WRONG)
        self._throttle.passed(canonical, address, tag)
        if self._passwords.outdated(now.password):
            self._tasks.start(self._renew(now, secret), "renewing a password's hash")
        return _by_password(now, door)

    def _urgency(self, familiar: bool, address: str) -> Urgency:
        """Who waits least for their password's check."""
        if familiar:
            return Urgency.FAMILIAR
        fresh = self._throttle.failures(address) <= _MISTYPED
        return Urgency.FRESH if fresh else Urgency.REST

    def _refuse_bearer(
        self, text: str, account: Account | None, door: Door, address: str
    ) -> NoReturn:
        try:
            self._count_stranger("", text.encode("utf-8", "replace"), address)
            raise Unauthenticated("The token is wrong, or not in force any more.")
        except (Unauthenticated, Busy) as error:
            self._refusals.tell(error, account, door, address)
            raise

    def _met(self, who: Principal, address: str) -> Principal:
        self._familiar.met(who.name, address)
        return evolve(who, address=address)

    def _count_stranger(self, name: str, shown: bytes, address: str) -> None:
        """A generated credential is none of ours. Raises Busy when that network has to wait."""
        self._throttle.unknown(address, self._passwords.tag(name, None, shown))

    def _revoked(self, revocation: Revocation) -> None:
        if revocation.reason in (Reason.PASSWORD, Reason.DISABLED, Reason.DELETED):
            self._familiar.forget(revocation.name)

    def _active(self, name: str) -> Account | None:
        account = self._accounts.find(name)
        return None if account is None or account.disabled else account

    async def _renew(self, account: Account, secret: bytes) -> None:
        try:
            encoded = await self._passwords.hash(secret.decode(), Urgency.REST)
            await self._accounts.renew_hash(account.number, account.password, encoded)
        except Refused as error:
            # The old hash stays good; the next sign-in tries again.
            self.log.debug("a password's hash was not renewed: {error}", error=error)


def _by_password(account: Account, door: Door) -> Principal:
    """By HTTP no second factor can be asked for: the password alone may then send, as phones do,
    and no more."""
    who = _principal(account, door)
    if door is Door.HTTP and account.totp is not None:
        return evolve(who, scopes=frozenset({Scope.INGEST}))
    return who


def _principal(account: Account, door: Door, device: str | None = None) -> Principal:
    """A device password opens nothing that is an administrator's."""
    admin = account.admin and device is None
    return Principal(account.number, account.name, admin, door, device)
