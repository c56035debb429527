"""Every device and what is known of it, in memory: a household's fit.

Loaded at start, kept up to date by what was committed since. Decides which device a name means and
which of a device's fixes is its newest; who may see a device is asked of `Visibility`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define

from mytracks.sharing.identity import Device, Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Location
from mytracks.tracks.ports import AS_IT_COMES, DeviceState, Look
from mytracks.tracks.ports import Devices as StoredDevices
from mytracks.transaction import Transaction, Transactions

_NEVER: Final = -(2**62)
"""Older than every fix."""


@define
class _Known:
    """The running state of one stored device."""

    device: Device
    tid: str | None
    created: int
    seen: int
    newest: tuple[int, int] | None
    """(at, seq) of the newest fix, by the same rule as the store keeps it."""
    locations: int = 0
    look: Look = AS_IT_COMES

    def state(self) -> DeviceState:
        at, seq = self.newest or (None, None)
        return DeviceState(
            device=self.device,
            tid=self.look.tid or self.tid,
            created=self.created,
            seen=self.seen,
            last_at=at,
            last_seq=seq,
            locations=self.locations,
            look=self.look,
        )


class Devices:
    """The devices of everybody."""

    def __init__(self, transactions: Transactions, stored: StoredDevices, limits: Limits) -> None:
        self._transactions = transactions
        self._stored = stored
        self._most = limits.max_devices
        self._by_number: dict[int, _Known] = {}
        self._by_owner: dict[int, dict[str, _Known]] = {}
        self._offered: dict[int, dict[str, int]] = {}
        """By owner and name, for a device may be new: the newest fix time that it sent us."""
        self._gone: set[int] = set()
        """Owners whose accounts were deleted; their numbers are never given again."""
        self._removed: set[int] = set()
        """Numbers of devices that were removed; neither are theirs."""

    async def load(self) -> None:
        """Take in what is stored: before the first message, and after devices were made."""

        async def unit(tx: Transaction) -> Sequence[DeviceState]:
            return await self._stored.all(tx)

        for state in await self._transactions.read(unit):
            self._take(state)

    def find(self, owner: int, name: str) -> Device | None:
        """The device `name` of the account `owner`, once it is stored."""
        known = self._by_owner.get(owner, {}).get(name)
        return known.device if known is not None else None

    def state(self, number: int) -> DeviceState | None:
        """What is known of the device with this number."""
        known = self._by_number.get(number)
        return known.state() if known is not None else None

    def of(self, owner: int) -> Sequence[DeviceState]:
        """All devices of one account, by name."""
        devices = self._by_owner.get(owner, {})
        return [devices[name].state() for name in sorted(devices)]

    def admit(self, owner: int, name: str) -> bool:
        """Whether the account may have the device `name`: it has it, or has not too many yet."""
        stored, offered = self._by_owner.get(owner, {}), self._offered.setdefault(owner, {})
        if name in stored or name in offered:
            return True
        if len(stored.keys() | offered.keys()) >= self._most:
            return False
        offered[name] = _NEVER
        return True

    def visible(self, viewer: Principal, rights: Visibility) -> Sequence[DeviceState]:
        """All devices that `viewer` may see, by owner's name, then device name."""
        seen = (known.state() for known in self._seen(viewer, rights))
        return sorted(seen, key=lambda state: (state.device.owner_name, state.device.name))

    def named(self, viewer: Principal, rights: Visibility, path: str) -> DeviceState | None:
        """The device that `user/device` means to `viewer`; None: there is none, or not for them.

        User names are compared without regard to case, device names exactly (contract 3).
        """
        owner_name, _, name = path.partition("/")
        owner_name = owner_name.lower()
        for known in self._seen(viewer, rights):
            if known.device.name == name and known.device.owner_name == owner_name:
                return known.state()
        return None

    def offer(self, owner: int, name: str, at: int) -> bool:
        """A fix of time `at` was sent; whether it may repeat an earlier one (the store looks).

        Counts what was sent, not what is stored: the fix before it may still wait for its commit.
        """
        offered = self._offered.setdefault(owner, {})
        if at <= offered.get(name, _NEVER):
            return True
        offered[name] = at
        return False

    def note(self, device: Device, received: int, location: Location | None = None) -> None:
        """A message of `device`, and with it perhaps a new location, is stored."""
        if self.forgot(device):
            return
        known = self._by_number.get(device.number)
        if known is None:
            known = self._add(_Known(device, None, received, received, None))
        known.seen = max(known.seen, received)
        if location is None:
            return
        known.locations += 1
        # Of two in one second the later arrival is the newer: that is what viewers were shown.
        if known.newest is None or location.at >= known.newest[0]:
            known.newest = location.at, location.seq
            known.tid = location.tid or known.tid

    def forget(self, owner: int) -> None:
        """The account and its devices are gone, for messages on their way as well."""
        self._gone.add(owner)
        for known in self._by_owner.pop(owner, {}).values():
            del self._by_number[known.device.number]
        self._offered.pop(owner, None)

    def remove(self, device: Device) -> None:
        """This device is gone, for messages on their way as well. Another may get its name."""
        self._removed.add(device.number)
        if self._by_number.pop(device.number, None) is not None:
            del self._by_owner[device.owner][device.name]
            self._offered.get(device.owner, {}).pop(device.name, None)

    def dress(self, number: int, look: Look) -> None:
        """Its owner wants to see it so."""
        known = self._by_number.get(number)
        if known is not None:
            known.look = look

    def forgot(self, device: Device) -> bool:
        """Whether it is gone, or its account is."""
        return device.owner in self._gone or device.number in self._removed

    def _seen(self, viewer: Principal, rights: Visibility) -> Iterator[_Known]:
        for owner, devices in self._by_owner.items():
            if rights.sees(viewer, owner):
                yield from devices.values()

    def _take(self, state: DeviceState) -> None:
        if self.forgot(state.device):
            return
        self.note(state.device, state.seen)
        known = self._by_number[state.device.number]
        known.device = state.device
        known.created = state.created
        known.locations = state.locations
        known.look = state.look
        if state.last_at is not None:
            newest = (state.last_at, state.last_seq or 0)
            if known.newest is None or newest > known.newest:
                known.newest = newest
            self.offer(state.device.owner, state.device.name, state.last_at)
        if known.tid is None and state.look.tid is None:
            known.tid = state.tid

    def _add(self, known: _Known) -> _Known:
        device = known.device
        self._by_number[device.number] = known
        self._by_owner.setdefault(device.owner, {})[device.name] = known
        return known
