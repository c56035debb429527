"""What an owner does with a device beside using it: gives it a password, says how it is to be
seen, and removes it.

Whatever is done is noted in the audit log in the same commit. A device that is removed is nobody's
from that commit on; what it has left goes in pieces after that, so that nobody's message waits for
it. Whose device it is was decided before.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid, NotFound, Unavailable
from mytracks.people.device_passwords import DevicePasswords, Issued, check_device_name
from mytracks.people.ports import Account
from mytracks.people.removals import Removals
from mytracks.phones import ports
from mytracks.sharing.identity import Actor, Device
from mytracks.tracks.devices import Devices
from mytracks.tracks.ports import DeviceState, Look
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

LONGEST_LABEL: Final = 64
LONGEST_TID: Final = 2
"""What phones take [OwnTracks: `tid`, two characters]."""
LONGEST_KEY: Final = 32
"""Bytes of a payload key: what libsodium's secretbox takes, and the apps fill up with zeros."""

_COLOR: Final = re.compile(r"#[0-9a-f]{6}", re.ASCII)


class Audit(Protocol):
    """Notes who did what. `people.audit.Audit` implements it."""

    def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> Awaitable[None]:
        """As a part of somebody's commit."""


class Seal(Protocol):
    """Closes secrets so that they may be stored. `pki.keyring.KeyRing` implements it."""

    def seal(self, place: str, plain: bytes) -> bytes:
        """`plain`, to be opened at this place only. Raises Unavailable."""


@frozen(kw_only=True)
class Wishes:
    """How somebody wants to see a device; None: as before. An empty text: as the device has it
    itself, and for `key`, which is for what it encrypts: there is none."""

    label: str | None = None
    tid: str | None = None
    color: str | None = None
    key: str | None = None


@frozen
class Said:
    """`count`: how many messages there are in all."""

    count: int
    messages: Sequence[ports.Message]


class Desk:
    """Makes, changes and removes devices. `withdraw`: takes back what was published of a device and
    is still retained or waits for somebody."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.Desk,
        messages: ports.Messages,
        devices: Devices,
        passwords: DevicePasswords,
        removals: Removals,
        audit: Audit,
        seal: Seal | None,
        withdraw: Callable[[Device], Deferred[None]],
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._messages = messages
        self._devices = devices
        self._passwords = passwords
        self._removals = removals
        self._audit = audit
        self._seal = seal
        self._withdraw = withdraw
        self._clock = clock
        self._turns = Turns()

    async def messages(self, device: Device, limit: int, offset: int) -> Said:
        """What it said beside its places and is still kept, the newest first. Raises
        Unavailable."""

        async def unit(tx: Transaction) -> Said:
            count = await self._messages.count(tx, device.number)
            found = await self._messages.page(tx, device.number, limit=limit, offset=offset)
            return Said(count, found)

        return await self._transactions.read(unit)

    async def give_password(self, account: Account, name: str, *, by: Actor) -> Issued:
        """A new password for that device of theirs, which is made if need be; its earlier one
        opens nothing any more.

        Raises Invalid for an impossible name, Conflict when they have as many devices as they may,
        Unavailable.
        """
        # Before it is asked for a place: the name takes one.
        check_device_name(name)
        if not self._devices.admit(account.number, name):
            raise Conflict("You have as many devices as you may.")
        return await self._passwords.issue(account, name, by=by)

    def change(self, device: Device, wishes: Wishes, *, by: Actor) -> Deferred[DeviceState]:
        """See it so from now on. Raises Invalid with the fields that are wrong, NotFound,
        Unavailable."""
        return self._turns.take(lambda: self._change(device, wishes, by))

    def remove(self, device: Device, *, by: Actor) -> Deferred[None]:
        """It is gone for good, with its locations and its password. Raises NotFound, Unavailable.

        Its next message, if its phone can still send one, makes a new device.
        """
        return self._turns.take(lambda: self._remove(device, by))

    async def _change(self, device: Device, wishes: Wishes, by: Actor) -> DeviceState:
        state = self._state(device)
        tidy = checked(wishes)
        look = _seen_so(state.look, tidy)
        sealed = self._sealed(device, tidy.key)
        changes = [name for name in ("label", "tid", "color") if _differs(state.look, look, name)]
        changes += ["encryption key"] * (tidy.key is not None)
        if not changes:
            return state
        now = int(self._clock.now())

        async def unit(tx: Transaction) -> None:
            await self._stored.dress(tx, device.number, look, now)
            if tidy.key is not None:
                await self._stored.keep_key(tx, device.number, sealed)
            detail = ", ".join(changes)
            await self._audit.add(tx, by, "device.change", f"device:{device.path}", detail)

        await self._transactions.commit(unit)
        self._devices.dress(device.number, look)
        return self._state(device)

    async def _remove(self, device: Device, by: Actor) -> None:
        self._state(device)

        async def unit(tx: Transaction) -> int:
            heir = await self._stored.leave(tx, device.number)
            await self._audit.add(tx, by, "device.delete", f"device:{device.path}")
            return heir

        heir = await self._transactions.commit(unit)
        self._devices.remove(device)
        self._passwords.left(device)
        self._removals.begin(heir)
        self.log.info("device {device} was removed", device=device.path)
        await self._withdraw(device)

    def _state(self, device: Device) -> DeviceState:
        state = self._devices.state(device.number)
        if state is None:
            raise NotFound("There is no such device.")
        return state

    def _sealed(self, device: Device, key: str | None) -> bytes | None:
        if not key:
            return None
        if self._seal is None:
            raise Unavailable("There is no key ring to keep the key with.")
        return self._seal.seal(f"device/{device.number}/encryption_key", key.encode())


def checked(wishes: Wishes) -> Wishes:
    """The wishes as they are kept. Raises Invalid with the fields that are wrong."""
    errors: dict[str, list[str]] = {}
    label = None if wishes.label is None else wishes.label.strip()
    tid = None if wishes.tid is None else wishes.tid.strip()
    color = None if wishes.color is None else wishes.color.strip().lower()
    if label and (len(label) > LONGEST_LABEL or not label.isprintable()):
        errors["label"] = [f"A name has at most {LONGEST_LABEL} printable characters."]
    if tid and (len(tid) > LONGEST_TID or not tid.isprintable()):
        errors["tid"] = [f"It has at most {LONGEST_TID} printable characters."]
    if color and _COLOR.fullmatch(color) is None:
        errors["color"] = ["A colour is written #rrggbb."]
    if wishes.key and len(wishes.key.encode("utf-8", "replace")) > LONGEST_KEY:
        errors["key"] = [f"A key has at most {LONGEST_KEY} bytes."]
    if errors:
        told = " ".join(text for texts in errors.values() for text in texts)
        raise Invalid(told, errors)
    return Wishes(label=label, tid=tid, color=color, key=wishes.key)


def _seen_so(look: Look, wishes: Wishes) -> Look:
    return evolve(
        look,
        label=look.label if wishes.label is None else wishes.label,
        tid=look.tid if wishes.tid is None else wishes.tid or None,
        color=look.color if wishes.color is None else wishes.color or None,
        sealed=look.sealed if wishes.key is None else bool(wishes.key),
    )


def _differs(old: Look, new: Look, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))
