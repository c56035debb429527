"""All that is stored of certificates, in memory as of the last commit; one change at a time.

A change is one commit: its rows, the revocation lists that it makes necessary, and its entry in
the audit log. Then memory has it, then `Trust`, then whoever watches. Decides nothing.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from attrs import evolve, field, frozen
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.pki import certificates, ports, revocation
from mytracks.pki.keys import Keys
from mytracks.pki.limits import Limits
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Certified,
    Leaf,
    Revocable,
    RevocationList,
    ServerCertificate,
    ServerState,
)
from mytracks.pki.signing import Signing
from mytracks.pki.state import Identity, PrivateKey, Trust, Trusted
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

R = TypeVar("R", bound=Revocable)
T = TypeVar("T")


class Stored(Protocol):
    """What the store offers the certificates room."""

    @property
    def authorities(self) -> ports.Authorities: ...

    @property
    def server_certificates(self) -> ports.ServerCertificates: ...

    @property
    def leaves(self) -> ports.Leaves: ...

    @property
    def revocation_lists(self) -> ports.RevocationLists: ...


@frozen
class Note:
    """An entry in the audit log."""

    by: Actor
    action: str
    what: str
    detail: str = ""


@frozen(kw_only=True)
class Change:
    """What one commit does. `rows`: as they shall be; a new one has the number 0. `lists`: signed
    anew because of it; 0 stands for the authority among the new rows. `keys`: by fingerprint, of
    server certificates among the new rows."""

    rows: Sequence[Certified] = ()
    removed: Sequence[Certified] = ()
    lists: Sequence[RevocationList] = ()
    notes: Sequence[Note] = ()
    keys: Mapping[bytes, PrivateKey] = field(factory=dict, repr=False)


def note(by: Actor, action: str, row: Certified, detail: str = "") -> Note:
    """An entry about one certificate."""
    return Note(by, action, f"certificate:{row.serial:x}", detail)


def not_expunged(rows: Mapping[int, R]) -> list[R]:
    """Those of a table that are still shown to administrators, newest first."""
    found = (each for each in rows.values() if each.expunged is None)
    return sorted(found, key=lambda each: -each.number)


class Book:
    """The rows, and the one way to change them."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: Stored,
        audit: ports.Audit,
        keys: Keys,
        signing: Signing,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._audit = audit
        self._keys = keys
        self._signing = signing
        self._turns = Turns()
        self.clock = clock
        self.limits = limits
        self.trust = Trust()
        self.authorities: dict[int, Authority] = {}
        self.servers: dict[int, ServerCertificate] = {}
        self.leaves: dict[int, Leaf] = {}
        self.lists: dict[int, RevocationList] = {}
        """The newest, by the authority's number."""
        self.leaf_of: dict[bytes, Leaf] = {}
        """By fingerprint."""
        self.unreadable: set[int] = set()
        """Numbers of active server certificates whose key cannot be read."""
        self._identities: dict[int, Identity] = {}
        self._parsed: dict[bytes, x509.Certificate] = {}
        self._parsed_lists: dict[int, x509.CertificateRevocationList] = {}

    async def open(self) -> None:
        """Read what is stored, and the keys of the certificates that we show."""
        found = await self._transactions.read(self._read)
        for rows in found[:-1]:
            self._remember(rows)
        for made in found[-1]:
            await self._open_list(made)
        for server in self.servers.values():
            if server.state is ServerState.ACTIVE:
                await self._open_key(server)
        self._publish()

    def take(self, change: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> Deferred[T]:
        """Run `change` to its end when its turn comes, whoever waits for it; fires with its
        result. Cancelling loses the answer, never the change."""
        return self._turns.take(change)

    async def commit(self, change: Change) -> Sequence[Any]:
        """Store `change`, then remember it, then tell. Returns the new rows with their numbers,
        those of `rows` that were there already after them. Call within a turn."""
        rows, lists = await self._transactions.commit(lambda tx: self._store(tx, change))
        self._remember(rows)
        for made in lists:
            self._remember_list(made)
        for row in change.removed:
            self._forget(row)
        for row in rows:
            if row.fingerprint in change.keys:
                self._show(row, change.keys[row.fingerprint])
        self._publish()
        return rows

    def certificate(self, authority: Authority) -> x509.Certificate:
        """That authority's certificate, read."""
        found = self._parsed.get(authority.fingerprint)
        if found is None:
            found = x509.load_der_x509_certificate(authority.certificate)
            self._parsed[authority.fingerprint] = found
        return found

    def is_trusted(self, number: int) -> bool:
        """Whether what this authority signed may be good."""
        authority = self.authorities.get(number)
        return authority is not None and authority.state is not AuthorityState.ENDED

    def active(self) -> Authority | None:
        """The authority that signs."""
        return next(
            (a for a in self.authorities.values() if a.state is AuthorityState.ACTIVE), None
        )

    def revocable(self, authority: int) -> list[Revocable]:
        """All that this authority signed, as far as we know."""
        return [
            *(leaf for leaf in self.leaves.values() if leaf.authority == authority),
            *(server for server in self.servers.values() if server.authority == authority),
        ]

    def table(self, kind: type[Certified]) -> dict[int, Any]:
        """The rows of that kind, by number."""
        if kind is Authority:
            return self.authorities
        return self.leaves if kind is Leaf else self.servers

    async def _read(self, tx: Transaction) -> tuple[Sequence[Any], ...]:
        return (
            await self._stored.authorities.all(tx),
            await self._stored.server_certificates.all(tx),
            await self._stored.leaves.all(tx),
            await self._stored.revocation_lists.all(tx),
        )

    async def _store(
        self, tx: Transaction, change: Change
    ) -> tuple[list[Any], list[RevocationList]]:
        # What is no longer active first: the database lets no two be so for a moment.
        changed = [row for row in change.rows if row.number]
        for row in changed:
            await self._port(row).change(tx, row)
        new = [await self._port(row).add(tx, row) for row in change.rows if not row.number]
        for row in change.removed:
            await self._port(row).remove(tx, row.number)
        first = next((row.number for row in new if isinstance(row, Authority)), 0)
        lists = [evolve(made, authority=made.authority or first) for made in change.lists]
        for made in lists:
            await self._stored.revocation_lists.put(tx, made)
        for entry in change.notes:
            await self._audit.add(tx, entry.by, entry.action, entry.what, entry.detail)
        return [*new, *changed], lists

    def _port(self, row: Certified) -> Any:
        if isinstance(row, Authority):
            return self._stored.authorities
        return self._stored.leaves if isinstance(row, Leaf) else self._stored.server_certificates

    def _remember(self, rows: Iterable[Certified]) -> None:
        for row in rows:
            self.table(type(row))[row.number] = row
            if isinstance(row, Leaf):
                self.leaf_of[row.fingerprint] = row

    async def _open_list(self, made: RevocationList) -> None:
        """A stored list: nobody has vouched for it, and a wrong one locks out everybody."""
        authority = self.authorities[made.authority]
        certificate = self.certificate(authority)

        def work() -> None:
            revocation.check(x509.load_der_x509_crl(made.der), certificate)

        try:
            await self._signing.sign(work)
        except ValueError as error:
            self.log.error(
                "a revocation list of {name} is not used: {error}",
                name=certificates.called(authority.subject),
                error=str(error),
            )
        else:
            self._remember_list(made)

    def _remember_list(self, made: RevocationList) -> None:
        self.lists[made.authority] = made
        self._parsed_lists[made.authority] = x509.load_der_x509_crl(made.der)
        authority = self.authorities[made.authority]
        self.authorities[made.authority] = evolve(authority, crl_number=made.number)

    def _forget(self, row: Certified) -> None:
        del self.table(type(row))[row.number]
        if isinstance(row, Leaf):
            del self.leaf_of[row.fingerprint]
        if isinstance(row, Authority):
            # The database removed what it signed as well.
            for each in list(self.revocable(row.number)):
                self._forget(each)
            self.lists.pop(row.number, None)
            self._parsed_lists.pop(row.number, None)
            self._parsed.pop(row.fingerprint, None)

    async def _open_key(self, server: ServerCertificate) -> None:
        try:
            self._show(server, await self._signing.sign(lambda: self._keys.of(server)))
        except Unavailable as error:
            self.unreadable.add(server.number)
            self.log.error(
                "the server certificate {name} cannot be shown: {error}",
                name=server.name,
                error=str(error),
            )

    def _show(self, server: ServerCertificate, key: PrivateKey) -> None:
        assert server.chain is not None
        leaf, *chain = x509.load_pem_x509_certificates(server.chain)
        self._identities[server.number] = Identity(
            number=server.number,
            fingerprint=server.fingerprint,
            certificate=leaf,
            key=key,
            chain=tuple(chain),
            names=server.names,
        )

    def _publish(self) -> None:
        shown = [s for s in self.servers.values() if s.state is ServerState.ACTIVE]
        self._identities = {
            s.number: self._identities[s.number] for s in shown if s.number in self._identities
        }
        self.unreadable &= {s.number for s in shown} - self._identities.keys()
        now = self.clock.now()
        trusted = [a for a in self.authorities.values() if self._is_anchor(a, now)]
        trusted.sort(key=lambda a: (a.state is not AuthorityState.ACTIVE, -a.number))
        anchors = tuple(self.certificate(authority) for authority in trusted)
        self.trust.replace(
            Trusted(
                generation=self.trust.generation + 1,
                anchors=anchors,
                lists=tuple(self._usable_lists(trusted)),
                identities={
                    s.use: self._identities[s.number] for s in shown if s.number in self._identities
                },
                strict_profile=bool(anchors) and all(map(certificates.is_ours, anchors)),
                strict_lists=self.limits.strict_crl,
            )
        )

    def _is_anchor(self, authority: Authority, now: float) -> bool:
        return authority.state is not AuthorityState.ENDED and now <= authority.not_after

    def _usable_lists(
        self, trusted: Sequence[Authority]
    ) -> Iterable[x509.CertificateRevocationList]:
        for authority in trusted:
            made = self._parsed_lists.get(authority.number)
            if made is not None:
                yield made
            else:
                self.log.error(
                    "there is no revocation list of {name}: its clients are kept out",
                    name=certificates.called(authority.subject),
                )
