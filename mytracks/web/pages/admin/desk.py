"""What the pages of the admin panel have in common: who may see them, tabs, filters and pages."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from attrs import frozen

from mytracks.errors import Forbidden
from mytracks.web.answers import Answer, see_other
from mytracks.web.pages import notices
from mytracks.web.pages.frame import Frame
from mytracks.web.pages.times import Times
from mytracks.web.request import Request
from mytracks.web.routes import Audience, Operation, Route, Visit

HOME: Final = "/admin-panel/"
A_PAGE: Final = 50
"""Rows of a table on one page (web-ui.md 9)."""

_MOST_SKIPPED: Final = 2**31 - 1

Show = Callable[..., Coroutine[Any, Any, Answer]]


@frozen
class Part:
    """Which part of a list is shown: the rows from `first` to `last` (counted from 1) of `count`.
    `before`, `after`: addresses of the parts beside it; None: there is none."""

    first: int
    last: int
    count: int
    before: str | None
    after: str | None


class Desk:
    """Renders pages of the panel, for administrators alone."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def page(
        self, visit: Visit, template: str, tab: str, *, status: int = 200, **context: Any
    ) -> Answer:
        """A page of the panel. `template`: below `admin/`; `tab`: which one it belongs to."""
        notice, headers = notices.take(visit)
        context |= {"tab": tab, "notice": notice}
        return self._frame.page(
            visit, f"admin/{template}", status=status, headers=headers, **context
        )

    def listed(
        self,
        visit: Visit,
        tab: str,
        filters: Mapping[str, str],
        rows: Sequence[Any] = (),
        count: int = 0,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        **context: Any,
    ) -> Answer:
        """A tab with a list that `filters` narrow: the part that is asked for, `rows`, of `count`
        in all. `errors`: which filter makes no sense, and why. Path and template are called like
        the tab."""
        path, offset = f"{HOME}{tab}/", offset_of(visit.request)
        return self.page(
            visit,
            f"{tab}.html",
            tab,
            status=422 if errors else 200,
            filters=filters,
            filtered=any(filters.values()),
            rows=rows,
            part=part_of(path, filters, offset, len(rows), count),
            all=path,
            errors=errors or {},
            **context,
        )

    def times(self, visit: Visit) -> Times:
        """In which zone the visit's pages tell times, and forms on them are meant."""
        return self._frame.times(visit)

    def done(self, visit: Visit, where: str, notice: str) -> Answer:
        """Something was done: go to `where`, which tells so once."""
        return notices.done(visit, where, notice)

    def route(self, path: str, show: Show | None = None, do: Show | None = None) -> Route:
        """A path below the panel's. `show`: answers GET, `do`: a posted form."""
        operations = []
        if show is not None:
            operations.append(Operation(handler=_shown_to_admins(show), audience=Audience.BROWSER))
        if do is not None:
            operations.append(
                Operation(method="POST", handler=_done_by_admins(do), audience=Audience.BROWSER)
            )
        return Route(HOME + path, operations)


def asked(request: Request, name: str) -> str:
    """The last value of a parameter of the query string; empty: it is not given."""
    values: list[bytes] = (request.args or {}).get(name.encode("ascii"), [b""])
    return values[-1].decode("utf-8", "replace").replace("\0", "").strip()


def offset_of(request: Request) -> int:
    """Where the part that is asked for begins; whatever is no number means the beginning."""
    text = asked(request, "offset")
    known = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_SKIPPED))
    return min(int(text), _MOST_SKIPPED) if known else 0


def part_of(path: str, filters: Mapping[str, str], offset: int, shown: int, count: int) -> Part:
    """The part with `shown` rows from `offset` of a list that `filters` narrow."""
    before = max(0, offset - A_PAGE)
    return Part(
        first=min(offset + 1, count),
        last=min(offset + shown, count),
        count=count,
        before=address(path, filters, before) if offset else None,
        after=address(path, filters, offset + A_PAGE) if offset + shown < count else None,
    )


def address(path: str, filters: Mapping[str, str], offset: int = 0) -> str:
    """The list at `path` with these filters; empty ones are left away."""
    parameters: dict[str, object] = {name: text for name, text in filters.items() if text}
    if offset:
        parameters["offset"] = offset
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _shown_to_admins(show: Show) -> Show:
    async def shown(visit: Visit, **parts: str) -> Answer:
        return await show(visit, **parts) if visit.who.admin else see_other("/")

    return shown


def _done_by_admins(do: Show) -> Show:
    async def done(visit: Visit, **parts: str) -> Answer:
        if not visit.who.admin:
            raise Forbidden("This is for administrators.")
        return await do(visit, **parts)

    return done
