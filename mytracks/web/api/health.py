"""`/api/health` and `/health/`: whether all is well, for whoever watches the server."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from mytracks.health import Health
from mytracks.web.answers import Answer, as_json
from mytracks.web.problems import RETRY_AFTER, retry_after
from mytracks.web.routes import Entry, Handler, Operation, Route, Visit


class HealthReport(Health, frozen=True, kw_only=True):
    """`down`: what does not work, in words; there when something does not."""

    down: list[str] | UnsetType = UNSET


class Status(msgspec.Struct, frozen=True):
    """`ok` or `degraded`."""

    status: Literal["ok", "degraded"]


class HealthPaths:
    """Tells what `health` is, to anybody."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    async def show(self, visit: Visit) -> Answer:
        """GET /api/health"""
        now = self._health()
        database = now.database
        return _told(
            HealthReport(
                status=now.status,
                version=now.version,
                database=database,
                down=UNSET if database.state == "ok" else [f"storage: {database.reason}"],
            )
        )

    async def show_plainly(self, visit: Visit) -> Answer:
        """GET /health/: what monitors of older installs expect, and nothing beside it."""
        return _told(Status(self._health().status))

    def routes(self) -> Sequence[Route]:
        """Both paths; the shorter one is what existing monitors ask."""
        return [
            Route("/api/health", [_asked(self.show, HealthReport)]),
            Route("/health", [_asked(self.show_plainly, Status)]),
        ]


def _asked(handler: Handler, result: type[msgspec.Struct]) -> Operation:
    return Operation(
        handler=handler,
        entry=Entry.NOBODY,
        summary="Whether the server is well; 503 with what is down when it is not.",
        result=result,
    )


def _told(report: HealthReport | Status) -> Answer:
    if report.status == "ok":
        return as_json(report)
    return as_json(report, HTTPStatus.SERVICE_UNAVAILABLE, [retry_after(RETRY_AFTER)])
