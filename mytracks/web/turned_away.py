"""Who was not let in lately, by MQTT and by HTTP, as administrators read it: one list."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from mytracks.mqtt.routing.attendance import Attendance
from mytracks.mqtt.routing.entries import Refusal
from mytracks.mqtt.routing.ports import Peer
from mytracks.people import refusals
from mytracks.people.signin import SignIn

TurnedAway: TypeAlias = Callable[[], Sequence[Refusal]]

NO_PORT = 0
"""Of what came by HTTP: its requests come by several connections."""


def turned_away(attendance: Attendance, signin: SignIn) -> TurnedAway:
    """Tells of them, the latest first."""

    def latest() -> Sequence[Refusal]:
        found = [*attendance.refusals(), *map(_by_http, signin.refused_by_http)]
        return sorted(found, key=lambda one: one.at, reverse=True)

    return latest


def _by_http(one: refusals.Refusal) -> Refusal:
    """In MQTT's words for the same."""
    return Refusal(
        at=one.at,
        peer=Peer(one.address, NO_PORT, "http"),
        username=one.user,
        client_id=None,
        code="bad_credentials" if one.wrong else "server_unavailable",
        reason=one.reason,
    )
