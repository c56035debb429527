"""`/api/admin/audit`: who did what and when, for administrators; as JSON or as a table."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from attrs import evolve
from msgspec import Meta

from mytracks.clock import Clock, iso
from mytracks.people.audit import Audit as Log
from mytracks.people.ports import AuditEntry, AuditQuestion
from mytracks.sharing.identity import Scope
from mytracks.web.answers import NO_STORE, Answer, as_json
from mytracks.web.api.paging import Page, PageQuery, place
from mytracks.web.api.slices import encoded, slices
from mytracks.web.api.times import seconds
from mytracks.web.query import read, wrong
from mytracks.web.routes import Operation, Route, Visit

MOST_EXPORTED: Final = 10_000
"""Entries of one table; with `offset` the next ones are asked for."""
COLUMNS: Final = ("id", "at", "actor", "address", "action", "object", "detail")
CSV: Final = b"text/csv; charset=utf-8"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would carry out."""

_Text = Annotated[str, Meta(max_length=200)]
_Time = Annotated[str, Meta(max_length=40, description="ISO 8601 or Unix seconds.")]


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which entries. `action`, `object`: one, or a family (`user` for `user.add`)."""

    actor: _Text = ""
    action: _Text = ""
    object: _Text = ""
    since: _Time | None = None
    until: _Time | None = None
    q: Annotated[str, Meta(max_length=200, description="A part of any member.")] = ""
    format: Literal["json", "csv"] = "json"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done. `actor_id`: null: the account is gone, or it was none."""

    id: int
    at: str
    actor: str
    actor_id: int | None
    address: str
    action: str
    object: str
    detail: str


class AuditPage(Page, frozen=True, kw_only=True):
    """One page of entries, the newest first."""

    results: list[Entry]


class Audit:
    """Reads the log."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def list(self, visit: Visit) -> Answer:
        """GET /api/admin/audit"""
        query = read(visit.request, AuditQuery)
        question = _question(query)
        if query.format == "csv":
            found = await self._log.page(evolve(question, limit=MOST_EXPORTED))
            return await self._table(found.entries)
        found = await self._log.page(question)
        page = AuditPage(
            **place(visit, query, found.count),
            results=cast(Any, await encoded(found.entries, _shown, self._clock)),
        )
        return as_json(page)

    async def _table(self, entries: Sequence[AuditEntry]) -> Answer:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        async for some in slices(entries, self._clock):
            for entry in map(_shown, some):
                writer.writerow([_cell(getattr(entry, name)) for name in COLUMNS])
        named = (b"Content-Disposition", b'attachment; filename="audit.csv"')
        return Answer(200, text.getvalue().encode(), CSV, (NO_STORE, named))

    def routes(self) -> Sequence[Route]:
        """The path of this noun."""
        several = Operation(
            handler=self.list,
            summary="Who did what and when; `format=csv` gives a table of at most 10,000 entries.",
            query=AuditQuery,
            result=AuditPage,
            files=("text/csv",),
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        return [Route("/api/admin/audit", [several])]


def _question(query: AuditQuery) -> AuditQuestion:
    until = _time("until", query.until)
    return AuditQuestion(
        actor=query.actor,
        action=query.action,
        what=query.object,
        since=_time("since", query.since),
        until=None if until is None else until + 1,
        text=query.q,
        limit=query.limit,
        offset=query.offset,
    )


def _time(field: str, text: str | None) -> int | None:
    """UTC seconds; a date alone is its first second as `since` and its last as `until`."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    try:
        return seconds(text, end_of_day=field == "until")
    except (ValueError, OverflowError):
        raise wrong(field, "Not an ISO 8601 date or time.") from None


def _shown(entry: AuditEntry) -> Entry:
    return Entry(
        id=entry.number,
        at=iso(entry.at),
        actor=entry.actor,
        actor_id=entry.actor_number,
        address=entry.address,
        action=entry.action,
        object=entry.what,
        detail=entry.detail,
    )


def _cell(value: str | int) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = str(value)
    return "'" + text if text.startswith(_FORMULA) else text
