"""The page of the tab PKI: three cards in the order they are needed, and what is revoked.

Each card says in a sentence how it stands, and what to do next.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid
from mytracks.mqtt.routing.attendance import Attendance
from mytracks.people.accounts import Accounts
from mytracks.pki import certificates
from mytracks.pki.acme.renewal import State as ACMEState
from mytracks.pki.build import PKI
from mytracks.pki.lists import STAYS
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Leaf,
    Revocable,
    ServerCertificate,
    ServerState,
    Source,
    Use,
)
from mytracks.web.answers import Answer
from mytracks.web.pages.admin.desk import A_PAGE, Desk
from mytracks.web.pages.admin.pki.facts import Facts, counted, facts, listed
from mytracks.web.pages.admin.pki.forms import TAB
from mytracks.web.pages.admin.pki.hosts import browsed_host, covers
from mytracks.web.routes import Route, Visit

HISTORY: Final = 10
"""Earlier authorities and server certificates that are shown."""

_USES: Final[Mapping[Use, str]] = {
    Use.EVERYWHERE: "to phones and browsers",
    Use.WEB: "to browsers",
    Use.MQTT: "to phones (MQTT)",
}

_SIGNS: Final = "signs"
_STATES: Final[Mapping[AuthorityState, str]] = {
    AuthorityState.ACTIVE: _SIGNS,
    AuthorityState.TRUSTED: "still trusted",
    AuthorityState.ENDED: "ended",
}


@frozen(kw_only=True)
class AuthorityRow:
    """An authority. `moving`: who still comes in by what it signed. `lacks`: what its profile
    lacks, if it was made elsewhere. `harm`: what ending it does."""

    facts: Facts
    state: str
    moving: Sequence[str]
    lacks: Sequence[str]
    harm: str


@frozen(kw_only=True)
class ServerRow:
    """A server certificate. `shown`: to whom; `renews`: when it does so by itself, UTC seconds.
    `missing_host`: by what the page was reached, which the certificate is not for. `old_issuer`:
    who signed it, if another one signs now."""

    facts: Facts
    name: str
    names: Sequence[str]
    shown: str
    source: str
    active: bool
    renews: int | None
    missing_host: str | None
    old_issuer: str | None


@frozen(kw_only=True)
class ClientRow:
    """A client certificate. `user`: whose; None: the account is gone. `why_not`: why it lets nobody
    in; None: it does. `ends`: when its time of grace does. `live`: connections by it."""

    facts: Facts
    user: str | None
    why_not: str | None
    ends: int | None
    live: int


@frozen(kw_only=True)
class RevokedRow:
    """What stands on the list."""

    facts: Facts
    user: str
    at: int
    reason: str


@frozen(kw_only=True)
class Harm:
    """What it does to end an authority, before and after it was done."""

    future: str
    past: str


class Overview:
    """Shows the page. `acme`: how the public certificate stands."""

    def __init__(
        self,
        desk: Desk,
        room: PKI,
        accounts: Accounts,
        attendance: Attendance,
        clock: Clock,
        acme: Callable[[], ACMEState],
    ) -> None:
        self._desk = desk
        self._room = room
        self._accounts = accounts
        self._attendance = attendance
        self._clock = clock
        self._acme = acme

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/"""
        return self._page(visit, 200, [])

    async def refused(self, visit: Visit, refused: Conflict | Invalid) -> Answer:
        """The page again: what was asked for could not be done."""
        return self._page(visit, 422, [str(refused)])

    def routes(self) -> Sequence[Route]:
        """The path of the page."""
        return [self._desk.route("pki/", self.show)]

    def live(self) -> Mapping[bytes, int]:
        """Connections by each certificate."""
        return self._attendance.by_certificate()

    def phones(self) -> int:
        """Client certificates that let somebody in."""
        clients = self._room.clients
        return sum(clients.is_active(leaf) for leaf in clients.all())

    def harm_of_ending(self, authority: Authority) -> Harm:
        """Who is cut when this authority ends."""
        return self._harm(self._of(authority), self.live())

    def _harm(self, theirs: Sequence[Leaf], live: Mapping[bytes, int]) -> Harm:
        cut = sum(live.get(leaf.fingerprint, 0) for leaf in theirs)
        if not theirs:
            return Harm(future="Nobody comes in by what it signed.", past="")
        who, now = listed(self._names(theirs)), counted(cut, "live connection")
        told = f"The certificates of {who} let nobody in any more;"
        if not cut:
            return Harm(future=f"{told} none is connected now.", past=f"{told} none was connected.")
        return Harm(future=f"{told} {now} will be cut.", past=f"{told} {now} cut.")

    def owner(self, leaf: Leaf) -> str | None:
        """Whose it is; None: the account is gone."""
        account = None if leaf.user is None else self._accounts.numbered(leaf.user)
        return None if account is None else account.name

    def _page(self, visit: Visit, status: int, wrong: Sequence[str]) -> Answer:
        room, now = self._room, self._clock.now()
        host = browsed_host(visit.request.host_name)
        rows = [self._authority(each, now) for each in room.authorities.all()]
        servers = [self._server(each, now, host) for each in room.servers.all()]
        return self._desk.page(
            visit,
            "pki/overview.html",
            TAB,
            status=status,
            errors={"": wrong} if wrong else {},
            problems=room.problems(),
            authority=next((row for row in rows if row.state == _SIGNS), None),
            older=[row for row in rows if row.state != _SIGNS][:HISTORY],
            servers=[each for each in servers if each.active],
            older_servers=[each for each in servers if not each.active][:HISTORY],
            **self._phones(now),
            revocation=self._revocation(now),
            acme=self._acme(),
        )

    def _authority(self, row: Authority, now: float) -> AuthorityRow:
        theirs = self._of(row)
        return AuthorityRow(
            facts=facts(row, now),
            state=_STATES[row.state],
            moving=self._names(theirs),
            lacks=self._room.authorities.lacks(row.number),
            harm=self._harm(theirs, self.live()).future,
        )

    def _server(self, row: ServerCertificate, now: float, host: str | None) -> ServerRow:
        life = row.not_after - row.not_before
        renews = row.not_before + int(self._room.book.limits.renew_at * life)
        active = row.state is ServerState.ACTIVE
        signer, issuer = self._room.authorities.active(), row.authority
        old = issuer is not None and (signer is None or issuer != signer.number)
        seen = row.use in (Use.EVERYWHERE, Use.WEB)
        return ServerRow(
            facts=facts(row, now),
            name=row.name,
            names=row.names,
            shown=_USES[row.use],
            source=row.source.name.lower(),
            active=active,
            renews=renews if active and row.source is Source.OWN else None,
            missing_host=host if seen and host and not covers(row.names, host) else None,
            old_issuer=self._called(issuer) if old and issuer is not None else None,
        )

    def _phones(self, now: float) -> dict[str, Any]:
        clients, live = self._room.clients, self.live()
        everything = clients.all()
        having = {leaf.user for leaf in everything if clients.is_active(leaf)}
        people = [account for account in self._accounts.all() if not account.disabled]
        return {
            "clients": [self._client(leaf, now, live) for leaf in everything[:A_PAGE]],
            "clients_in_all": len(everything),
            "in_force": sum(clients.is_active(leaf) for leaf in everything),
            "without": [each.name for each in people if each.number not in having],
        }

    def _client(self, leaf: Leaf, now: float, live: Mapping[bytes, int]) -> ClientRow:
        return ClientRow(
            facts=facts(leaf, now),
            user=self.owner(leaf),
            why_not=self._room.clients.why_not(leaf),
            ends=leaf.revoked if leaf.reason is None else None,
            live=live.get(leaf.fingerprint, 0),
        )

    def _revocation(self, now: float) -> dict[str, Any] | None:
        """The list of the authority that signs, and what is revoked of all that are trusted; None:
        there is none."""
        made = self._room.lists.active()
        if made is None:
            return None
        rows = [
            row
            for authority in self._room.authorities.trusted()
            for row in self._room.book.revocable(authority.number)
            if row.reason is not None and row.not_after + STAYS > now
        ]
        rows.sort(key=lambda row: -(row.revoked or 0))
        return {
            "number": made.number,
            "next_update": made.next_update,
            "count": len(rows),
            "rows": [self._revoked(row, now) for row in rows[:A_PAGE]],
        }

    def _revoked(self, row: Revocable, now: float) -> RevokedRow:
        owner = self.owner(row) if isinstance(row, Leaf) else "the server"
        reason = row.reason.name.lower().replace("_", " ") if row.reason is not None else ""
        return RevokedRow(
            facts=facts(row, now),
            user=owner or "account deleted",
            at=row.revoked or 0,
            reason=reason,
        )

    def _called(self, authority: int) -> str:
        return certificates.called(self._room.authorities.numbered(authority).subject)

    def _of(self, authority: Authority) -> Sequence[Leaf]:
        """What it signed and lets somebody in."""
        if authority.state is AuthorityState.ENDED:
            return ()
        clients = self._room.clients
        theirs = (leaf for leaf in clients.all() if leaf.authority == authority.number)
        return [leaf for leaf in theirs if clients.is_active(leaf)]

    def _names(self, leaves: Iterable[Leaf]) -> Sequence[str]:
        return sorted({self.owner(leaf) or certificates.called(leaf.subject) for leaf in leaves})
