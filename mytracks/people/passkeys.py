"""Passkeys: a phone, a computer or a security key signs in for its owner [WebAuthn, level 3].

A passkey belongs to one site name and answers to no other page, so it cannot be phished; it is
used only after its owner was recognised by it (a PIN, a finger, a face), so it counts as both
factors at once. Each answer is to a challenge that we gave to that very browser within the last
five minutes, once. The authenticator is not asked what it is (no attestation): whoever is signed in
may add the one they have.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from attrs import evolve
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid, NotFound, Unauthenticated
from mytracks.people import factor_ports
from mytracks.people.accounts import Accounts
from mytracks.people.audit import Audit
from mytracks.people.challenges import Challenge, Challenges, Site
from mytracks.people.factor_ports import Passkey
from mytracks.people.ports import Account
from mytracks.people.revocations import Reason, Revocation, Revocations
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

if TYPE_CHECKING:
    from webauthn.helpers.structs import AuthenticationCredential

    from mytracks.people.ceremonies import Ceremonies

MOST_OF_ONE: Final = 20
"""Passkeys of one account."""
LONGEST_LABEL: Final = 60
_MOST_BYTES: Final = 1023
"""Of a credential's id [WebAuthn 5.1], and of a public key."""
_TRANSPORTS: Final = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})
_REFUSED: Final = "This passkey does not open anything here."


