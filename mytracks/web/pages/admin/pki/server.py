"""The card Server: make its certificate, bring one, renew it, stop showing it, delete it."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from mytracks.errors import Conflict, Invalid
from mytracks.pki.build import PKI
from mytracks.pki.limits import DAY, SERVER_DAYS
from mytracks.pki.ports import ServerCertificate, ServerState, Use
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.api.pki.asked import wait_for_a_key
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import Desk
from mytracks.web.pages.admin.pki.forms import (
    KEY_TITLES,
    KEYS,
    PATH,
    TAB,
    USES,
    Errors,
    check_sure,
    key_in,
    number_in,
    tried,
    use_in,
)
from mytracks.web.pages.admin.pki.hosts import browsed_host, covers
from mytracks.web.pages.admin.pki.overview import Overview
from mytracks.web.routes import Route, Visit

_NEW = ("common_name", "san_entries", "validity_days", "key", "use", "sure")
_BROUGHT = ("certificate", "key", "password", "use", "sure")
_HERE = f"{PATH}#server"
_LONGEST_COMMON = 64


class ServerForms:
    """Changes the certificates that we show. `public_url`: how the world knows us, if it does."""

    def __init__(
        self,
        desk: Desk,
        overview: Overview,
        room: PKI,
        public_url: Callable[[], str | None],
    ) -> None:
        self._desk = desk
        self._overview = overview
        self._servers = room.servers
        self._public = room.acme.renewal
        self._authorities = room.authorities
        self._usual_days = room.book.limits.server_days
        self._public_url = public_url

    async def form(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/server/new/"""
        return self._form(visit, await self._suggested(visit), 200, {})

    async def make(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/server/new/"""
        sent = form(visit.request)

        async def made() -> Answer:
            use = use_in(sent)
            check_sure(sent, self._replaced(use))
            names = _lines(sent.get("san_entries", ""))
            name = sent.get("common_name", "").strip() or (names[0] if names else "")
            if not names:
                told = ["Type at least one host name or address."]
                raise Invalid("The names are missing.", {"san_entries": told})
            wait_for_a_key(visit)
            new = await self._servers.issue(
                name,
                names,
                number_in(sent, "validity_days"),
                key_in(sent, "p256-256"),
                use,
                by=visit.actor,
            )
            return self._desk.done(visit, _HERE, f"The certificate of {new.name} is shown now.")

        return await tried(made, lambda *told: self._form(visit, sent, *told), _NEW)

    async def import_form(self, visit: Visit) -> Answer:
        """GET /admin-panel/pki/server/import/"""
        return self._import(visit, {}, 200, {})

    async def bring(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/server/import/"""
        sent = form(visit.request)

        async def brought() -> Answer:
            use = use_in(sent)
            check_sure(sent, self._replaced(use))
            try:
                new = await self._servers.bring(
                    sent.get("certificate", "").encode(),
                    sent.get("key", "").encode(),
                    sent.get("password") or None,
                    use=use,
                    by=visit.actor,
                )
            except Invalid as refused:
                errors = {_CHAIN.get(name, name): texts for name, texts in refused.errors.items()}
                raise Invalid(str(refused), errors) from refused
            return self._desk.done(visit, _HERE, f"The certificate of {new.name} is shown now.")

        return await tried(brought, lambda *told: self._import(visit, sent, *told), _BROUGHT)

    async def renew(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/server/{id}/renew/"""
        old = self._servers.numbered(number(identifier))
        kind = KEYS.get(f"{old.key_type}-{old.key_size}", KEYS["p256-256"])
        days = min(max(round((old.not_after - old.not_before) / DAY), 1), SERVER_DAYS)
        wait_for_a_key(visit)
        try:
            if old.state is not ServerState.ACTIVE:
                raise Conflict("This server certificate is not active.")
            await self._servers.issue(old.name, old.names, days, kind, old.use, by=visit.actor)
        except (Conflict, Invalid) as refused:
            return await self._overview.refused(visit, refused)
        return self._desk.done(visit, _HERE, f"The certificate of {old.name} is renewed.")

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/server/{id}/deactivate/"""
        try:
            ended = await self._servers.deactivate(number(identifier), by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        told = f"The certificate of {ended.name} is not shown any more."
        return self._desk.done(visit, _HERE, told)

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/pki/server/{id}/expunge/"""
        which = number(identifier)
        name = self._servers.numbered(which).name
        try:
            await self._servers.expunge(which, by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        return self._desk.done(visit, _HERE, f"The old certificate of {name} is deleted.")

    async def fetch(self, visit: Visit) -> Answer:
        """POST /admin-panel/pki/acme/try/"""
        try:
            await self._public.try_now(by=visit.actor)
        except Conflict as refused:
            return await self._overview.refused(visit, refused)
        return self._desk.done(visit, f"{PATH}#acme", "A public certificate is being fetched.")

    def routes(self) -> Sequence[Route]:
        """The paths of this card."""
        route, one = self._desk.route, "pki/server/<identifier>/"
        return [
            route("pki/server/new/", self.form, self.make),
            route("pki/server/import/", self.import_form, self.bring),
            route(f"{one}renew/", None, self.renew),
            route("pki/acme/try/", None, self.fetch),
            route(f"{one}deactivate/", None, self.deactivate),
            route(f"{one}expunge/", None, self.expunge),
        ]

    def _shown(self) -> Sequence[ServerCertificate]:
        return [each for each in self._servers.all() if each.state is ServerState.ACTIVE]

    def _replaced(self, use: Use) -> str | None:
        return next((each.name for each in self._shown() if each.use is use), None)

    async def _suggested(self, visit: Visit) -> dict[str, str]:
        """What the form begins with: the names that are shown now, or else what this machine is
        called, and the one it is called by whoever looks."""
        active, host = self._servers.active(), browsed_host(visit.request.host_name)
        public = urlsplit(self._public_url() or "").hostname
        names = active.names if active else await self._servers.suggested_names(public)
        missing = [host] if host and not covers(names, host) else []
        wanted = [*names[:1], *missing, *names[1:]]
        name = active.name if active else public or wanted[0]
        return {"san_entries": "\n".join(wanted), "common_name": name[:_LONGEST_COMMON]}

    def _form(self, visit: Visit, sent: Mapping[str, str], status: int, errors: Errors) -> Answer:
        usual = {"validity_days": str(self._usual_days), "key": "p256-256", "use": "everywhere"}
        host = browsed_host(visit.request.host_name)
        names = _lines(sent.get("san_entries", ""))
        return self._desk.page(
            visit,
            "pki/server_new.html",
            TAB,
            status=status,
            sent={**usual, **sent},
            errors=errors,
            shown=[each.name for each in self._shown()],
            has_authority=self._authorities.active() is not None,
            missing_host=host if host and not covers(names, host) else None,
            keys=KEY_TITLES,
            uses={word: title for word, (_, title) in USES.items()},
            most_days=SERVER_DAYS,
        )

    def _import(self, visit: Visit, sent: Mapping[str, str], status: int, errors: Errors) -> Answer:
        kept = {name: text for name, text in sent.items() if name not in ("key", "password")}
        return self._desk.page(
            visit,
            "pki/server_import.html",
            TAB,
            status=status,
            sent={"use": "everywhere", **kept},
            errors=errors,
            shown=[each.name for each in self._shown()],
            uses={word: title for word, (_, title) in USES.items()},
        )


_CHAIN = {"chain": "certificate"}


def _lines(text: str) -> list[str]:
    """One name for each line; commas part them as well."""
    return [name for line in text.replace(",", "\n").splitlines() if (name := line.strip())]
