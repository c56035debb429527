"""The certificates that we show: one active for each use, ours renewed by itself.

Whoever replaces one revokes it, since its key may be in old backups. Renewal keeps names, key type
and length of life, and is signed by whichever authority signs now.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import asdict, evolve, field, frozen
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import iso
from mytracks.errors import Conflict, NotFound, Refused
from mytracks.host.addresses import own_addresses, own_names
from mytracks.pki import bundles, certificates, importing, names
from mytracks.pki.asking import check_clock, check_days, signing_authority
from mytracks.pki.book import Book, Change, not_expunged, note
from mytracks.pki.certificates import Issuer
from mytracks.pki.issuing import Issuing, tried_again
from mytracks.pki.limits import DAY, SERVER_DAYS
from mytracks.pki.lists import Lists
from mytracks.pki.ports import (
    Authority,
    KeyKind,
    Reason,
    ServerCertificate,
    ServerState,
    Source,
    Use,
)
from mytracks.pki.signing import Signing
from mytracks.pki.state import PrivateKey
from mytracks.sharing.identity import SERVER, Actor

_ALARM: Final = 1 / 3
"""Of its life: with less left, a certificate that does not renew itself is told."""


@frozen(kw_only=True)
class _Order:
    name: str
    hosts: tuple[str, ...]
    days: int
    use: Use
    key: PrivateKey = field(repr=False)
    action: str
    better_than: int = 0
    """It must last longer than this, UTC seconds."""


class Servers:
    """The server certificates and every change to one."""

    log = Logger()

    def __init__(self, book: Book, signing: Signing, lists: Lists, issuing: Issuing) -> None:
        self._book = book
        self._signing = signing
        self._lists = lists
        self._issuing = issuing
        self._not_renewed: dict[int, str] = {}
        """Why, by number."""

    def all(self) -> Sequence[ServerCertificate]:
        """Every one that was not expunged, newest first."""
        return not_expunged(self._book.servers)

    def active(self, use: Use = Use.EVERYWHERE) -> ServerCertificate | None:
        """What is shown for that use: its own, else the one for everywhere."""
        by_use = {s.use: s for s in self.all() if s.state is ServerState.ACTIVE}
        return by_use.get(use) or by_use.get(Use.EVERYWHERE)

    def numbered(self, number: int) -> ServerCertificate:
        """The one with this number. Raises NotFound."""
        found = self._book.servers.get(number)
        if found is None or found.expunged is not None:
            raise NotFound("There is no such server certificate.")
        return found

    def pem(self, number: int) -> bytes:
        """The certificate with its chain as text. Raises NotFound."""
        return self.numbered(number).chain or b""

    async def suggested_names(self, public_host: str | None = None) -> Sequence[str]:
        """What this machine is called, for somebody to edit. Looks around on the network."""
        found = await self._signing.slowly(lambda: (own_names(), own_addresses()))
        return names.suggested(public_host, *found)

    async def issue(
        self,
        common_name: str,
        san: Iterable[str],
        days: int | None = None,
        key: KeyKind = KeyKind.P256,
        use: Use = Use.EVERYWHERE,
        *,
        by: Actor,
    ) -> ServerCertificate:
        """A new one for these host names and addresses, shown at once in place of the one before.

        Raises Invalid, Unavailable, Conflict where no authority signs.
        """
        name, hosts = names.common_name(common_name), names.read(san)
        lasting = self._book.limits.server_days if days is None else days
        check_days(lasting, SERVER_DAYS)
        return await self._made(key, name, hosts, lasting, use, "pki.server.issue", by)

    async def bring(
        self,
        chain: bytes,
        key: bytes,
        password: str | None = None,
        *,
        use: Use = Use.EVERYWHERE,
        source: Source = Source.BROUGHT,
        by: Actor,
    ) -> ServerCertificate:
        """One that was made elsewhere, PEM, itself first; shown at once. Raises Invalid,
        Unavailable, Conflict when it is here already."""
        check_clock(self._book.clock)
        now = self._book.clock.now()
        brought = await self._signing.slowly(
            lambda: importing.read_server(chain, importing.read_key(key, password), now)
        )
        return await self._book.take(lambda: self._bring(brought, use, source, by))

    def deactivate(self, number: int, *, by: Actor) -> Deferred[ServerCertificate]:
        """Show it no longer; one of ours is revoked. Raises NotFound, Conflict when it is not
        shown."""
        return self._book.take(lambda: self._deactivate(number, by))

    def expunge(self, number: int, *, by: Actor) -> Deferred[None]:
        """Delete one that is not shown, with its key. Raises NotFound, Conflict."""
        return self._book.take(lambda: self._expunge(number, by))

    async def renew_due(self) -> None:
        """Renew every one of ours that has lived two thirds of its life."""
        for due in [each for each in self.all() if self._is_due(each)]:
            try:
                await self._renew(due)
            except Refused as error:
                self._not_renewed[due.number] = str(error)
                self.log.error(
                    "the server certificate {name} was not renewed: {error}",
                    name=due.name,
                    error=str(error),
                )

    def problems(self) -> list[str]:
        """What an administrator should know, one line each."""
        now, found = self._book.clock.now(), []
        for each in self.all():
            if each.state is not ServerState.ACTIVE:
                continue
            left, life = each.not_after - now, each.not_after - each.not_before
            if each.number in self._book.unreadable:
                found.append(f"the private key of server certificate {each.name} cannot be read")
            elif left <= 0:
                found.append(f"the server certificate {each.name} has expired")
            elif each.number in self._not_renewed:
                why = self._not_renewed[each.number]
                found.append(f"the server certificate {each.name} was not renewed: {why}")
            elif each.source is not Source.OWN and left < _ALARM * life:
                found.append(f"the server certificate {each.name} ends on {iso(each.not_after)}")
        return found

    async def _renew(self, due: ServerCertificate) -> None:
        kinds = {(kind.type, kind.size): kind for kind in KeyKind}
        key = kinds.get((due.key_type, due.key_size), KeyKind.P256)
        days = min(max(round((due.not_after - due.not_before) / DAY), 1), SERVER_DAYS)
        await self._made(
            key, due.name, due.names, days, due.use, "pki.server.renew", SERVER, due.not_after
        )
        self._not_renewed.pop(due.number, None)
        self.log.info("the server certificate {name} was renewed", name=due.name)

    async def _made(
        self,
        key: KeyKind,
        name: str,
        hosts: tuple[str, ...],
        days: int,
        use: Use,
        action: str,
        by: Actor,
        better_than: int = 0,
    ) -> ServerCertificate:
        check_clock(self._book.clock)
        signing_authority(self._book)
        order = _Order(
            name=name,
            hosts=hosts,
            days=days,
            use=use,
            key=await self._signing.make_key(key),
            action=action,
            better_than=better_than,
        )
        return await self._book.take(lambda: self._issue(order, by))

    async def _issue(self, order: _Order, by: Actor) -> ServerCertificate:
        authority = signing_authority(self._book)
        valid = certificates.server_validity(
            self._book.clock.now(), order.days, self._book.limits.backdate, authority.not_after
        )
        if valid.not_after < order.better_than + DAY:
            raise Conflict("The certificate authority ends no later: make a new one first.")

        async def issue() -> ServerCertificate:
            new = await self._signed(order, authority, valid)
            return await self._begin(new, order.key, order.action, by)

        return await tried_again(issue)

    async def _signed(
        self, order: _Order, authority: Authority, valid: certificates.Validity
    ) -> ServerCertificate:

        def make(issuer: Issuer, serial: int) -> x509.Certificate:
            public = order.key.public_key()
            return certificates.server(order.name, order.hosts, public, issuer, serial, valid)

        made, sealed = await self._issuing.signed(authority, ServerCertificate, order.key, make)
        return self._row(
            made, sealed, order.name, order.hosts, order.use, Source.OWN, authority.number
        )

    def _row(
        self,
        made: x509.Certificate,
        sealed: bytes | None,
        name: str,
        hosts: tuple[str, ...],
        use: Use,
        source: Source,
        authority: int | None = None,
        chain: tuple[x509.Certificate, ...] = (),
    ) -> ServerCertificate:
        return ServerCertificate(
            number=0,
            sealed_key=sealed,
            created=int(self._book.clock.now()),
            authority=authority,
            name=name,
            names=hosts,
            use=use,
            source=source,
            state=ServerState.ACTIVE,
            chain=bundles.pem(made, *chain),
            **asdict(certificates.describe(made)),
        )

    async def _bring(
        self, brought: importing.BroughtServer, use: Use, source: Source, by: Actor
    ) -> ServerCertificate:
        made = brought.certificate
        mark = certificates.fingerprint(made)
        if any(each.fingerprint == mark for each in self._book.servers.values()):
            raise Conflict("This server certificate is here already.")
        sealed = await self._issuing.sealed(ServerCertificate, made, brought.key)
        name = certificates.part(made.subject.rfc4514_string()) or brought.names[0]
        new = self._row(made, sealed, name, brought.names, use, source, None, brought.chain)
        return await self._begin(new, brought.key, "pki.server.import", by)

    async def _begin(
        self, new: ServerCertificate, key: PrivateKey, action: str, by: Actor
    ) -> ServerCertificate:
        old = next(
            (s for s in self.all() if s.use is new.use and s.state is ServerState.ACTIVE), None
        )
        replaced = [self._retired(old, Reason.SUPERSEDED)] if old is not None else []
        change = Change(
            rows=[new, *replaced],
            lists=await self._lists.after(*replaced),
            notes=[note(by, action, new, f"{new.name}: {', '.join(new.names)}")],
            keys={new.fingerprint: key},
        )
        stored: ServerCertificate = (await self._book.commit(change))[0]
        return stored

    async def _deactivate(self, number: int, by: Actor) -> ServerCertificate:
        old = self.numbered(number)
        if old.state is not ServerState.ACTIVE:
            raise Conflict("This server certificate is not active.")
        ended = self._retired(old, Reason.CESSATION_OF_OPERATION)
        lists = await self._lists.after(ended)
        entry = note(by, "pki.server.deactivate", ended, ended.name)
        await self._book.commit(Change(rows=[ended], lists=lists, notes=[entry]))
        return ended

    async def _expunge(self, number: int, by: Actor) -> None:
        old = self.numbered(number)
        if old.state is ServerState.ACTIVE:
            raise Conflict("A server certificate that is in use cannot be deleted.")
        entry = note(by, "pki.server.expunge", old, old.name)
        now = self._book.clock.now()
        if old.authority is None or old.not_after <= now:
            await self._book.commit(Change(removed=[old], notes=[entry]))
            return
        gone = evolve(old, sealed_key=None, chain=None, expunged=int(now))
        await self._book.commit(Change(rows=[gone], notes=[entry]))

    def _retired(self, old: ServerCertificate, reason: Reason) -> ServerCertificate:
        if old.authority is None:
            return evolve(old, state=ServerState.INACTIVE)
        now = int(self._book.clock.now())
        return evolve(old, state=ServerState.INACTIVE, revoked=now, reason=reason)

    def _is_due(self, each: ServerCertificate) -> bool:
        if each.state is not ServerState.ACTIVE or each.source is not Source.OWN:
            return False
        lived = self._book.clock.now() - each.not_before
        return lived >= self._book.limits.renew_at * (each.not_after - each.not_before)
