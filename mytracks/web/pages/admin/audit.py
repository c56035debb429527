"""The tab Audit: who did what and when."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from mytracks.clock import iso
from mytracks.errors import Invalid
from mytracks.people.audit import Audit
from mytracks.people.ports import AuditEntry, AuditQuestion
from mytracks.web.answers import Answer
from mytracks.web.api.times import seconds
from mytracks.web.pages.admin.desk import A_PAGE, HOME, Desk, address, asked, offset_of, part_of
from mytracks.web.query import wrong
from mytracks.web.routes import Route, Visit

TAB: Final = "audit"
AUDIT: Final = f"{HOME}audit/"
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
        offset = offset_of(request)
        try:
            question = _question(filters, offset, self._desk.times(visit).zone)
        except Invalid as refused:
            errors = {name: list(texts) for name, texts in refused.errors.items()}
            return self._page(visit, 422, filters, filters, [], 0, errors)
        found = await self._audit.page(question)
        exported = _exported(filters, question)
        return self._page(visit, 200, filters, exported, found.entries, found.count, {})

    def routes(self) -> Sequence[Route]:
        """The path of this tab."""
        return [self._desk.route("audit/", self.show)]

    def _page(
        self,
        visit: Visit,
        status: int,
        filters: Mapping[str, str],
        exported: Mapping[str, str],
        entries: Sequence[AuditEntry],
        count: int,
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        offset = offset_of(visit.request)
        return self._desk.page(
            visit,
            "audit.html",
            TAB,
            status=status,
            filters=filters,
            filtered=any(filters.values()),
            actions=ACTIONS,
            rows=entries,
            part=part_of(AUDIT, filters, offset, len(entries), count),
            export=address(EXPORT, {**exported, "format": "csv"}),
            all=AUDIT,
            errors=errors,
        )


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
