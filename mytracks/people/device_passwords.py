"""Device passwords: random enough to be checked in microseconds, one for each device.

`mt_d_<id>_<secret>_<check>`, as `written` has it, with 130 random bits.
"""

from collections.abc import Callable

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Invalid, NotFound
from mytracks.owntracks.topics import device_name_problem
from mytracks.people import ports
from mytracks.people.audit import Audit
from mytracks.people.limits import Limits
from mytracks.people.ports import Account, DevicePassword
from mytracks.people.revocations import Reason, Revocation, Revocations
from mytracks.people.uses import Uses
from mytracks.people.written import Shown, Written, digest
from mytracks.sharing.identity import SERVER, Actor, Device
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

_WRITTEN = Written("mt_d", letters=26)
read = _WRITTEN.read
write = _WRITTEN.write


@frozen(kw_only=True)
class Issued:
    """A new device password, shown once: what is typed into the phone."""

    username: str
    device: str
    password: str = field(repr=False)


class DevicePasswords:
    """All device passwords in force, in memory as they are stored."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.DevicePasswords,
        audit: Audit,
        clock: Clock,
        revocations: Revocations,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._audit = audit
        self._clock = clock
        self._revocations = revocations
        self._uses = Uses(
            "a device password",
            limits.device_password_used_every,
            transactions,
            stored.used,
            clock,
        )
        self._turns = Turns()
        self._watchers: list[Callable[[Device], object]] = []
        self._valid: dict[int, DevicePassword] = {}
        revocations.watch(self._revoked)

    async def open(self) -> None:
        """Read what is stored."""
        found = await self._transactions.read(self._stored.all)
        self._valid = {password.number: password for password in found}

    async def close(self) -> None:
        """Stop all of our own."""
        self._uses.stop()

    def watch(self, watcher: Callable[[Device], object]) -> None:
        """Tell `watcher` of each device that got a password: it may have been made for it."""
        self._watchers.append(watcher)

    async def issue(self, account: Account, device: str, *, by: Actor = SERVER) -> Issued:
        """A new password for the device, which is made if need be; its earlier one is revoked.

        Raises Invalid for an impossible device name, Unavailable when it cannot be stored.
        """
        check_device_name(device)
        return await self._turns.take(lambda: self._issue(account, device, by))

    def revoke(self, account: Account, device: str, *, by: Actor) -> Deferred[None]:
        """The device's password opens nothing any more, and whoever is connected by it is cut.

        Raises NotFound when it has none, Unavailable.
        """
        return self._turns.take(lambda: self._revoke(account, device, by))

    def match(self, shown: Shown) -> DevicePassword | None:
        """The password in force that was shown, if it is one; notes its use. Never waits."""
        password = shown.among(self._valid)
        if password is None:
            return None
        now = self._uses.note(password.number, password.last_used)
        if now is not None:
            self._valid[password.number] = evolve(password, last_used=now)
        return password

    def of(self, user: int) -> list[DevicePassword]:
        """Those of somebody's devices, by device name."""
        found = (password for password in self._valid.values() if password.user == user)
        return sorted(found, key=lambda password: password.device_name)

    def left(self, device: Device) -> None:
        """The device was removed, its password with it: whoever came in by that is cut. Never
        waits."""
        gone = [
            password.number for password in self._valid.values() if password.device == device.number
        ]
        for number in gone:
            del self._valid[number]
        if gone:
            self._revocations.tell(
                Revocation(device.owner, device.owner_name, Reason.DEVICE_PASSWORD, device.name)
            )

    async def _issue(self, account: Account, device: str, by: Actor) -> Issued:
        secret = _WRITTEN.secret()
        now = int(self._clock.now())

        async def unit(tx: Transaction) -> DevicePassword:
            made = await self._stored.replace(tx, account.number, device, digest(secret), now)
            await self._audit.add(tx, by, "device.credential", _what(account, device), "made")
            return made

        made = await self._transactions.commit(unit)
        earlier = [old.number for old in self._valid.values() if old.device == made.device]
        for number in earlier:
            del self._valid[number]
        self._valid[made.number] = made
        self.log.info(
            "a password was made for {user}/{device}", user=account.name, device=made.device_name
        )
        if earlier:
            self._revocations.tell(
                Revocation(account.number, account.name, Reason.DEVICE_PASSWORD, made.device_name)
            )
        for watcher in self._watchers:
            watcher(Device(made.device, account.number, account.name, made.device_name))
        text = write(made.number, secret)
        return Issued(username=account.name, device=made.device_name, password=text)

    async def _revoke(self, account: Account, device: str, by: Actor) -> None:
        found = next((each for each in self.of(account.number) if each.device_name == device), None)
        if found is None:
            raise NotFound("The device has no password.")
        now = int(self._clock.now())

        async def unit(tx: Transaction) -> None:
            await self._stored.revoke(tx, found.device, now)
            await self._audit.add(tx, by, "device.credential", _what(account, device), "revoked")

        await self._transactions.commit(unit)
        self.left(Device(found.device, account.number, account.name, device))

    def _revoked(self, revocation: Revocation) -> None:
        if revocation.reason is Reason.DELETED:
            for password in self.of(revocation.user):
                del self._valid[password.number]


def check_device_name(name: str) -> None:
    """Whether a device can be called so. Raises Invalid."""
    wrong = device_name_problem(name)
    if wrong is not None:
        raise Invalid(f"This cannot be: {wrong}.", {"device": [wrong]})


def _what(account: Account, device: str) -> str:
    return f"device:{account.name}/{device}"
