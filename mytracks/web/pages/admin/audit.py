"""The tab Audit: who did what and when."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from mytracks.clock import iso
from mytracks.errors import Invalid
from mytracks.people.audit import Audit
from mytracks.people.ports import AuditQuestion
from mytracks.web.answers import Answer
from mytracks.web.api.times import seconds
from mytracks.web.pages.admin.desk import A_PAGE, Desk, address, asked, offset_of
from mytracks.web.query import wrong
from mytracks.web.routes import Route, Visit

TAB: Final = "audit"
EXPORT: Final = "/api/admin/audit"

_FILTERS: Final = ("actor", "action", "object", "since", "until", "q")
_LONGEST: Final = 200

ACTIONS: Final[Mapping[str, str]] = {
    "user": "Accounts",
    "session": "Sessions ended",
    "sign-in": "Sign-ins",
    "token": "API tokens",
    "device": "Devices",
    "totp": "Second factor",
    "passkey": "Passkeys",
    "recovery": "Recovery codes",
    "quarantine": "Quarantine",
    "pki": "Certificates",
    "key": "Key ring",
}
"""Families of actions that can be chosen: as they are stored, and in words."""


class AuditPage:
    """Shows the log."""

    def __init__(self, desk: Desk, audit: Audit) -> None:
        self._desk = desk
        self._audit = audit

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/audit/"""
        request = visit.request
        filters = {name: asked(request, name)[:_LONGEST] for name in _FILTERS}
        try:
            question = _question(filters, offset_of(request), self._desk.times(visit).zone)
        except Invalid as refused:
            export = _as_csv(filters)
            return self._desk.listed(
                visit, TAB, filters, errors=refused.errors, actions=ACTIONS, export=export
            )
        found = await self._audit.page(question)
        export = _as_csv(_exported(filters, question))
        return self._desk.listed(
            visit, TAB, filters, found.entries, found.count, actions=ACTIONS, export=export
        )

    def routes(self) -> Sequence[Route]:
        """The path of this tab."""
        return [self._desk.route("audit/", self.show)]


def _question(filters: Mapping[str, str], offset: int, zone: tzinfo) -> AuditQuestion:
    """What the filters ask for, on days of `zone`. Raises Invalid naming the date that is none."""
    until = _time("until", filters["until"], zone)
    return AuditQuestion(
        actor=filters["actor"],
        action=filters["action"],
        what=filters["object"],
        since=_time("since", filters["since"], zone),
        until=None if until is None else until + 1,
        text=filters["q"],
        limit=A_PAGE,
        offset=offset,
    )


def _as_csv(filters: Mapping[str, str]) -> str:
    """Where the same is fetched as a file."""
    return address(EXPORT, {**filters, "format": "csv"})


def _exported(filters: Mapping[str, str], question: AuditQuestion) -> Mapping[str, str]:
    """The filters as the API takes them, which knows nothing of anybody's time zone."""
    since, until = question.since, question.until
    return {
        **filters,
        "since": "" if since is None else iso(since),
        "until": "" if until is None else iso(until - 1),
    }


def _time(field: str, text: str, zone: tzinfo) -> int | None:
    if not text:
        return None
    try:
        return seconds(text, end_of_day=field == "until", zone=zone)
    except (ValueError, OverflowError):
        raise wrong(field, "Not a date or time; write 2026-11-24.") from None
