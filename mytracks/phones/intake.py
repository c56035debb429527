"""What somebody publishes becomes facts to store, and is told once they are stored.

Decides what a message means: a location, something to note, something to set aside, or nothing of
ours. Whether it may be published at all was decided before; nothing here waits or raises.
"""

from typing import Final

from attrs import define, frozen

from mytracks.clock import Clock, believable
from mytracks.mqtt.routing.ports import Message, Standing
from mytracks.owntracks import topics
from mytracks.owntracks.location import LocationMessage
from mytracks.owntracks.messages import COMMAND, LAST_WILL, Other, Said, understand
from mytracks.owntracks.reading import Unreadable, members
from mytracks.owntracks.redaction import redacted, redacted_text
from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside, Source
from mytracks.phones.limits import Limits
from mytracks.phones.presence import Presence
from mytracks.sharing.identity import Device, Door, Principal
from mytracks.tracks.devices import Devices
from mytracks.tracks.live import DeviceStatus, Live
from mytracks.tracks.locations import Flags, Location, Recorded, Via

_CONFESSING: Final = frozenset({COMMAND, "configuration", "dump"})
"""Kinds of messages that hold secrets (OwnTracks 7.12)."""

_LASTING: Final = {topics.BELOW["transition"]: Standing.KEPT, topics.COMMAND: Standing.LAST}
"""Where messages are published that outlast locations in a queue: commands outlast all."""

ENCRYPTED: Final = "encrypted"
"""What only friends can read; a Will never is, and on a device's own topic it is a location."""

CARD: Final = "card"
"""A name and a face."""

TOO_MANY: Final = "the account has too many devices"

KEPT: Final = 64 * 1024
"""Bytes of what is set aside that are kept: its beginning (contract 4)."""


@define
class Counters:
    """What came in since the start, after its commit."""

    locations: int = 0
    repeats: int = 0
    duplicates: int = 0
    notes: int = 0
    set_aside: int = 0


@frozen
class Reading:
    """A body as it was read at `now` (UTC seconds): the topic it names, if it does, and what it
    says, or the problem why nothing can be made of it."""

    body: bytes
    now: int
    topic: object
    said: Said | None
    problem: str = ""


