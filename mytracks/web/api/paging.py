"""Lists in pages: which part of one is asked for, and where the next and the previous part are."""

from collections.abc import Sequence
from typing import Annotated, TypedDict, TypeVar
from urllib.parse import urlencode

from msgspec import Meta, Struct

from mytracks.web.query import Query
from mytracks.web.routes import Visit

T = TypeVar("T")


class PageQuery(Query, frozen=True, kw_only=True):
    """Which part of the list."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, Meta(ge=0, lt=2**31)] = 0


class Page(Struct, frozen=True, kw_only=True):
    """One page of a list; each noun adds its `results`. `count`: how many there are in all.
    `next`, `previous`: where the pages beside this one are; None: there is none."""

    count: int
    next: str | None
    previous: str | None


class Place(TypedDict):
    """Where in the list a page is, as `Page` has it."""

    count: int
    next: str | None
    previous: str | None


def part(found: Sequence[T], query: PageQuery) -> Sequence[T]:
    """What of all that was found is on the page."""
    return found[query.offset : query.offset + query.limit]


def place(visit: Visit, query: PageQuery, count: int) -> Place:
    """Of `count` in all; the pages beside this one are this very request with other offsets."""
    end = query.offset + query.limit
    return Place(
        count=count,
        next=_link(visit, query.limit, end) if end < count else None,
        previous=_link(visit, query.limit, max(0, query.offset - query.limit))
        if query.offset
        else None,
    )


def _link(visit: Visit, limit: int, offset: int) -> str:
    request = visit.request
    asked = [
        (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for name, values in (request.args or {}).items()
        for value in values
        if name not in (b"limit", b"offset")
    ]
    asked += [("limit", str(limit)), ("offset", str(offset))]
    return request.absolute(f"{request.path.decode('utf-8', 'replace')}?{urlencode(asked)}")
