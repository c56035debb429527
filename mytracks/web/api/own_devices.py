"""`/api/devices/{user}/{device}`: what its owner alone does with a device, and its password."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mytracks.clock import Clock, iso
from mytracks.errors import Forbidden, NotFound
from mytracks.people.build import People
from mytracks.people.names import canonical
from mytracks.people.ports import Account
from mytracks.phones.desk import LONGEST_KEY, LONGEST_LABEL, LONGEST_TID, Desk, Wishes
from mytracks.phones.ports import Message
from mytracks.tracks.history import History
from mytracks.tracks.ports import DeviceState
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.devices import ONE, Device, Devices
from mytracks.web.api.naming import named
from mytracks.web.api.paging import Page, PageQuery, place
from mytracks.web.api.slices import encoded
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit


class DeviceChange(json_body.Body, frozen=True, kw_only=True):
    """What is to change; what is not named stays, null or empty is as the device has it itself.
    `encryption_key` is never told again; null or empty removes it."""

    name: Annotated[str, Meta(max_length=LONGEST_LABEL)] | UnsetType | None = UNSET
    tid: Annotated[str, Meta(max_length=LONGEST_TID)] | UnsetType | None = UNSET
    color: (
        Annotated[str, Meta(pattern="^(#[0-9A-Fa-f]{6})?$", description="`#rrggbb`.")]
        | UnsetType
        | None
    ) = UNSET
    encryption_key: Annotated[str, Meta(max_length=LONGEST_KEY)] | UnsetType | None = UNSET


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What is typed into the phone. `password`: told this once."""

    username: str
    password: str


class DeviceMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a device said beside its places. `type`: its `_type`, `other` where we do not know it.
    `message`: what it said; null where that is no JSON."""

    id: int
    received_at: str
    received_at_unix: int
    type: str
    topic: str
    message: dict[str, Any] | None


class MessagePage(Page, frozen=True, kw_only=True):
    """One page of messages, the newest first."""

    results: list[DeviceMessage]


class OwnDevices:
    """Changes devices for their owner."""

    def __init__(
        self,
        history: History,
        desk: Desk,
        people: People,
        devices: Devices,
        clock: Clock,
    ) -> None:
        self._history = history
        self._desk = desk
        self._people = people
        self._devices = devices
        self._clock = clock

    async def change(self, visit: Visit, user: str, device: str) -> Answer:
        """PATCH /api/devices/{user}/{device}"""
        state = self._own(visit, user, device)
        sent = json_body.read(visit.request, DeviceChange)
        wishes = Wishes(
            label=_wish(sent.name),
            tid=_wish(sent.tid),
            color=_wish(sent.color),
            key=_wish(sent.encryption_key),
        )
        with named({"label": "name", "key": "encryption_key"}):
            changed = await self._desk.change(state.device, wishes, by=visit.actor)
        return as_json(self._devices.shown(changed))

    async def remove(self, visit: Visit, user: str, device: str) -> Answer:
        """DELETE /api/devices/{user}/{device}"""
        await self._desk.remove(self._own(visit, user, device).device, by=visit.actor)
        return Answer(204)

    async def messages(self, visit: Visit, user: str, device: str) -> Answer:
        """GET /api/devices/{user}/{device}/messages"""
        query = read(visit.request, PageQuery)
        owned = self._own(visit, user, device).device
        found = await self._desk.messages(owned, query.limit, query.offset)
        page = MessagePage(
            **place(visit, query, found.count),
            results=cast(Any, await encoded(found.messages, _said, self._clock)),
        )
        return as_json(page)

    async def make_credential(self, visit: Visit, user: str, device: str) -> Answer:
        """POST /api/devices/{user}/{device}/credential"""
        account = self._self(visit, user)
        issued = await self._desk.give_password(account, device, by=visit.actor)
        return as_json(Credential(username=issued.username, password=issued.password), 201)

    async def revoke_credential(self, visit: Visit, user: str, device: str) -> Answer:
        """DELETE /api/devices/{user}/{device}/credential"""
        account = self._self(visit, user)
        await self._people.device_passwords.revoke(account, device, by=visit.actor)
        return Answer(204)

    def operations(self) -> Sequence[Operation]:
        """What the owner does with one device."""
        change = Operation(
            method="PATCH",
            handler=self.change,
            summary="Changes how a device of the caller's is seen.",
            body=DeviceChange,
            result=Device,
            refusals=(404,),
        )
        remove = Operation(
            method="DELETE",
            handler=self.remove,
            summary="Removes a device of the caller's for good, with its locations and password.",
            status=204,
            refusals=(404,),
        )
        return [change, remove]

    def routes(self) -> Sequence[Route]:
        """The other paths of this noun."""
        make = Operation(
            method="POST",
            handler=self.make_credential,
            summary="Makes the password of a device, and the device if need be; its earlier one "
            "opens nothing any more.",
            result=Credential,
            status=201,
            refusals=(400, 404, 409),
        )
        revoke = Operation(
            method="DELETE",
            handler=self.revoke_credential,
            summary="Revokes the password of a device, at once.",
            status=204,
            refusals=(404,),
        )
        messages = Operation(
            handler=self.messages,
            summary="What a device of the caller's said beside its places.",
            query=PageQuery,
            result=MessagePage,
            refusals=(400, 404),
        )
        return [Route(f"{ONE}/credential", [make, revoke]), Route(f"{ONE}/messages", [messages])]

    def _own(self, visit: Visit, user: str, device: str) -> DeviceState:
        """The device, if it is the caller's. Raises NotFound, Forbidden where they may see it."""
        (state,) = self._history.devices(visit.who, [f"{user}/{device}"])
        if state.device.owner != visit.who.user:
            raise Forbidden("This is not your device.")
        return state

    def _self(self, visit: Visit, user: str) -> Account:
        """The caller, whose name has to be `user`. Raises NotFound."""
        account = self._people.accounts.numbered(visit.who.user)
        if account is None or account.name != canonical(user):
            raise NotFound("There is no such device.")
        return account


def _wish(value: str | UnsetType | None) -> str | None:
    return None if value is UNSET else value or ""


def _said(message: Message) -> DeviceMessage:
    try:
        body = msgspec.json.decode(message.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # It came as text, or as what some other JSON writer takes for JSON.
        body = None
    return DeviceMessage(
        id=message.number,
        received_at=iso(message.received),
        received_at_unix=message.received,
        type=message.kind,
        topic=message.topic,
        message=body,
    )
