"""The tab Quarantine: what phones sent and nobody understood, tried again or thrown away."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from mytracks.errors import Invalid
from mytracks.people.accounts import Accounts
from mytracks.phones.ports import Aside, Which
from mytracks.phones.quarantine import Outcome, Quarantine, is_cut
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.api.quarantine import PATH as API
from mytracks.web.api.quarantine import chosen, shown
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import A_PAGE, HOME, Desk, asked, offset_of
from mytracks.web.pages.admin.users import errors_of
from mytracks.web.raw_bytes import as_text, dump, is_readable
from mytracks.web.routes import Route, Visit

TAB: Final = "quarantine"
QUARANTINE: Final = f"{HOME}quarantine/"
_FILTERS: Final = ("user", "reason", "since")


class QuarantinePages:
    """Shows the list and single messages."""

    def __init__(self, desk: Desk, quarantine: Quarantine, accounts: Accounts) -> None:
        self._desk = desk
        self._quarantine = quarantine
        self._accounts = accounts

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/quarantine/"""
        request = visit.request
        filters = {name: asked(request, name) for name in _FILTERS}
        try:
            which = self._chosen(visit, filters)
        except Invalid as refused:
            errors = errors_of(refused)
            return self._desk.listed(visit, TAB, filters, errors=errors, through=None)
        offset = offset_of(request)
        page = await self._quarantine.page(which, limit=A_PAGE, offset=offset)
        through = page.messages[0].number if page.messages and not offset else None
        rows = [shown(one) for one in page.messages]
        return self._desk.listed(visit, TAB, filters, rows, page.count, through=through)

    async def clear(self, visit: Visit) -> Answer:
        """POST /admin-panel/quarantine/"""
        sent = form(visit.request)
        filters = {name: sent.get(name, "") for name in _FILTERS}
        which = evolve(self._chosen(visit, filters), through=number(sent.get("through", "")))
        count = await self._quarantine.clear(which, by=visit.actor)
        told = "1 message was deleted." if count == 1 else f"{count} messages were deleted."
        return self._desk.done(visit, QUARANTINE, told)

    async def one(self, visit: Visit, identifier: str) -> Answer:
        """GET /admin-panel/quarantine/{id}/"""
        aside = await self._quarantine.raw(number(identifier), by=visit.actor)
        return self._message(visit, aside, 200, "", {})

    async def replay(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/quarantine/{id}/replay/"""
        device = form(visit.request).get("device", "").strip()
        which = number(identifier)
        try:
            outcome = await self._quarantine.replay(which, by=visit.actor, device=device or None)
        except Invalid as refused:
            aside = await self._quarantine.raw(which, by=visit.actor)
            return self._message(visit, aside, 422, device, errors_of(refused))
        if not outcome.stored:
            return self._desk.done(
                visit, f"{QUARANTINE}{which}/", f"It is still not understood: {outcome.reason}"
            )
        return self._desk.done(visit, QUARANTINE, _told(outcome))

    async def delete(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/quarantine/{id}/delete/"""
        which = number(identifier)
        await self._quarantine.delete(which, by=visit.actor)
        return self._desk.done(visit, QUARANTINE, f"Message {which} was deleted.")

    def routes(self) -> Sequence[Route]:
        """The paths of this tab."""
        route, one = self._desk.route, "quarantine/<identifier>/"
        return [
            route("quarantine/", self.show, self.clear),
            route(one, self.one),
            route(f"{one}replay/", None, self.replay),
            route(f"{one}delete/", None, self.delete),
        ]

    def _chosen(self, visit: Visit, filters: Mapping[str, str]) -> Which:
        """Which messages the filters mean, on days of the viewer's. Raises Invalid."""
        return chosen(self._accounts, **filters, zone=self._desk.times(visit).zone)

    def _message(
        self,
        visit: Visit,
        aside: Aside,
        status: int,
        device: str,
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        text = as_text(aside.body)
        return self._desk.page(
            visit,
            "message.html",
            TAB,
            status=status,
            message=shown(aside),
            text=text if text is not None and is_readable(text) else None,
            dump=dump(aside.body),
            cut=is_cut(aside.reason),
            download=f"{API}/{aside.number}/body",
            device=device,
            errors=errors,
        )


def _told(outcome: Outcome) -> str:
    if outcome.known:
        return f"It was known already: {outcome.device} sent it again meanwhile."
    return f"It is taken in as {outcome.kind} of {outcome.device}."