class Intake:
    """Implements mqtt's port for principals and facts; HTTP mode goes through it as well."""

    def __init__(
        self, devices: Devices, live: Live, presence: Presence, clock: Clock, limits: Limits
    ) -> None:
        self._devices = devices
        self._live = live
        self._presence = presence
        self._clock = clock
        self._limits = limits
        self._last = Reading(b"", 0, None, None)
        self.counters = Counters()

    def read(self, body: bytes, now: int) -> Reading:
        """What a phone says in `body`.

        HTTP mode asks before it publishes, and its publish asks again: it is read once.
        """
        if self._last.body is not body or self._last.now != now:
            self._last = self._read(body, now)
        return self._last

    def _read(self, body: bytes, now: int) -> Reading:
        topic: object = None
        try:
            found = members(body, self._limits.max_parsed)
            topic = found.get("topic")
            said = understand(found, now=now, dated=believable(now))
            return Reading(body, now, topic, said)
        except Unreadable as error:
            return Reading(body, now, topic, None, str(error))

    def facts(self, who: Principal, message: Message, received: int | None = None) -> Fact | None:
        """What `message` means. Commands are relayed, empty payloads clear: neither is stored.

        `received`: when it came (UTC seconds), for one that came before; None: now.
        """
        place = topics.place(message.topic)
        if place is None or place.user != who.name or place.commands or not message.payload:
            return None
        problem = topics.device_name_problem(place.device)
        if problem is not None:
            return self.set_aside(who, None, message.topic, problem, message.payload)
        now = int(self._clock.now()) if received is None else received
        reading = self.read(message.payload, now)
        problem = reading.problem
        if reading.said is not None:
            if self._devices.admit(who.user, place.device):
                return self._understood(who, place.device, message, reading.said, now)
            problem = TOO_MANY
        return self.set_aside(who, place.device, message.topic, problem, message.payload)

    def retains(self, message: Message, facts: Fact | None) -> bool:
        """Everything but a command, which would be carried out again at each sign-in (OwnTracks
        8.1), and a card on a device's own topic: that is to hold where the device is (1, rule 16).
        """
        place = topics.place(message.topic)
        if place is None:
            return True
        card = isinstance(facts, Noted) and facts.kind == CARD
        return not place.commands and (bool(place.below) or not card)

    def standing(self, message: Message) -> Standing:
        """Where somebody was is nothing once they are elsewhere. A command, or that somebody came
        or left, may be what a phone was woken up for (OwnTracks 3.4).
        """
        place = topics.place(message.topic)
        if place is None:
            return Standing.ORDINARY
        if place.below in _LASTING:
            return _LASTING[place.below]
        if place.below or not self._tells_where(message.payload):
            return Standing.ORDINARY
        return Standing.REPLACED

    def _tells_where(self, body: bytes) -> bool:
        """That a phone is lost, or what it is called, must not displace where it was."""
        said = self.read(body, int(self._clock.now())).said
        return isinstance(said, LocationMessage) or (said is not None and said.kind == ENCRYPTED)

    def oversize(self, who: Principal, topic: str, head: bytes, size: int) -> SetAside | None:
        """What is kept of a message of `size` bytes that is too large; `head`: how it begins.
        None: its topic is free, and nothing of ours.
        """
        place = topics.place(topic)
        if place is None:
            return None
        usable = topics.device_name_problem(place.device) is None
        name = place.device if usable else None
        return self.set_aside(who, name, topic, f"too large: {size} bytes", head)

    def set_aside(
        self, who: Principal, device_name: str | None, topic: str, reason: str, body: bytes
    ) -> SetAside:
        """The fact that nothing can be made of `body`; `reason` in words. Of a large one the
        beginning is kept.

        It counts for the device, or makes it, unless the account has too many.
        """
        admitted = device_name is not None and self._devices.admit(who.user, device_name)
        return SetAside(
            user=who.user,
            device_name=device_name if admitted else None,
            door=who.door,
            topic=topic,
            reason=reason if len(body) <= KEPT else f"{reason} (all of it: {len(body)} bytes)",
            body=redacted_text(body[:KEPT]),
            received=int(self._clock.now()),
        )

    def announce(self, kept: Kept, *, present: bool = True) -> None:
        """`kept` is durable: bring what is in memory up to date, then tell the viewers.

        `present`: it just came; one that came before does not tell whether its phone is there now.
        """
        fact, device = kept.fact, kept.device
        if isinstance(fact, SetAside):
            self.counters.set_aside += 1
        elif isinstance(fact, Noted):
            self.counters.notes += 1
        if device is None or self._devices.forgot(device):
            return
        if isinstance(fact, Reported):
            self._stored(fact.location, device, kept)
            if present:
                self._heard(device, fact.location.received)
        elif not present:
            self._devices.note(device, fact.received)
        elif isinstance(fact, Noted) and fact.kind == LAST_WILL:
            if self._presence.lost(device.number):
                self._live.tell(DeviceStatus(device=device, online=False, at=fact.received))
        else:
            self._devices.note(device, fact.received)
            self._heard(device, fact.received)

    def _understood(
        self, who: Principal, name: str, message: Message, said: Said, now: int
    ) -> Fact:
        source = Source(
            owner=who.user,
            owner_name=who.name,
            name=name,
            device=self._devices.find(who.user, name),
        )
        if isinstance(said, LocationMessage):
            via = Via.HTTP if who.door is Door.HTTP else Via.MQTT
            return Reported(
                source=source,
                location=location_of(said, now, via, who.address),
                may_repeat=self._devices.offer(who.user, name, said.at),
            )
        body = message.payload
        if isinstance(said, Other) and said.kind in _CONFESSING:
            body = redacted(said.members)
        return Noted(source=source, kind=said.kind, topic=message.topic, body=body, received=now)

    def _stored(self, location: Location, device: Device, kept: Kept) -> None:
        if kept.repeat:
            self.counters.repeats += 1
            self._devices.note(device, location.received)
        elif not kept.new:
            self.counters.duplicates += 1
            self._devices.note(device, location.received)
        else:
            self.counters.locations += 1
            self._devices.note(device, location.received, location)
            self._live.tell(Recorded(device, location))

    def _heard(self, device: Device, at: int) -> None:
        if self._presence.heard(device.number):
            self._live.tell(DeviceStatus(device=device, online=True, at=at))


def location_of(said: LocationMessage, received: int, via: Via, address: str | None) -> Location:
    """A phone's report as the rest of the house knows it."""
    return Location(
        at=said.at,
        seq=said.seq,
        latitude=said.latitude,
        longitude=said.longitude,
        received=received,
        via=via,
        flags=Flags.TIME_CORRECTED if said.time_corrected else Flags.NONE,
        accuracy=said.accuracy,
        altitude=said.altitude,
        vertical_accuracy=said.vertical_accuracy,
        velocity=said.velocity,
        course=said.course,
        battery=said.battery,
        battery_status=said.battery_status,
        connection=said.connection,
        mode=said.mode,
        trigger=said.trigger,
        source=said.source,
        tid=said.tid,
        message_id=said.message_id,
        created_at=said.created_at,
        in_regions=said.in_regions,
        ssid=said.ssid,
        bssid=said.bssid,
        address=address,
        extra=said.extra,
    )
