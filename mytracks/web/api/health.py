"""`/api/health` and `/health/`: whether all is well, for whoever watches the server."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

import msgspec
from msgspec import UNSET, UnsetType

from mytracks.web.answers import Answer, as_json
from mytracks.web.problems import RETRY_AFTER
from mytracks.web.routes import Entry, Operation, Route, Visit


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """`status`: `ok` or `degraded`; `down`: what does not work, where something does not."""

    status: str
    version: str | UnsetType = UNSET
    down: list[str] | UnsetType = UNSET


class Health:
    """Tells what `health` names as down."""

    def __init__(self, health: Callable[[], Sequence[str]], version: str) -> None:
        self._health = health
        self._version = version

    async def show(self, visit: Visit) -> Answer:
        """GET /api/health"""
        down = list(self._health())
        if not down:
            return as_json(HealthReport(status="ok", version=self._version))
        report = HealthReport(status="degraded", version=self._version, down=down)
        return as_json(report, 503, [(b"Retry-After", b"%d" % RETRY_AFTER)])

    async def show_plainly(self, visit: Visit) -> Answer:
        """GET /health/: what monitors of older installs expect, and nothing beside it."""
        answer = await self.show(visit)
        if answer.status != HTTPStatus.OK:
            return answer
        return as_json(HealthReport(status="ok"))

    def routes(self) -> Sequence[Route]:
        """Both paths; the shorter one is what existing monitors ask."""
        summary = "Whether the server is well; 503 with what is down when it is not."
        show, plainly = (
            Operation(handler=handler, entry=Entry.NOBODY, summary=summary, result=HealthReport)
            for handler in (self.show, self.show_plainly)
        )
        return [Route("/api/health", [show]), Route("/health", [plainly])]
