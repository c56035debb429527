"""`/static/…` and `/favicon.ico`: the built front end, to everybody."""

from collections.abc import Sequence

from mytracks.errors import NotFound
from mytracks.web.answers import Answer
from mytracks.web.assets import Assets
from mytracks.web.request import Request
from mytracks.web.routes import Entry, Operation, Route, Visit

_FOREVER = (b"Cache-Control", b"public, max-age=31536000, immutable")
_FOR_AN_HOUR = (b"Cache-Control", b"public, max-age=3600")


class Static:
    """Sends files as they were built, compressed where that was done."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    async def file(self, visit: Visit, name: str) -> Answer:
        """GET /static/{name}"""
        return self._send(visit.request, name)

    async def favicon(self, visit: Visit) -> Answer:
        """GET /favicon.ico; browsers ask for it whatever the page says."""
        name = self._assets.named("favicon.ico", "mark.svg")
        if name is None:
            raise NotFound("There is no icon.")
        answer = self._send(visit.request, name)
        kept = [h for h in answer.headers if h[0] != b"Cache-Control"]
        return Answer(answer.status, answer.body, answer.content_type, (_FOR_AN_HOUR, *kept))

    def routes(self) -> Sequence[Route]:
        """Both paths."""
        file = Operation(handler=self.file, entry=Entry.NOBODY)
        favicon = Operation(handler=self.favicon, entry=Entry.NOBODY)
        return [Route("/static/<path:name>", [file]), Route("/favicon.ico", [favicon])]

    def _send(self, request: Request, name: str) -> Answer:
        file = self._assets.find(name, request.text_header("Accept-Encoding") or "")
        if file is None:
            raise NotFound("There is no such file.")
        headers = [_FOREVER if file.immutable else _FOR_AN_HOUR]
        if file.varies:
            headers.append((b"Vary", b"Accept-Encoding"))
        if file.encoding is not None:
            headers.append((b"Content-Encoding", file.encoding))
        return Answer(200, file.content, file.content_type, headers)
