"""The client certificates: whose they are, and until when they let somebody in.

`holder` is the first wall and the CRL the second: only what is in our book, signed by an authority
that is trusted, not revoked, not expired, and somebody's, lets anybody in.
"""

from collections.abc import Collection, Sequence

from attrs import asdict, evolve, field, frozen
from cryptography import x509
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, Invalid, NotFound
from mytracks.pki import bundles, certificates, importing
from mytracks.pki.asking import check_clock, check_days, signing_authority
from mytracks.pki.book import Book, Change, not_expunged, note
from mytracks.pki.bundles import Format
from mytracks.pki.certificates import Issuer, PublicKey
from mytracks.pki.downloads import Downloads
from mytracks.pki.endings import Endings
from mytracks.pki.holders import Holders
from mytracks.pki.issuing import Issuing, tried_again
from mytracks.pki.keys import Keys
from mytracks.pki.limits import CLIENT_DAYS, DAY
from mytracks.pki.lists import Lists
from mytracks.pki.ports import Authority, KeyKind, Leaf, Reason
from mytracks.pki.signing import Signing
from mytracks.pki.state import Holder, PrivateKey
from mytracks.sharing.identity import Actor, Device


@frozen(kw_only=True)
class _Order:
    user: int
    name: str
    device: Device | None
    days: int
    grace: int
    public: PublicKey
    key: PrivateKey | None = field(default=None, repr=False)


