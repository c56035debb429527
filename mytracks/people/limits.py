"""The limits of the people room; as settings they are the table `[people]`."""

from attrs import field, frozen
from attrs.validators import and_, ge, le

DAY = 24 * 60 * 60


@frozen(kw_only=True)
class Limits:
    """Costs, bounds and times; times are seconds."""

    password_time_cost: int = field(default=2, validator=ge(1))
    """argon2id: passes over the memory."""
    password_memory_kib: int = field(default=19 * 1024, validator=ge(8))
    password_parallelism: int = field(default=1, validator=ge(1))
    password_threads: int = field(default=2, validator=ge(1))
    password_max_waiting: int = field(default=256, validator=ge(1))
    """Password checks running and waiting; with one more the oldest of the least urgent is refused
    as Unavailable."""
    password_longest_waiting: float = 8.0
    """Who waits for longer is refused so as well: phones and browsers give up after 10 s."""
    wrong_password_held: float = field(default=0.25, validator=ge(0))
    """For each check that waits, the answer to a stranger's wrong password is held back so long:
    guesses wait after their check rather than in front of their victim's."""
    wrong_password_held_most: float = field(default=5.0, validator=and_(ge(0), le(8)))
    """The longest that comes to."""
    password_cache_time: float = 15.0 * 60
    """For so long a password once found right is known to be right."""
    password_cache_size: int = field(default=4096, validator=ge(1))

    session_idle: int = 7 * DAY
    """A web session unseen for so long ends."""
    session_absolute: int = 30 * DAY
    """And every one ends so long after its sign-in."""
    session_fresh: int = 15 * 60
    """Who adds a second factor or a passkey has signed in within so long."""
    session_seen_every: int = 60
    """How often at most it is written that a session was seen."""
    session_sweep_every: float = field(default=60.0 * 60, validator=ge(1))
    max_sessions_per_user: int = field(default=50, validator=ge(1))
    """One more ends the one that was seen longest ago."""

    failure_window: float = 15.0 * 60
    """Failed sign-ins of one account from one network count for so long."""
    free_failures: int = field(default=5, validator=ge(1))
    """So many of them cost nothing."""
    first_wait: float = 2.0
    """After the first failure that costs; doubled by each further one."""
    longest_wait: float = 90.0
    max_failure_records: int = field(default=10_000, validator=ge(1))
    """Pairs of account and network that are remembered, as well as networks, and accounts; the one
    touched longest ago goes first."""
    network_free_failures: int = field(default=50, validator=ge(1))
    """So many different wrong credentials of one network, over all accounts, cost nothing."""
    account_free_failures: int = field(default=50, validator=ge(1))
    """After so many different ones for one account, over all strange networks, each of these has
    one free failure."""
    max_familiar_networks: int = field(default=10_000, validator=ge(1))
    """Pairs of an account and a network from which it was signed in to that are remembered."""

    device_password_used_every: int = 60
    """How often at most it is written that a device password let somebody in."""

    max_tokens_per_user: int = field(default=50, validator=ge(1))
    """API tokens of one account."""
    token_used_every: int = 60
    """How often at most it is written that a token let somebody in."""

    audit_days: int = field(default=730, validator=ge(1))
    """So long an entry of the audit log is kept."""
    audit_entries: int = field(default=100_000, validator=ge(1))
    """So many are kept at most; the oldest go."""
    audit_sweep_every: float = field(default=60.0 * 60, validator=ge(1))
