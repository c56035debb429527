"""The room as the daemon joins it, with a store in memory that keeps facts as the real one does."""

from collections.abc import Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock as ManualClock

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.mqtt.routing.journal import Recorded as Durable
from mytracks.phones.facts import Fact, Kept, Reported, SetAside
from mytracks.phones.intake import Intake
from mytracks.phones.limits import Limits as PhonesLimits
from mytracks.phones.presence import Presence
from mytracks.sharing.identity import Device, Door, Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.devices import Devices
from mytracks.tracks.limits import Limits
from mytracks.tracks.live import DeviceStatus, Event, Live
from mytracks.tracks.locations import Location, Recorded
from tests.tracks.memory import NOW, MemoryDevices, MemoryTransactions

ANA = Principal(1, "ana", False, Door.MQTT)
ANA_HTTP = evolve(ANA, door=Door.HTTP)
ANAS_PHONE = evolve(ANA_HTTP, device="phone")


class Room:
    """Devices, live and intake, and the commits between them."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.now = NOW + 0.9
        self.clock = Clock(ManualClock(), wall=lambda: self.now)
        self.devices = Devices(MemoryTransactions(), MemoryDevices([]), limits)
        self.live = Live(Visibility, self.clock, limits)
        self.presence = Presence()
        self.parsing = PhonesLimits()
        self.intake = Intake(self.devices, self.live, self.presence, self.clock, self.parsing)
        self.events: list[Event] = []
        self.live.subscribe(evolve(ANA, door=Door.WEB), self.events.append)
        self.recorded: list[Fact] = []
        self.failing = False
        self._made: dict[tuple[int, str], Device] = {}
        self._locations: dict[tuple[int, int, int], Location] = {}

    def record(self, facts: Sequence[Fact]) -> Deferred[Durable[Kept]]:
        """Store, as a journal does."""
        if self.failing:
            return fail(Unavailable("full"))
        self.recorded += facts
        return succeed(Durable([self.keep(fact) for fact in facts]))

    def keep(self, fact: Fact) -> Kept:
        """What the store says of a fact."""
        if isinstance(fact, SetAside):
            device = None
            if fact.device_name is not None:
                device = self._device(fact.user, "ana", fact.device_name)
            return Kept(fact=fact, device=device, new=True)
        source = fact.source
        device = source.device or self._device(source.owner, source.owner_name, source.name)
        if not isinstance(fact, Reported):
            return Kept(fact=fact, device=device, new=True)
        place = (device.number, fact.location.at, fact.location.seq)
        new = place not in self._locations
        repeat = fact.may_repeat and any(
            (number, at) == place[:2] for number, at, _ in self._locations
        )
        self._locations[place] = fact.location
        return Kept(fact=fact, device=device, new=new, repeat=new and repeat)

    def _device(self, owner: int, owner_name: str, name: str) -> Device:
        made = Device(len(self._made) + 1, owner, owner_name, name)
        return self._made.setdefault((owner, name), made)

    def told(self) -> list[object]:
        """Of live, in short: times of fixes, and whether a device is there."""
        return [_short(event.what) for event in self.events]


def _short(what: Recorded | DeviceStatus) -> object:
    return what.location.at if isinstance(what, Recorded) else what.online
