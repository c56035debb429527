"""From a request to its answer: find the operation, let its visitor in, tell what came of it.

Klein matches the paths; the few that phones post to are looked up before it, for they are nearly
all of the traffic and have no variable parts.
"""

from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request as TwistedRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from mytracks.errors import Refused, Unauthenticated, Unavailable
from mytracks.web.answers import Answer, HandOver
from mytracks.web.identity import Identity, session_token
from mytracks.web.pages.errors import ErrorPages
from mytracks.web.problems import WrongMedia, problem, refusal
from mytracks.web.redirects import ToHTTPS, sign_in_first
from mytracks.web.request import PUBLISHING_PATHS, Request
from mytracks.web.routes import Audience, Operation, Route


class Router:
    """All routes of the site, joined with who may use them."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        routes: Sequence[Route],
        identity: Identity,
        pages: ErrorPages,
        to_https: ToHTTPS | None = None,
    ) -> None:
        self.routes = routes
        self._identity = identity
        self._pages = pages
        self._to_https = to_https
        self._publishing: dict[bytes, tuple[Route, Operation]] = {}
        app = Klein()
        app.url_map.merge_slashes = False
        for route in routes:
            self._add(app, route)
        app.handle_errors(HTTPException)(self._unmatched)
        self._klein = app.resource()

    def dispatch(self, request: Request) -> None:
        """Answer `request`, now or later."""
        try:
            self._identity.check_intent(request)
        except Refused as refused:
            request.send(self._pages.refusal(request, refused))
            return
        quick = self._publishing.get(request.path) if request.method == b"POST" else None
        if quick is None:
            if _is_text(request.path):
                TwistedRequest.render(request, self._klein)
            else:
                request.send(self._pages.nothing_here(request))
            return
        route, operation = quick
        request.route = route.path
        answering = self._answering(request, operation, {})
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        answering.addCallback(self._send, request)
        answering.addErrback(self._broke, request)

    def _send(self, answer: Answer | HandOver, request: Request) -> None:
        assert isinstance(answer, Answer), "phones are answered, not handed over"
        request.send(answer)

    def _broke(self, failure: Failure, request: Request) -> None:
        if failure.check(CancelledError) is None:
            request.processingFailed(failure)

    def _add(self, app: Klein, route: Route) -> None:
        def answer(request: IRequest, **parts: str) -> Coroutine[Any, Any, bytes | IResource]:
            return self._by_klein(request, route, parts)

        for number, spelling in enumerate(route.spellings):
            app.route(
                spelling,
                methods=list(route.methods),
                endpoint=f"{route.path} {number}",
                strict_slashes=True,
                merge_slashes=False,
            )(answer)
            publish = route.operation("POST")
            raw = spelling.encode("ascii")
            if publish is not None and raw in PUBLISHING_PATHS:
                self._publishing[raw] = route, publish

    async def _by_klein(
        self, request: IRequest, route: Route, parts: dict[str, str]
    ) -> bytes | IResource:
        assert isinstance(request, Request)
        request.route = route.path
        operation = route.operation(request.method.decode("ascii"))
        if operation is None:
            # Klein takes `get` for GET; methods are told apart by case [RFC 9110 9.1].
            raise MethodNotAllowed(route.methods)
        answer = await self._answering(request, operation, parts)
        if isinstance(answer, HandOver):
            request.hand_over()
            return answer.resource
        return request.prepare(answer)

    def _answering(
        self, request: Request, operation: Operation, parts: dict[str, str]
    ) -> Deferred[Answer | HandOver]:
        work = Deferred.fromCoroutine(self._answer(request, operation, parts))
        request.patience.watch(work)
        return work

    async def _answer(
        self, request: Request, operation: Operation, parts: dict[str, str]
    ) -> Answer | HandOver:
        if self._to_https is not None and operation.audience is Audience.BROWSER:
            elsewhere = self._to_https.answer(request)
            if elsewhere is not None:
                return elsewhere
        try:
            visit = await self._identity.enter(request, operation)
            return await operation.handler(visit, **parts)
        except Refused as refused:
            return self._refusal(request, operation, refused)
        except WrongMedia as wrong:
            return problem(415, str(wrong))
        except CancelledError:
            if not request.patience.over:
                raise
            late = Unavailable("There was no answer in time. Try again later.")
            return self._refusal(request, operation, late)

    def _refusal(self, request: Request, operation: Operation, refused: Refused) -> Answer:
        if operation.audience is Audience.BROWSER:
            if isinstance(refused, Unauthenticated):
                return sign_in_first(request)
            return self._pages.refusal(request, refused)
        phone = operation.audience is Audience.PHONE
        challenge = phone or self._expects_challenge(request)
        return refusal(refused, challenge=challenge, phone=phone)

    def _expects_challenge(self, request: Request) -> bool:
        """Whether to offer Basic: not to our own pages' scripts, for a browser would then ask its
        user for a password in a window that is not ours."""
        if request.text_header("Authorization") is not None:
            return True
        browser = request.text_header("Sec-Fetch-Mode") or request.text_header("X-Requested-With")
        return browser is None and session_token(request) is None

    def _unmatched(self, request: IRequest, failure: Failure) -> bytes:
        """Klein found no route (404), not this method of it (405), or could not read the path."""
        assert isinstance(request, Request)
        error = failure.value
        if isinstance(error, MethodNotAllowed):
            allowed = ", ".join(sorted(error.valid_methods or ()))
            answer = problem(
                405,
                f"This path answers {allowed} only.",
                headers=[(b"Allow", allowed.encode("ascii"))],
            )
        elif isinstance(error, NotFound):
            answer = self._pages.nothing_here(request)
        else:
            answer = problem(400, "The path cannot be read.")
        return request.prepare(answer)


def _is_text(path: bytes) -> bool:
    """Whether the path is UTF-8: Klein takes anything else for a mistake of its own."""
    try:
        unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
