"""What a browser is shown instead of a page: refused, not found, our own mistake."""

from http import HTTPStatus
from typing import ClassVar, Final

from jinja2 import TemplateError
from twisted.logger import Logger

from mytracks.errors import Busy, Refused, kind
from mytracks.web.answers import Answer
from mytracks.web.identity import Identity
from mytracks.web.pages.frame import Frame
from mytracks.web.problems import HTTP_STATUS, problem, refusal
from mytracks.web.request import Request
from mytracks.web.routes import Visit

_FOR_SCRIPTS: Final = (b"/api/", b"/ws/", b"/static/", b"/pub", b"/owntracks")


class ErrorPages:
    """Tells refusals as pages to browsers, as problem documents to everybody else."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, frame: Frame, identity: Identity) -> None:
        self._frame = frame
        self._identity = identity

    def refusal(self, request: Request, refused: Refused) -> Answer:
        """`refused`, told to a browser."""
        plain = refusal(refused, challenge=False, phone=False)
        headers = [h for h in plain.headers if h[0] == b"Retry-After"]
        title = "Too many attempts" if isinstance(refused, Busy) else None
        page = self._page(request, HTTP_STATUS[kind(refused)], str(refused), title)
        return page.with_headers(headers)

    def nothing_here(self, request: Request) -> Answer:
        """404 of a path that is no route of ours."""
        return self._page(request, 404, "There is nothing at this address.")

    def _page(self, request: Request, status: int, detail: str, title: str | None = None) -> Answer:
        wants_page = "text/html" in (request.text_header("Accept") or "")
        if not wants_page or request.path.startswith(_FOR_SCRIPTS):
            return problem(status, detail)
        found = self._identity.by_cookie(request)
        visit = Visit(request, *found) if found is not None else Visit(request, None)
        title = title or HTTPStatus(status).phrase
        try:
            return self._frame.page(visit, "error.html", status=status, title=title, detail=detail)
        except TemplateError:
            self.log.failure("the error page cannot be rendered")
            return problem(status, detail)
