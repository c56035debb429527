"""Lists in pages: which part of one is asked for, and where the next and the previous part are."""

from collections.abc import Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from attrs import frozen
from msgspec import Meta

from mytracks.web.query import Query
from mytracks.web.routes import Visit

T = TypeVar("T")


class PageQuery(Query, frozen=True, kw_only=True):
    """Which part of the list."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, Meta(ge=0, lt=2**31)] = 0


@frozen
class Links:
    """Where the pages beside this one are; None: there is none."""

    next: str | None
    previous: str | None


def part(found: Sequence[T], query: PageQuery) -> Sequence[T]:
    """What of all that was found is on the page."""
    return found[query.offset : query.offset + query.limit]


def links(visit: Visit, query: PageQuery, count: int) -> Links:
    """This very request with other offsets; `count`: how many there are in all."""
    end = query.offset + query.limit
    return Links(
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
