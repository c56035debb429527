"""The certificate authorities: one signs, earlier ones stay trusted until they are ended.

A new one never locks anybody out: phones with a certificate of the old one come in until an
administrator ends it, which cuts them.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from attrs import asdict, evolve
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import random_serial_number
from twisted.internet.defer import Deferred

from mytracks.clock import iso
from mytracks.errors import Conflict, NotFound
from mytracks.pki import bundles, certificates, importing, names, revocation
from mytracks.pki.asking import check_clock, check_days
from mytracks.pki.book import Book, Change, note
from mytracks.pki.certificates import Issuer
from mytracks.pki.keys import Keys
from mytracks.pki.limits import AUTHORITY_DAYS, DAY
from mytracks.pki.lists import signed_list
from mytracks.pki.ports import Authority, AuthorityState, KeyKind, RevocationList, ServerState
from mytracks.pki.signing import Signing
from mytracks.pki.state import PrivateKey
from mytracks.sharing.identity import Actor

DEFAULT_NAME: Final = "My Tracks CA"
ALARM: Final = 90 * DAY
"""Seconds before its end from which on the authority that signs is told as a problem: its
successor has to be carried to every phone."""
_MARK_BYTES: Final = 4


class Authorities:
    """The authorities and every change to one."""

    def __init__(self, book: Book, keys: Keys, signing: Signing) -> None:
        self._book = book
        self._keys = keys
        self._signing = signing

    def all(self) -> Sequence[Authority]:
        """Every one, newest first."""
        return sorted(self._book.authorities.values(), key=lambda a: -a.number)

    def active(self) -> Authority | None:
        """The one that signs."""
        return self._book.active()

    def trusted(self) -> Sequence[Authority]:
        """Those whose clients are let in, newest first."""
        return [each for each in self.all() if each.state is not AuthorityState.ENDED]

    def numbered(self, number: int) -> Authority:
        """The one with this number. Raises NotFound."""
        found = self._book.authorities.get(number)
        if found is None:
            raise NotFound("There is no such certificate authority.")
        return found

    def pem(self, number: int) -> bytes:
        """Its certificate as text. Raises NotFound."""
        return bundles.pem(self._book.certificate(self.numbered(number)))

    def der(self, number: int) -> bytes:
        """Its certificate as phones install it. Raises NotFound."""
        return self.numbered(number).certificate

    def lacks(self, number: int) -> Sequence[str]:
        """What its profile lacks, one line each; nothing for one made here. Raises NotFound."""
        return importing.lacks(self._book.certificate(self.numbered(number)))

    def is_ours(self, number: int) -> bool:
        """Whether it was made here, not brought. Raises NotFound."""
        return certificates.is_ours(self._book.certificate(self.numbered(number)))

    async def create(
        self,
        common_name: str = DEFAULT_NAME,
        days: int | None = None,
        key: KeyKind = KeyKind.RSA_4096,
        *,
        by: Actor,
    ) -> Authority:
        """A new one, which signs from now on. Raises Invalid, Unavailable."""
        name = names.common_name(common_name)
        lasting = self._book.limits.authority_days if days is None else days
        check_days(lasting, AUTHORITY_DAYS)
        check_clock(self._book.clock)
        private = await self._signing.make_key(key)
        now, backdate = self._book.clock.now(), self._book.limits.backdate
        mark = f"{iso(now)[:10]} {secrets.token_hex(_MARK_BYTES).upper()}"
        valid = certificates.validity(now, lasting, backdate)

        def work() -> x509.Certificate:
            return certificates.authority(name, mark, private, random_serial_number(), valid)

        made = await self._signing.sign(work)
        return await self._book.take(lambda: self._begin(made, private, "pki.ca.create", by))

    async def bring(
        self, certificate: bytes, key: bytes, password: str | None = None, *, by: Actor
    ) -> Authority:
        """One that was made elsewhere, PEM or DER; it signs from now on. What its profile lacks is
        told by `lacks`. Raises Invalid, Unavailable, Conflict when it is here already."""
        check_clock(self._book.clock)
        now = self._book.clock.now()
        brought = await self._signing.slowly(
            lambda: importing.read_authority(certificate, key, password, now)
        )
        return await self._book.take(
            lambda: self._begin(brought.certificate, brought.key, "pki.ca.import", by)
        )

    def deactivate(self, number: int, *, by: Actor) -> Deferred[Authority]:
        """End it: it signs nothing more, and nobody gets in by what it signed.

        Raises NotFound, Conflict when it has ended already.
        """
        return self._book.take(lambda: self._deactivate(number, by))

    def expunge(self, number: int, *, by: Actor) -> Deferred[None]:
        """Delete one that has ended, with all that it signed. Raises NotFound, Conflict."""
        return self._book.take(lambda: self._expunge(number, by))

    def problems(self) -> list[str]:
        """What an administrator should know, one line each."""
        now, active = self._book.clock.now(), self.active()
        if active is None or active.not_after - now >= ALARM:
            return []
        name = certificates.called(active.subject)
        if active.not_after <= now:
            return [f"the certificate authority {name} has expired: make a new one"]
        return [f"the certificate authority {name} ends on {iso(active.not_after)}"]

    async def _begin(
        self, certificate: x509.Certificate, key: PrivateKey, action: str, by: Actor
    ) -> Authority:
        said = certificates.describe(certificate)
        for each in self._book.authorities.values():
            if each.fingerprint == said.fingerprint:
                return await self._give_back(each, key, action, by)
        if any(self._book.certificate(a).subject == certificate.subject for a in self.trusted()):
            # Of what is signed without key identifiers OpenSSL would ask the wrong one's list.
            raise Conflict("An authority of the very same name is trusted: end that one first.")

        def work() -> tuple[bytes, RevocationList]:
            return self._keys.sealed(Authority, said.fingerprint, key), self._first(
                Issuer(certificate, key)
            )

        sealed, first = await self._signing.sign(work)
        new = Authority(
            number=0,
            sealed_key=sealed,
            created=int(self._book.clock.now()),
            certificate=certificates.der(certificate),
            state=AuthorityState.ACTIVE,
            **asdict(said),
        )
        entry = note(by, action, new, new.subject)
        change = Change(rows=[new, *self._replaced()], lists=[first], notes=[entry])
        stored: Authority = (await self._book.commit(change))[0]
        return self._book.authorities[stored.number]

    async def _give_back(
        self, known: Authority, key: PrivateKey, action: str, by: Actor
    ) -> Authority:
        """One whose key was given up, and whose owner has it still: it signs again. Its list is
        owed since then, and signed when it is looked after next."""
        if known.sealed_key is not None or known.state is AuthorityState.ENDED:
            raise Conflict("This certificate authority is here already.")

        def work() -> bytes:
            return self._keys.sealed(Authority, known.fingerprint, key)

        sealed = await self._signing.sign(work)
        again = evolve(known, sealed_key=sealed, state=AuthorityState.ACTIVE)
        entry = note(by, action, again, again.subject)
        await self._book.commit(Change(rows=[*self._replaced(), again], notes=[entry]))
        return again

    def _replaced(self) -> list[Authority]:
        """The one that signs now, as it is when another does."""
        old = self._book.active()
        return [evolve(old, state=AuthorityState.TRUSTED)] if old is not None else []

    def _first(self, issuer: Issuer) -> RevocationList:
        """Its first list, which names nobody. Without a list nobody would get in."""
        now, good_for = self._book.clock.now(), self._book.limits.crl_days * DAY
        made = revocation.build(issuer, 1, (), now, good_for)
        revocation.check(made, issuer.certificate)
        return signed_list(0, 1, now, good_for, made.public_bytes(Encoding.DER))

    async def _deactivate(self, number: int, by: Actor) -> Authority:
        old = self.numbered(number)
        if old.state is AuthorityState.ENDED:
            raise Conflict("This certificate authority is not active.")
        ended = evolve(old, state=AuthorityState.ENDED)
        entry = note(by, "pki.ca.deactivate", ended, ended.subject)
        await self._book.commit(Change(rows=[ended], notes=[entry]))
        return ended

    async def _expunge(self, number: int, by: Actor) -> None:
        old = self.numbered(number)
        if old.state is not AuthorityState.ENDED:
            raise Conflict(
                "A certificate authority that is in use cannot be deleted: end it first."
            )
        if any(
            server.authority == number and server.state is ServerState.ACTIVE
            for server in self._book.servers.values()
        ):
            raise Conflict("It signed the server certificate that is in use: replace that first.")
        entry = note(by, "pki.ca.expunge", old, old.subject)
        await self._book.commit(Change(removed=[old], notes=[entry]))
