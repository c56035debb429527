"""The card Phones: issue a client certificate, hand it out, revoke it, delete it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mytracks.errors import Conflict, Invalid
from mytracks.people.accounts import Accounts
from mytracks.people.ports import Account
from mytracks.pki import bundles, certificates
from mytracks.pki.build import PKI
from mytracks.pki.bundles import Format
from mytracks.pki.ports import Leaf, Reason
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.api.pki.asked import wait_for_a_key
from mytracks.web.api.pki.files import attachment
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import Desk, asked
from mytracks.web.pages.admin.pki.facts import Facts, counted, facts
from mytracks.web.pages.admin.pki.forms import (
    KEY_TITLES,
    PATH,
    SURE,
    TAB,
    Errors,
    chosen,
    key_in,
    number_in,
    tried,
)
from mytracks.web.pages.admin.pki.overview import Overview
from mytracks.web.routes import Route, Visit

YEARS: Final[Mapping[str, str]] = {
    "365": "1 year",
    "730": "2 years",
    "1095": "3 years",
    "1461": "4 years",
    "1826": "5 years",
}
FORMATS: Final[Mapping[str, str]] = {
    "p12": "For Android and programs (.p12, opens everywhere)",
    "otrp": "For OwnTracks on iOS (.otrp)",
    "p12-modern": "With a modern cipher (.p12; iOS 18, Android 12 or later)",
    "pem": "As text (.pem)",
}
REASONS: Final[Mapping[str, tuple[Reason, str]]] = {
    "unspecified": (Reason.UNSPECIFIED, "No reason to give"),
    "lost": (Reason.KEY_COMPROMISE, "The phone is lost, or somebody may have its key"),
    "retired": (Reason.CESSATION_OF_OPERATION, "The phone is not used any more"),
}

_NEW = ("user", "validity_days", "key", "grace_days", SURE)
_BUNDLE = ("password", "format")
_HERE = f"{PATH}#phones"


class Pills:
    """What the table of users tells of certificates."""

    def __init__(self, room: PKI, now: Callable[[], float]) -> None:
        self._room = room
        self._now = now

    @property
    def can_issue(self) -> bool:
        """Whether there is an authority that signs."""
        return self._room.authorities.active() is not None

    def of(self, user: int) -> Facts | None:
        """The newest certificate that lets that account in."""
        clients = self._room.clients
        found = (leaf for leaf in clients.of(user) if clients.is_active(leaf))
        leaf = next(found, None)
        return None if leaf is None else facts(leaf, self._now())


class ClientForms:
    """Changes the client certificates."""

    def __init__(
        self,
        desk: Desk,
        overview: Overview,
        room: PKI,
        accounts: Accounts,
        now: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._overview = overview
        self._room = room
        self._clients = room.clients
        self._accounts = accounts
        self._now = now

    async def form(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/clients/new/"""
        return self._form(visit, {"user": asked(visit.request, "user")}, 200, {})

    async def issue(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/clients/new/"""
        sent = form(visit.request)

        async def issued() -> Answer:
            account = self._account(sent)
            grace = number_in(sent, "grace_days") or 0
            replaced = self._replaced(account)
            if replaced and SURE not in sent:
                told = f"Tick this: {self._what_goes(account, replaced, grace)}"
                raise Invalid(f"{account.name} has a certificate.", {SURE: [told]})
            wait_for_a_key(visit)
            await self._clients.issue(
                account.number,
                account.name,
                number_in(sent, "validity_days"),
                key_in(sent, "rsa-2048"),
                by=visit.actor,
                grace_days=grace,
            )
            told = f"{account.name} has a new certificate: download it for the phone."
            return self._desk.done(visit, _HERE, told)

        return await tried(issued, lambda *told: self._form(visit, sent, *told), _NEW)

    async def bundle_form(self, visit: Visit, identifier: str) -> Answer:
        """GET /admin-panel/pki/clients/{id}/download/"""
        return self._bundle(visit, self._numbered(identifier), {}, 200, {})

    async def download(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/clients/{id}/download/"""
        leaf, sent = self._numbered(identifier), form(visit.request)

        async def handed_out() -> Answer:
            chosen(sent, "format", FORMATS, "p12")
            word = sent.get("format") or "p12"
            return await hand_out(self._room, leaf, sent.get("password", ""), word, visit)

        return await tried(
            handed_out, lambda *told: self._bundle(visit, leaf, sent, *told), _BUNDLE
        )

    async def revoke(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/clients/{id}/revoke/"""
        leaf = self._numbered(identifier)
        cut = self._overview.live().get(leaf.fingerprint, 0)
        try:
            reason, _ = chosen(form(visit.request), "reason", REASONS, "unspecified")
            await self._clients.revoke(leaf.number, reason, by=visit.actor)
        except (Conflict, Invalid) as refused:
            return await self._overview.refused(visit, refused)
        name = certificates.called(leaf.subject)
        more = f" {counted(cut, 'live session')} cut." if cut else " It was not connected."
        return self._desk.done(visit, _HERE, f"The certificate of {name} is revoked.{more}")

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/clients/{id}/expunge/"""
        leaf = self._numbered(identifier)
        try:
            await self._clients.expunge(leaf.number, by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        name = certificates.called(leaf.subject)
        return self._desk.done(visit, _HERE, f"The old certificate of {name} is deleted.")

    def routes(self) -> Sequence[Route]:
        """The paths of this card."""
        route, one = self._desk.route, "pki/clients/<identifier>/"
        return [
            route("pki/clients/new/", self.form, self.issue),
            route(f"{one}download/", self.bundle_form, self.download),
            route(f"{one}revoke/", None, self.revoke),
            route(f"{one}expunge/", None, self.expunge),
        ]

    def _numbered(self, identifier: str) -> Leaf:
        return self._clients.numbered(number(identifier))

    def _people(self) -> Sequence[Account]:
        return [each for each in self._accounts.all() if not each.disabled]

    def _account(self, sent: Mapping[str, str]) -> Account:
        name = sent.get("user", "")
        found = next((each for each in self._people() if each.name == name), None)
        if found is None:
            raise Invalid("There is no such user.", {"user": ["Choose somebody who is active."]})
        return found

    def _replaced(self, account: Account) -> Sequence[Leaf]:
        theirs = self._clients.of(account.number)
        return [leaf for leaf in theirs if leaf.device is None and self._clients.is_active(leaf)]

    def _what_goes(self, account: Account, replaced: Sequence[Leaf], grace: int) -> str:
        old = counted(len(replaced), "certificate")
        if grace:
            return f"the {old} of {account.name} will end in {counted(grace, 'day')}."
        live = self._overview.live()
        cut = sum(live.get(leaf.fingerprint, 0) for leaf in replaced)
        return (
            f"the {old} of {account.name} will be revoked at once,"
            f" and {counted(cut, 'live connection')} cut."
        )

    def _form(self, visit: Visit, sent: Mapping[str, str], status: int, errors: Errors) -> Answer:
        usual = {
            "validity_days": str(self._room.book.limits.client_days),
            "key": "rsa-2048",
            "grace_days": "0",
        }
        years = dict(YEARS)
        days = sent.get("validity_days") or usual["validity_days"]
        if days.isdigit() and days not in years:
            years[days] = f"{days} days"
        return self._desk.page(
            visit,
            "pki/client_new.html",
            TAB,
            status=status,
            sent={**usual, **sent},
            errors=errors,
            people={each.name: each.name for each in self._people()},
            has_authority=self._room.authorities.active() is not None,
            years=years,
            keys=KEY_TITLES,
            most_grace=self._room.book.limits.grace_days_most,
        )

    def _bundle(
        self, visit: Visit, leaf: Leaf, sent: Mapping[str, str], status: int, errors: Errors
    ) -> Answer:
        return self._desk.page(
            visit,
            "pki/client_download.html",
            TAB,
            status=status,
            sent={"format": sent.get("format", "p12")},
            errors=errors,
            one=facts(leaf, self._now()),
            user=self._overview.owner(leaf),
            why_not=self._clients.why_not(leaf),
            forgets=self._room.book.limits.forget_client_keys,
            formats=FORMATS,
            shortest=bundles.SHORTEST,
        )


async def hand_out(room: PKI, leaf: Leaf, password: str, word: str, visit: Visit) -> Answer:
    """The bundle as a file. `word`: one of FORMATS. Raises as `Clients.bundle` does."""
    written = Format.P12 if word == "otrp" else Format(word)
    wait_for_a_key(visit)
    content = await room.clients.bundle(leaf.number, password, written, by=visit.actor)
    suffix = ".otrp" if word == "otrp" else written.suffix
    return attachment(content, written.media_type, certificates.called(leaf.subject) + suffix)
