"""The limits of the people room: a frozen section for each of its services."""

from attrs import field, frozen
from attrs.validators import ge

DAY = 24 * 60 * 60


@frozen(kw_only=True)
class PasswordLimits:
    """Cost of a password check, and how many may wait for one."""

    time_cost: int = field(default=2, validator=ge(1))
    """Passes over the memory."""
    memory_kib: int = field(default=19 * 1024, validator=ge(8))
    parallelism: int = field(default=1, validator=ge(1))
    threads: int = field(default=2, validator=ge(1))
    max_waiting: int = field(default=256, validator=ge(1))
    """Checks running and waiting; one more is refused as Unavailable."""
    cache_seconds: float = 15 * 60
    """For so long a password once found right is known to be right."""
    cache_size: int = field(default=4096, validator=ge(1))


@frozen(kw_only=True)
class SessionLimits:
    """Web sessions; all times in seconds."""

    idle: int = 7 * DAY
    """A session unseen for so long ends."""
    absolute: int = 30 * DAY
    """And every session ends so long after its sign-in."""
    seen_every: int = 60
    """How often at most it is written that a session was seen."""
    sweep_every: float = 60 * 60
    max_per_user: int = field(default=50, validator=ge(1))
    """One more ends the one that was seen longest ago."""


@frozen(kw_only=True)
class ThrottleLimits:
    """Failed sign-ins of one account from one network; all times in seconds."""

    window: float = 15 * 60
    free: int = field(default=5, validator=ge(1))
    """Failures within the window that cost nothing yet."""
    first_wait: float = 2
    """After the first failure that costs; doubled by each further one."""
    longest_wait: float = 90
    max_records: int = field(default=10_000, validator=ge(1))
    """Pairs of account and network that are remembered; the one touched longest ago goes first."""


@frozen(kw_only=True)
class DevicePasswordLimits:
    """Device passwords; seconds."""

    used_every: int = 60
    """How often at most it is written that a device password let somebody in."""


@frozen(kw_only=True)
class Limits:
    """All limits of the room."""

    passwords: PasswordLimits = field(factory=PasswordLimits)
    sessions: SessionLimits = field(factory=SessionLimits)
    throttle: ThrottleLimits = field(factory=ThrottleLimits)
    device_passwords: DevicePasswordLimits = field(factory=DevicePasswordLimits)
