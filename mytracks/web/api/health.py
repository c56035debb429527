"""`/api/health` and `/health/`: whether all is well, for whoever watches the server."""

from collections.abc import Callable, Sequence

import msgspec

from mytracks.web.answers import Answer, as_json
from mytracks.web.problems import RETRY_AFTER
from mytracks.web.routes import Entry, Operation, Route, Visit


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """`status`: `ok` or `degraded`; `down`: what does not work now."""

    status: str
    version: str
    down: list[str] = []


class Health:
    """Tells what `health` names as down."""

    def __init__(self, health: Callable[[], Sequence[str]], version: str) -> None:
        self._health = health
        self._version = version

    async def show(self, visit: Visit) -> Answer:  # noqa: ARG002 - every handler takes its visit
        """GET /api/health"""
        down = list(self._health())
        if not down:
            return as_json(HealthReport(status="ok", version=self._version))
        report = HealthReport(status="degraded", version=self._version, down=down)
        return as_json(report, 503, [(b"Retry-After", b"%d" % RETRY_AFTER)])

    def routes(self) -> Sequence[Route]:
        """Both paths; the older one is what existing monitors ask."""
        show = Operation(
            handler=self.show,
            entry=Entry.NOBODY,
            summary="Whether the server is well; 503 with what is down when it is not.",
            result=HealthReport,
        )
        return [Route("/api/health", [show]), Route("/health", [show])]
