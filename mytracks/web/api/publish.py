"""Where phones in HTTP mode post (contract 5). What a message means is for `phones.http_mode`."""

from collections.abc import Sequence
from typing import Any

from mytracks.phones.http_mode import HTTPMode, Post
from mytracks.sharing.identity import Scope
from mytracks.web.answers import JSON, NO_STORE, Answer
from mytracks.web.routes import Audience, Operation, Route, Visit


class Publish:
    """Hands what was posted on, and the array that answers it back."""

    def __init__(self, http_mode: HTTPMode) -> None:
        self._http_mode = http_mode

    async def post(self, visit: Visit) -> Answer:
        """POST of one message; whatever it holds, the answer is 200 and an array."""
        request = visit.request
        named = (request.args or {}).get(b"d", [])
        post = Post(
            body=request.body.content.getvalue(),
            limit_user=request.text_header("X-Limit-U"),
            limit_device=request.text_header("X-Limit-D"),
            query_device=named[-1].decode("utf-8", "replace") if named else None,
        )
        if request.body.oversized:
            array = await self._http_mode.too_large(visit.who, post, request.body.size)
        else:
            array = await self._http_mode.post(visit.who, post)
        return Answer(200, array, JSON, (NO_STORE,))

    def routes(self, on_locations: Sequence[Operation]) -> Sequence[Route]:
        """All paths; `on_locations` is what else can be done at `/api/locations`."""
        post = Operation(
            method="POST",
            handler=self.post,
            audience=Audience.PHONE,
            summary="A message of a phone in OwnTracks HTTP mode.",
            body=dict[str, Any],
            result=list[dict[str, Any]],
            refusals=(403, 503),
            scope=Scope.INGEST,
        )
        return [
            Route("/pub", [post]),
            Route("/owntracks", [post]),
            Route("/api/locations", [*on_locations, post]),
        ]
