"""`/api/locations`: where people were, as JSON; and that JSON, which the socket sends as well."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mytracks.clock import Clock, iso
from mytracks.tracks import identifiers
from mytracks.tracks.history import Answer as Found
from mytracks.tracks.history import History, Question
from mytracks.tracks.locations import Flags, Recorded
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.paging import Page
from mytracks.web.api.slices import encoded
from mytracks.web.api.times import seconds
from mytracks.web.query import Query, read, wrong
from mytracks.web.routes import Operation, Route, Visit

_UnixSeconds = Annotated[
    float, Meta(ge=-(2**39), lt=2**39, description="Unix seconds, inclusive; fractions may be.")
]
_ISODate = Annotated[
    str, Meta(max_length=40, description="ISO 8601, inclusive; the Unix form wins over it.")
]


class LocationsQuery(Query, frozen=True, kw_only=True):
    """Which locations; all that the caller may see if nothing narrows it."""

    device: Annotated[list[str], Meta(description="`user/device`; repeatable.")] = msgspec.field(
        default_factory=list
    )
    start_time: _UnixSeconds | None = None
    end_time: _UnixSeconds | None = None
    start_date: _ISODate | None = None
    end_date: _ISODate | None = None
    resolution: (
        Annotated[int, Meta(ge=0, lt=2**31, description="Seconds between two of a device.")] | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=10_000, description="100 if not given.")] | None = None
    offset: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    ordering: Literal["timestamp", "-timestamp"] = "-timestamp"
    since_id: (
        Annotated[
            str,
            Meta(
                max_length=64,
                description="What follows it in time, oldest first; empty: from the start.",
            ),
        ]
        | None
    ) = None
    repeats: Annotated[bool, Meta(description="Also fixes that a phone sent again.")] = False

    @classmethod
    def means_something_empty(cls) -> frozenset[str]:
        return frozenset({"since_id"})


class LastKnownQuery(Query, frozen=True, kw_only=True):
    """Whose last place; of every visible device if none is named."""

    device: Annotated[list[str], Meta(description="`user/device`; repeatable.")] = msgspec.field(
        default_factory=list
    )


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a device was. Degrees WGS 84, metres, km/h, percent; null: the phone did not say."""

    id: str
    device: str
    device_name: str
    device_id_display: str
    tid_display: str
    timestamp: str
    timestamp_unix: int
    latitude: float
    longitude: float
    accuracy: int | float | None
    altitude: int | float | None
    vertical_accuracy: int | float | None
    velocity: int | float | None
    course: int | float | None
    battery_level: int | None
    battery_status: int | None
    connection_type: str | None
    monitoring_mode: int | None
    trigger: str | None
    fix_source: str | None
    in_regions: tuple[str, ...]
    wifi_ssid: str | None
    wifi_bssid: str | None
    owntracks_message_id: str | None
    owntracks_created_at: int | None
    received_at: str
    received_via: Literal["mqtt", "http"]
    reported_at: str
    reported_at_unix: int
    fix_age_seconds: int
    repeat: bool
    ip_address: str | None


class LocationPage(Page, frozen=True, kw_only=True):
    """One page of locations; `resolution_applied` where one was asked for."""

    results: list[Location]
    resolution_applied: int | UnsetType = UNSET


class LastKnown(msgspec.Struct, frozen=True, kw_only=True):
    """The newest location of each device."""

    count: int
    next: None
    previous: None
    results: list[Location]


def shown(recorded: Recorded) -> Location:
    """`recorded` as the world sees it, over REST and over the socket."""
    one, device = recorded.location, recorded.device
    reported = one.created_at if one.created_at is not None else one.received
    return Location(
        id=identifiers.encode(identifiers.position_of(recorded)),
        device=device.path,
        device_name=device.path,
        device_id_display=device.name,
        tid_display=one.tid or device.name[-2:],
        timestamp=iso(one.at),
        timestamp_unix=one.at,
        latitude=one.latitude,
        longitude=one.longitude,
        accuracy=_plain(one.accuracy),
        altitude=_plain(one.altitude),
        vertical_accuracy=_plain(one.vertical_accuracy),
        velocity=_plain(one.velocity),
        course=_plain(one.course),
        battery_level=one.battery,
        battery_status=one.battery_status,
        connection_type=one.connection,
        monitoring_mode=one.mode,
        trigger=one.trigger,
        fix_source=one.source,
        in_regions=one.in_regions,
        wifi_ssid=one.ssid,
        wifi_bssid=one.bssid,
        owntracks_message_id=one.message_id,
        owntracks_created_at=one.created_at,
        received_at=iso(one.received),
        received_via="mqtt" if one.via.name == "MQTT" else "http",
        reported_at=iso(reported),
        reported_at_unix=reported,
        fix_age_seconds=max(0, reported - one.at),
        repeat=Flags.REPEAT in one.flags,
        ip_address=one.address,
    )


