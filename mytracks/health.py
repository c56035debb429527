"""How the server fares, as whoever asks is told: over HTTP, or by the `mytracks` command."""

from typing import Literal

import msgspec

from mytracks.clock import iso

StateName = Literal["ok", "full", "down", "failed"]


class DatabaseCondition(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anything can be stored, and since when that is so (ISO 8601, UTC).

    `full`: no space, tried again; `down`: the server does not answer, tried again; `failed`: not
    before the process starts again. `reason`: one line that names no place, user or file; empty
    while all is well.
    """

    state: StateName
    reason: str
    since: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`status`: `ok`, or `degraded` when something does not work."""

    status: Literal["ok", "degraded"]
    version: str
    database: DatabaseCondition


def health(version: str, state: StateName, reason: str, since: float) -> Health:
    """The health of a server whose database is in `state` since `since` (UTC epoch seconds)."""
    database = DatabaseCondition(state=state, reason=reason, since=iso(since))
    return Health(status="ok" if state == "ok" else "degraded", version=version, database=database)