class PasskeyService:
    """Adds passkeys, lets in by them, removes them."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: factor_ports.Passkeys,
        accounts: Accounts,
        audit: Audit,
        clock: Clock,
        revocations: Revocations,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._accounts = accounts
        self._audit = audit
        self._clock = clock
        self._challenges = Challenges(clock)
        self._turns = Turns()
        self._by_credential: dict[bytes, Passkey] = {}
        revocations.watch(self._revoked)

    async def open(self) -> None:
        """Read what is stored."""
        found = await self._transactions.read(self._stored.all)
        self._by_credential = {passkey.credential: passkey for passkey in found}

    def of(self, user: int) -> Sequence[Passkey]:
        """Somebody's passkeys, oldest first."""
        found = (each for each in self._by_credential.values() if each.user == user)
        return sorted(found, key=lambda passkey: passkey.number)

    def begin_adding(self, user: int, site: Site, holder: str) -> Mapping[str, Any]:
        """What the browser needs to make a passkey (`publicKey`, as JSON). `holder`: the session.

        Raises NotFound, Conflict when there are too many.
        """
        account, known = self._present(user), self.of(user)
        self._check_room(known)
        handle = known[0].handle if known else secrets.token_bytes(32)
        challenge = self._challenges.give(f"add {user}", holder, handle)
        called = account.display or account.name
        return _ceremonies(site).creation(account.name, called, handle, known, challenge)

    async def add(
        self,
        user: int,
        credential: Mapping[str, Any],
        label: str,
        *,
        site: Site,
        holder: str,
        by: Actor,
    ) -> Passkey:
        """Keep the passkey that the browser made.

        Raises Invalid when it is not an answer to the last challenge, Conflict when it is known or
        there are too many, NotFound, Unavailable.
        """
        name = _checked_label(label)
        challenge = self._challenges.take(f"add {user}", holder)
        if challenge is None:
            raise _unusable("This took too long; try again.")
        passkey = evolve(self._made(credential, challenge, site), user=user, label=name)
        return await self._turns.take(lambda: self._add(passkey, by))

    def begin_sign_in(self, site: Site, holder: str) -> Mapping[str, Any]:
        """What the browser needs to offer its passkeys (`publicKey`, as JSON). `holder`: the
        pre-session. Tells nothing about who has one."""
        challenge = self._challenges.give("sign in", holder)
        return _ceremonies(site).request(challenge)

    async def sign_in(
        self, credential: Mapping[str, Any], *, site: Site, holder: str, address: str
    ) -> Account:
        """Whose passkey answered. Raises Unauthenticated, alike for all that can be wrong with it,
        Unavailable when its use cannot be stored."""
        challenge = self._challenges.take("sign in", holder)
        if challenge is None:
            raise Unauthenticated("This took too long; try again.")
        ceremonies = _ceremonies(site)
        try:
            passkey = self._verified(ceremonies.shown(credential), challenge.value, site)
        except ceremonies.UNFIT as error:
            self.log.info(
                "a passkey from {address} was refused: {reason}",
                address=address,
                reason=type(error).__name__,
            )
            raise Unauthenticated(_REFUSED) from None
        self._owner(passkey)
        # With a counter that goes backwards it is a copy; so the counter is durable before the
        # door opens.
        await self._transactions.commit(
            lambda tx: self._stored.used(
                tx, passkey.number, passkey.sign_count, passkey.last_used or 0
            )
        )
        # It may have been removed while that was stored, and its owner disabled.
        return self._owner(passkey)

    async def remove(self, user: int, number: int, *, by: Actor) -> None:
        """It opens nothing any more; who signed in by it stays so. Raises NotFound."""
        await self._turns.take(lambda: self._remove(user, number, by))

    async def _add(self, passkey: Passkey, by: Actor) -> Passkey:
        account = self._present(passkey.user)
        self._check_room(self.of(passkey.user))
        if passkey.credential in self._by_credential:
            raise Conflict("This passkey is known already.")

        async def unit(tx: Transaction) -> Passkey:
            made = await self._stored.add(tx, passkey)
            await self._audit.add(tx, by, "passkey.add", f"user:{account.name}", passkey.label)
            return made

        made = await self._transactions.commit(unit)
        self._by_credential[made.credential] = made
        self.log.info("{user} has a new passkey", user=account.name)
        return made

    async def _remove(self, user: int, number: int, by: Actor) -> None:
        account = self._present(user)
        passkey = next((each for each in self.of(user) if each.number == number), None)
        if passkey is None:
            raise NotFound("There is no such passkey.")
        label = passkey.label

        async def unit(tx: Transaction) -> None:
            await self._stored.remove(tx, number)
            await self._audit.add(tx, by, "passkey.remove", f"user:{account.name}", label)

        await self._transactions.commit(unit)
        self._by_credential.pop(passkey.credential, None)

    def _made(self, credential: Mapping[str, Any], challenge: Challenge, site: Site) -> Passkey:
        """The passkey that answered `challenge`, nobody's yet. Raises Invalid."""
        ceremonies = _ceremonies(site)
        try:
            made = ceremonies.registered(credential, challenge.value)
            aaguid = UUID(made.aaguid).bytes
            transports = _transports(credential)
        except ceremonies.UNFIT as error:
            self.log.info("a passkey was not taken: {reason}", reason=type(error).__name__)
            raise _unusable("The browser's answer does not fit; try again.") from None
        if max(len(made.credential_id), len(made.credential_public_key)) > _MOST_BYTES:
            raise _unusable("This passkey is too large.")
        return Passkey(
            number=0,
            user=0,
            credential=made.credential_id,
            public_key=made.credential_public_key,
            handle=challenge.handle,
            sign_count=made.sign_count,
            aaguid=aaguid if any(aaguid) else None,
            transports=transports,
            backed_up=made.credential_backed_up,
            label="",
            created=int(self._clock.now()),
        )

    def _verified(self, shown: "AuthenticationCredential", challenge: bytes, site: Site) -> Passkey:
        """The passkey that signed `challenge`, used once more. Raises one of
        `Ceremonies.UNFIT`, a ValueError when it is none of ours."""
        passkey = self._by_credential.get(shown.raw_id)
        if passkey is None:
            raise ValueError("unknown")
        handle = shown.response.user_handle
        if handle is not None and not secrets.compare_digest(handle, passkey.handle):
            raise ValueError("somebody else's")
        verified = _ceremonies(site).verified(shown, passkey, challenge)
        now = int(self._clock.now())
        used = evolve(passkey, sign_count=verified.new_sign_count, last_used=now)
        self._by_credential[used.credential] = used
        return used

    def _owner(self, passkey: Passkey) -> Account:
        """Whom it lets in. Raises Unauthenticated when that is nobody any more."""
        account = self._accounts.numbered(passkey.user)
        if account is None or account.disabled or passkey.credential not in self._by_credential:
            raise Unauthenticated(_REFUSED)
        return account

    def _check_room(self, known: Sequence[Passkey]) -> None:
        if len(known) >= MOST_OF_ONE:
            raise Conflict(f"There are {MOST_OF_ONE} passkeys; remove one first.")

    def _present(self, user: int) -> Account:
        account = self._accounts.numbered(user)
        if account is None:
            raise NotFound("There is no such user.")
        return account

    def _revoked(self, revocation: Revocation) -> None:
        if revocation.reason is Reason.DELETED:
            for passkey in self.of(revocation.user):
                del self._by_credential[passkey.credential]


def _ceremonies(site: Site) -> "Ceremonies":
    from mytracks.people.ceremonies import Ceremonies

    return Ceremonies(site)


def _checked_label(label: str) -> str:
    """What its owner calls it. Raises Invalid."""
    name = label.strip()
    if len(name) > LONGEST_LABEL:
        text = f"A name has at most {LONGEST_LABEL} characters."
    elif not name.isprintable():
        text = "A name is made of visible characters."
    else:
        return name or "Passkey"
    raise Invalid(text, {"name": [text]})


def _transports(credential: Mapping[str, Any]) -> Sequence[str]:
    """The ways to reach the authenticator, as far as we know them."""
    told = credential["response"].get("transports") or ()
    return tuple(sorted(_TRANSPORTS.intersection(str(one) for one in told)))


def _unusable(text: str) -> Invalid:
    return Invalid(text, {"credential": [text]})
