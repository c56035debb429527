"""`/api/admin/quarantine`: what phones sent and nobody understood, for administrators.

Whoever opens a message is noted in the audit log: it may say where somebody was.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from mytracks.clock import Clock, iso
from mytracks.people.accounts import Accounts
from mytracks.phones.ports import Aside, Which
from mytracks.phones.quarantine import PREVIEW, Outcome, Quarantine
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import NO_STORE, Answer, as_json
from mytracks.web.api.naming import number as number_of
from mytracks.web.api.paging import Page, PageQuery, place
from mytracks.web.api.slices import encoded
from mytracks.web.api.times import seconds
from mytracks.web.json_body import Body
from mytracks.web.query import read, wrong
from mytracks.web.raw_bytes import as_text, beginning
from mytracks.web.routes import Operation, Route, Visit

PATH: Final = "/api/admin/quarantine"
BYTES: Final = b"application/octet-stream"

_NOBODY: Final = -1
"""No account has this number."""


class QuarantineQuery(PageQuery, frozen=True, kw_only=True):
    """Which part of the list."""

    user: Annotated[str, Meta(description="Whose messages: a user name.")] = ""
    reason: Annotated[str, Meta(description="A part of the reason, in whatever case.")] = ""
    since: Annotated[str, Meta(description="What came then or later, ISO 8601.")] = ""


class SetAsideMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was set aside. `device`: `user/device`. `size`: bytes that are kept of it.
    `preview`: how it begins, as text or, where it is none, in hexadecimal; in a list without its
    digits."""

    id: int
    received_at: str
    received_at_unix: int
    source: str
    user: str | None
    device: str | None
    topic: str
    reason: str
    size: int
    preview: str
    preview_format: str


class WholeMessage(SetAsideMessage, frozen=True, kw_only=True):
    """All that is kept of one. `body`: in Base64; `text`: the same where it is UTF-8."""

    body: str
    text: str | None


class QuarantinePage(Page, frozen=True, kw_only=True):
    """One page, the newest first."""

    results: list[SetAsideMessage]


class ReplayBody(Body, frozen=True, kw_only=True):
    """Whose it is, where that is not known: `user/device`."""

    device: str | None = None


class ReplayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. `stored`: it is no longer set aside but a message of the kind `kind` of
    `device`; `known`: the very same had been stored before. Else `reason` is why it stays."""

    stored: bool
    kind: str | None
    device: str | None
    known: bool
    reason: str | None


class QuarantinePaths:
    """Reads, replays and deletes."""

    def __init__(self, quarantine: Quarantine, accounts: Accounts, clock: Clock) -> None:
        self._quarantine = quarantine
        self._accounts = accounts
        self._clock = clock

    async def several(self, visit: Visit) -> Answer:
        """GET /api/admin/quarantine"""
        query = read(visit.request, QuarantineQuery)
        which = chosen(self._accounts, query.user, query.reason, query.since)
        page = await self._quarantine.page(which, limit=query.limit, offset=query.offset)
        return as_json(
            QuarantinePage(
                **place(visit, query, page.count),
                results=cast(Any, await encoded(page.messages, shown, self._clock)),
            )
        )

    async def one(self, visit: Visit, number: str) -> Answer:
        """GET /api/admin/quarantine/{id}"""
        aside = await self._quarantine.raw(number_of(number), by=visit.actor)
        return as_json(
            WholeMessage(
                **msgspec.structs.asdict(shown(aside)),
                body=b64encode(aside.body).decode("ascii"),
                text=as_text(aside.body),
            )
        )

    async def body(self, visit: Visit, number: str) -> Answer:
        """GET /api/admin/quarantine/{id}/body"""
        aside = await self._quarantine.raw(number_of(number), by=visit.actor)
        name = b'attachment; filename="message-%d.bin"' % aside.number
        return Answer(200, aside.body, BYTES, (NO_STORE, (b"Content-Disposition", name)))

    async def replay(self, visit: Visit, number: str) -> Answer:
        """POST /api/admin/quarantine/{id}/replay"""
        body = json_body.read(visit.request, ReplayBody)
        outcome = await self._quarantine.replay(
            number_of(number), by=visit.actor, device=body.device
        )
        return as_json(_told(outcome))

    async def delete(self, visit: Visit, number: str) -> Answer:
        """DELETE /api/admin/quarantine/{id}"""
        await self._quarantine.delete(number_of(number), by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = Operation(
            handler=self.several,
            summary="What phones sent and nobody understood. For administrators.",
            query=QuarantineQuery,
            result=QuarantinePage,
            refusals=(400,),
            scope=Scope.ADMIN,
        )
        return [Route(PATH, [several]), *self._of_one()]

    def _of_one(self) -> Iterator[Route]:
        one = Operation(
            handler=self.one,
            summary="One such message, whole; who looks is noted in the audit log.",
            result=WholeMessage,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        delete = Operation(
            method="DELETE",
            handler=self.delete,
            summary="Throws the message away.",
            status=204,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        body = Operation(
            handler=self.body,
            summary="Its bytes as a file; who looks is noted in the audit log.",
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        replay = Operation(
            method="POST",
            handler=self.replay,
            summary="Takes the message in as if it came now.",
            body=ReplayBody,
            result=ReplayOutcome,
            refusals=(400, 404, 415),
            scope=Scope.ADMIN,
        )
        yield Route(f"{PATH}/<number>", [one, delete])
        yield Route(f"{PATH}/<number>/body", [body])
        yield Route(f"{PATH}/<number>/replay", [replay])


def chosen(accounts: Accounts, user: str, reason: str, since: str, zone: tzinfo = UTC) -> Which:
    """Which messages the filters mean; each may be empty. Of a user who is not there there are
    none. `zone`: of a date that names none. Raises Invalid for a date that is none."""
    account = accounts.find(user) if user else None
    known = _NOBODY if account is None else account.number
    try:
        moment = seconds(since, zone=zone) if since else None
    except (ValueError, OverflowError):
        raise wrong("since", "Not a date or time (ISO 8601).") from None
    return Which(user=known if user else None, reason=reason, since=moment)


def shown(aside: Aside) -> SetAsideMessage:
    """The message as the API shows it."""
    text, readable = beginning(aside.body[:PREVIEW], cut=aside.size > PREVIEW)
    device = None
    if aside.user_name is not None and aside.device is not None:
        device = f"{aside.user_name}/{aside.device}"
    return SetAsideMessage(
        id=aside.number,
        received_at=iso(aside.received),
        received_at_unix=aside.received,
        source=aside.door.value,
        user=aside.user_name,
        device=device,
        topic=aside.topic,
        reason=aside.reason,
        size=aside.size,
        preview=text,
        preview_format="text" if readable else "hex",
    )


def _told(outcome: Outcome) -> ReplayOutcome:
    return ReplayOutcome(
        stored=outcome.stored,
        kind=outcome.kind or None,
        device=outcome.device or None,
        known=outcome.known,
        reason=outcome.reason or None,
    )