class Clients:
    """The client certificates and every change to one."""

    def __init__(
        self,
        book: Book,
        keys: Keys,
        signing: Signing,
        lists: Lists,
        issuing: Issuing,
    ) -> None:
        self._book = book
        self._signing = signing
        self._lists = lists
        self._issuing = issuing
        self._holders = Holders(book)
        self._downloads = Downloads(book, keys, signing, self._holders)
        self._endings = Endings(book, lists, self._holders)

    async def close(self) -> None:
        """Stop all of our own."""
        await self._endings.close()

    def all(self) -> Sequence[Leaf]:
        """Every one that was not expunged, newest first."""
        return not_expunged(self._book.leaves)

    def of(self, user: int) -> Sequence[Leaf]:
        """Those of that account, newest first."""
        return [each for each in self.all() if each.user == user]

    def numbered(self, number: int) -> Leaf:
        """The one with this number. Raises NotFound."""
        found = self._book.leaves.get(number)
        if found is None or found.expunged is not None:
            raise NotFound("There is no such client certificate.")
        return found

    def with_serial(self, serial: int) -> Leaf:
        """The one with this serial. Raises NotFound; Conflict when two authorities gave it."""
        found = [each for each in self.all() if each.serial == serial]
        if len(found) > 1:
            raise Conflict("There are several certificates with this serial.")
        if not found:
            raise NotFound("There is no such client certificate.")
        return found[0]

    def pem(self, number: int) -> bytes:
        """The certificate as text. Raises NotFound."""
        leaf = self.numbered(number)
        assert leaf.certificate is not None
        return bundles.pem(x509.load_der_x509_certificate(leaf.certificate))

    def holder(self, fingerprint: bytes) -> Holder | None:
        """Who comes with the certificate that has this SHA-256; None: nobody. Never waits."""
        return self._holders.holder(fingerprint)

    def why_not(self, leaf: Leaf) -> str | None:
        """Why it lets nobody in, in a few words for administrators; None: it does."""
        return self._holders.why_not(leaf)

    def is_active(self, leaf: Leaf) -> bool:
        """Whether it lets somebody in."""
        return self._holders.why_not(leaf) is None

    async def issue(
        self,
        user: int,
        user_name: str,
        days: int | None = None,
        key: KeyKind = KeyKind.RSA_2048,
        *,
        by: Actor,
        device: Device | None = None,
        grace_days: int = 0,
    ) -> Leaf:
        """A new one for that account, or one of its devices, in place of the one before, which is
        revoked at once or after `grace_days`.

        Raises Invalid, Unavailable, Conflict where no authority signs.
        """
        lasting = self._checked(days, grace_days)
        private = await self._signing.make_key(key)
        order = _Order(
            user=user,
            name=user_name,
            device=device,
            days=lasting,
            grace=grace_days,
            public=private.public_key(),
            key=private,
        )
        return await self._book.take(lambda: self._issue(order, by))

    async def certify(
        self,
        user: int,
        user_name: str,
        request: bytes,
        days: int | None = None,
        *,
        by: Actor,
        device: Device | None = None,
        grace_days: int = 0,
    ) -> Leaf:
        """The same for a key that never comes here, of which a request (PKCS#10) tells. Of what it
        asks for only the key is taken. Raises as `issue` does."""
        lasting = self._checked(days, grace_days)
        public = await self._signing.slowly(lambda: importing.read_request(request))
        order = _Order(
            user=user, name=user_name, device=device, days=lasting, grace=grace_days, public=public
        )
        return await self._book.take(lambda: self._issue(order, by))

    async def bring(
        self,
        user: int,
        certificate: bytes,
        key: bytes | None = None,
        password: str | None = None,
        *,
        by: Actor,
        device: Device | None = None,
    ) -> Leaf:
        """One that an authority which we trust signed elsewhere: from now on it lets that account
        in. Raises Invalid, Unavailable, Conflict when it is here already."""
        check_clock(self._book.clock)

        def read() -> tuple[x509.Certificate, PrivateKey | None]:
            found = importing.read_certificates(certificate)[0]
            return found, importing.read_key(key, password) if key is not None else None

        made, private = await self._signing.slowly(read)
        return await self._book.take(lambda: self._bring(user, made, private, device, by))

    def revoke(
        self, number: int, reason: Reason = Reason.UNSPECIFIED, *, by: Actor
    ) -> Deferred[Leaf]:
        """Make it good for nothing: once this is answered nobody gets in by it, and the list says
        so. Raises NotFound, Conflict when it is revoked already."""
        return self._book.take(lambda: self._revoke(number, reason, by))

    def expunge(self, number: int, *, by: Actor) -> Deferred[None]:
        """Delete one that lets nobody in; its serial stays on the list until it expires. Raises
        NotFound, Conflict."""
        return self._book.take(lambda: self._expunge(number, by))

    async def bundle(
        self, number: int, password: str, form: Format, *, by: Actor, forget: bool | None = None
    ) -> bytes:
        """Certificate, key and authority in one file. `forget`: keep the key here no longer; None:
        as the settings say. Raises NotFound, Invalid, Conflict without a key or when it lets
        nobody in, Unavailable."""
        return await self._downloads.bundle(self.numbered(number), password, form, by, forget)

    def forget_user(self, user: int) -> None:
        """That account was deleted: its certificates let nobody in from now on, and are revoked
        as soon as this can be stored."""
        self._endings.forget_user(user)

    def keep_only(self, users: Collection[int]) -> None:
        """The accounts that there are; what others had is revoked. For the start: whoever left
        while nobody could be told."""
        self._endings.keep_only(users)

    async def settle(self) -> None:
        """Revoke whose time of grace is over or whose account is gone; delete what was expunged
        and has expired."""
        await self._endings.settle()

    def _checked(self, days: int | None, grace_days: int) -> int:
        lasting = self._book.limits.client_days if days is None else days
        check_days(lasting, CLIENT_DAYS)
        most = self._book.limits.grace_days_most
        if not 0 <= grace_days <= most:
            told = f"must be from 0 to {most}"
            raise Invalid(f"This cannot be: the days of grace {told}.", {"grace_days": [told]})
        check_clock(self._book.clock)
        signing_authority(self._book)
        self._check_room()
        return lasting

    def _check_room(self) -> None:
        most = self._book.limits.max_certificates
        if len(self._book.leaves) >= most:
            raise Conflict(f"There are {most} client certificates already: delete old ones.")

    def _check_owner(self, user: int) -> None:
        """The account may have been deleted while the key was made, or read."""
        if user in self._holders.gone:
            raise NotFound("There is no such user.")

    async def _issue(self, order: _Order, by: Actor) -> Leaf:
        authority = signing_authority(self._book)
        self._check_room()
        self._check_owner(order.user)
        return await tried_again(lambda: self._begin(order, authority, by))

    async def _begin(self, order: _Order, authority: Authority, by: Actor) -> Leaf:
        new, replaced = await self._signed(order, authority), self._superseded(order)
        change = Change(
            rows=[new, *replaced],
            lists=await self._lists.after(*(each for each in replaced if each.reason)),
            notes=[
                note(by, "pki.client.issue", new, new.subject),
                *(note(by, "pki.client.supersede", each, each.subject) for each in replaced),
            ],
        )
        stored: Leaf = (await self._book.commit(change))[0]
        return stored

    def _superseded(self, order: _Order) -> list[Leaf]:
        now = int(self._book.clock.now())
        device = order.device.number if order.device is not None else None
        found = []
        for old in self.of(order.user):
            if old.device != device or not self.is_active(old):
                continue
            if order.grace:
                ends = now + order.grace * DAY
                found.append(evolve(old, revoked=min(ends, old.revoked or ends)))
            else:
                found.append(evolve(old, revoked=now, reason=Reason.SUPERSEDED))
        return found

    async def _signed(self, order: _Order, authority: Authority) -> Leaf:
        now, backdate = self._book.clock.now(), self._book.limits.backdate
        valid = certificates.validity(now, order.days, backdate, authority.not_after)
        device = order.device.name if order.device is not None else ""

        def make(issuer: Issuer, serial: int) -> x509.Certificate:
            return certificates.client(order.name, device, order.public, issuer, serial, valid)

        made, sealed = await self._issuing.signed(authority, Leaf, order.key, make)
        return self._row(made, sealed, authority.number, order.user, order.device)

    def _row(
        self,
        made: x509.Certificate,
        sealed: bytes | None,
        authority: int,
        user: int,
        device: Device | None,
    ) -> Leaf:
        return Leaf(
            number=0,
            sealed_key=sealed,
            created=int(self._book.clock.now()),
            authority=authority,
            user=user,
            device=device.number if device is not None else None,
            certificate=certificates.der(made),
            **asdict(certificates.describe(made)),
        )

    async def _bring(
        self,
        user: int,
        made: x509.Certificate,
        key: PrivateKey | None,
        device: Device | None,
        by: Actor,
    ) -> Leaf:
        importing.check_client(made, key, self._book.clock.now())
        self._check_room()
        self._check_owner(user)
        if certificates.fingerprint(made) in self._book.leaf_of:
            raise Conflict("This client certificate is here already.")
        signer = next((a for a in self._trusted() if self._has_signed(a, made)), None)
        if signer is None:
            raise Invalid(
                "This cannot be used: no certificate authority of ours signed it.",
                {"certificate": ["was not signed by an authority that is trusted here"]},
            )
        sealed = await self._issuing.sealed(Leaf, made, key)
        new = self._row(made, sealed, signer.number, user, device)
        entry = note(by, "pki.client.import", new, new.subject)
        stored: Leaf = (await self._book.commit(Change(rows=[new], notes=[entry])))[0]
        return stored

    def _trusted(self) -> list[Authority]:
        return [a for a in self._book.authorities.values() if self._book.is_trusted(a.number)]

    def _has_signed(self, authority: Authority, made: x509.Certificate) -> bool:
        return importing.is_signed_by(made, self._book.certificate(authority))

    async def _revoke(self, number: int, reason: Reason, by: Actor) -> Leaf:
        old = self.numbered(number)
        now = int(self._book.clock.now())
        if old.is_revoked(now):
            raise Conflict("This client certificate is revoked already.")
        revoked = evolve(old, revoked=now, reason=reason)
        lists = await self._lists.after(revoked)
        told = f"{revoked.subject}: {reason.name.lower().replace('_', ' ')}"
        entry = note(by, "pki.client.revoke", revoked, told)
        await self._book.commit(Change(rows=[revoked], lists=lists, notes=[entry]))
        return revoked

    async def _expunge(self, number: int, by: Actor) -> None:
        old = self.numbered(number)
        why = self.why_not(old)
        if why is None:
            raise Conflict("A client certificate that is in use cannot be deleted: revoke it.")
        entry = note(by, "pki.client.expunge", old, old.subject)
        now = int(self._book.clock.now())
        if old.not_after <= now:
            await self._book.commit(Change(removed=[old], notes=[entry]))
            return
        # Never again, whatever becomes of its authority or the clock.
        reason = old.reason if old.reason is not None else Reason.CESSATION_OF_OPERATION
        revoked = old.revoked if old.reason is not None else now
        gone = evolve(
            old, certificate=None, sealed_key=None, expunged=now, revoked=revoked, reason=reason
        )
        lists = await self._lists.after(gone) if old.reason is None else []
        await self._book.commit(Change(rows=[gone], lists=lists, notes=[entry]))
