"""`/api/devices`: the phones that the caller may see."""

from collections.abc import Sequence
from typing import Final

import msgspec

from mytracks.clock import iso
from mytracks.phones.presence import Presence
from mytracks.sharing.identity import Principal
from mytracks.tracks.history import History
from mytracks.tracks.ports import DeviceState
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.paging import Page, PageQuery, part, place
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

ONE: Final = "/api/devices/<user>/<device>"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A phone. `name`: what its owner calls it, else that of its topic. `color`: null: whichever.
    `has_encryption_key`: whether we hold a key for what it encrypts. `is_online`: heard of and not
    lost since; null: nothing heard since the server started. `location_count`: repeated fixes are
    not counted."""

    id: str
    device_id: str
    device_name: str
    name: str
    owner_username: str
    tid: str | None
    color: str | None
    has_encryption_key: bool
    created_at: str
    last_seen: str
    last_seen_unix: int
    last_location_at: str | None
    is_online: bool | None
    mqtt_user: str
    mqtt_topic_id: str
    location_count: int


class DevicePage(Page, frozen=True, kw_only=True):
    """One page of devices, most recently seen first."""

    results: list[Device]


class Devices:
    """Reads the registry for whoever asks."""

    def __init__(self, history: History, presence: Presence) -> None:
        self._history = history
        self._presence = presence

    def visible(self, viewer: Principal) -> list[Device]:
        """All devices that `viewer` may see, most recently seen first."""
        states = self._history.devices(viewer)
        return [self.shown(s) for s in sorted(states, key=lambda state: -state.seen)]

    async def list(self, visit: Visit) -> Answer:
        """GET /api/devices"""
        query = read(visit.request, PageQuery)
        devices = self.visible(visit.who)
        page = DevicePage(
            **place(visit, query, len(devices)),
            results=list(part(devices, query)),
        )
        return as_json(page)

    async def one(self, visit: Visit, user: str, device: str) -> Answer:
        """GET /api/devices/{user}/{device}"""
        (state,) = self._history.devices(visit.who, [f"{user}/{device}"])
        return as_json(self.shown(state))

    def routes(self, on_one: Sequence[Operation]) -> Sequence[Route]:
        """The paths of this noun; `on_one`: what else can be done with one device."""
        several = Operation(
            handler=self.list,
            summary="The devices that the caller may see.",
            query=PageQuery,
            result=DevicePage,
            refusals=(400,),
        )
        one = Operation(handler=self.one, summary="One device.", result=Device, refusals=(404,))
        return [Route("/api/devices", [several]), Route(ONE, [one, *on_one])]

    def shown(self, state: DeviceState) -> Device:
        """`state` as the world sees it."""
        device = state.device
        return Device(
            id=device.path,
            device_id=device.path,
            device_name=device.path,
            name=state.look.label or device.name,
            owner_username=device.owner_name,
            tid=state.tid,
            color=state.look.color,
            has_encryption_key=state.look.sealed,
            created_at=iso(state.created),
            last_seen=iso(state.seen),
            last_seen_unix=state.seen,
            last_location_at=None if state.last_at is None else iso(state.last_at),
            is_online=self._presence.online(device.number),
            mqtt_user=device.owner_name,
            mqtt_topic_id=device.path,
            location_count=state.locations,
        )