class Locations:
    """Reads the history for whoever asks."""

    def __init__(self, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock

    async def list(self, visit: Visit) -> Answer:
        """GET /api/locations"""
        return await self._page(visit, read(visit.request, LocationsQuery))

    async def _page(self, visit: Visit, query: LocationsQuery) -> Answer:
        found = await self._history.find(visit.who, _question(query), visit.request.patience.renew)
        following, previous = _links(visit, query, found)
        page = LocationPage(
            count=found.count,
            next=following,
            previous=previous,
            results=cast(Any, await encoded(found.results, shown, self._clock)),
            resolution_applied=UNSET if found.resolution is None else found.resolution,
        )
        return as_json(page)

    async def of_device(self, visit: Visit, user: str, device: str) -> Answer:
        """GET /api/devices/{user}/{device}/locations"""
        query = read(visit.request, LocationsQuery)
        return await self._page(visit, msgspec.structs.replace(query, device=[f"{user}/{device}"]))

    async def last_known(self, visit: Visit) -> Answer:
        """GET /api/locations/last-known"""
        query = read(visit.request, LastKnownQuery)
        found = await self._history.last_known(visit.who, query.device)
        results = cast(Any, await encoded(found, shown, self._clock))
        return as_json(LastKnown(count=len(found), next=None, previous=None, results=results))

    async def one(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/locations/{id}"""
        return as_json(shown(await self._history.one(visit.who, identifier)))

    def operations(self) -> Sequence[Operation]:
        """Of the path that phones post to as well."""
        return [
            Operation(
                handler=self.list,
                summary="Where devices were: a page of locations.",
                query=LocationsQuery,
                result=LocationPage,
                refusals=(400, 404),
            )
        ]

    def routes(self) -> Sequence[Route]:
        """The other paths of this noun."""
        last = Operation(
            handler=self.last_known,
            summary="The newest location of each device.",
            query=LastKnownQuery,
            result=LastKnown,
            refusals=(400, 404),
        )
        one = Operation(handler=self.one, summary="One location.", result=Location, refusals=(404,))
        of_device = Operation(
            handler=self.of_device,
            summary="Where one device was: a page of locations.",
            query=LocationsQuery,
            result=LocationPage,
            refusals=(400, 404),
        )
        return [
            Route("/api/devices/<user>/<device>/locations", [of_device]),
            Route("/api/locations/last-known", [last]),
            Route("/api/locations/<identifier>", [one]),
        ]


def _question(query: LocationsQuery) -> Question:
    since = _whole("start_time", query.start_time, math.ceil)
    until = _whole("end_time", query.end_time, math.floor)
    if since is None and query.start_date is not None:
        since = _date("start_date", query.start_date, end_of_day=False)
    if until is None and query.end_date is not None:
        until = _date("end_date", query.end_date, end_of_day=True)
    return Question(
        devices=query.device,
        since=since,
        until=until,
        repeats=query.repeats,
        newest_first=query.ordering == "-timestamp",
        after=query.since_id,
        resolution=query.resolution,
        limit=query.limit,
        offset=query.offset,
    )


def _whole(field: str, time: float | None, toward: Callable[[float], int]) -> int | None:
    """The whole seconds that a range with this end takes in."""
    if time is None:
        return None
    if not math.isfinite(time):
        raise wrong(field, "Expected a number.")
    return toward(time)


def _date(field: str, text: str, *, end_of_day: bool) -> int:
    try:
        return seconds(text, end_of_day=end_of_day)
    except (ValueError, OverflowError):
        raise wrong(field, "Not an ISO 8601 date or time.") from None


def _links(visit: Visit, query: LocationsQuery, found: Found) -> tuple[str | None, str | None]:
    """Where the next and the previous page are. With a cursor there is only a next one."""
    if query.since_id is not None:
        more = len(found.results) >= found.limit
        if not more or not found.results:
            return None, None
        last = identifiers.encode(identifiers.position_of(found.results[-1]))
        return _link(visit, {"since_id": last, "offset": None}), None
    following = previous = None
    if found.offset + len(found.results) < found.count and found.results:
        following = _link(visit, {"offset": str(found.offset + found.limit)})
    if found.offset > 0:
        earlier = max(0, found.offset - found.limit)
        previous = _link(visit, {"offset": str(earlier) if earlier else None})
    return following, previous


def _link(visit: Visit, changes: dict[str, str | None]) -> str:
    """This very request with some parameters changed."""
    request = visit.request
    pairs = [
        (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for name, values in (request.args or {}).items()
        for value in values
    ]
    kept = [(name, value) for name, value in pairs if name not in changes]
    kept += [(name, value) for name, value in changes.items() if value is not None]
    path = request.path.decode("ascii", "replace")
    return request.absolute(path + ("?" + urlencode(kept) if kept else ""))


def _plain(value: float | None) -> int | float | None:
    """Whole numbers without a fraction, as phones send them."""
    return int(value) if value is not None and value == int(value) else value
