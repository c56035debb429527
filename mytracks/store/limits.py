"""How much the store lets wait, keeps and reserves.

A value with which nothing would work raises ValueError, which names the limit.
"""

from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

MIB: Final = 1024 * 1024

_pause: Final = and_(gt(0.0), le(86_400.0))


@frozen(kw_only=True)
class Limits:
    """Counts, bytes and seconds, each with what happens beyond it."""

    batch: int = field(default=2_000, validator=ge(1))
    """Units in one commit."""
    pause_at: int = field(default=5_000, validator=ge(1))
    """Units that wait or are being stored; then producers pause, and resume at half."""
    pause_at_bytes: int = field(default=32 * MIB, validator=ge(1))
    """The same for the bytes those units carry."""
    refuse_at: int = field(default=50_000, validator=ge(1))
    """Units; from here on a new one is refused with `StorageBusy`."""
    readers: int = field(default=2, validator=and_(ge(1), le(64)))
    """Threads, or connections to a server, that read."""
    waiting_reads: int = field(default=1_000, validator=ge(1))
    """Reads; from here on a new one is refused with `StorageBusy`."""
    ballast: int = field(default=16 * MIB, validator=ge(0))
    """Bytes kept free beside the database for a full disk (at most an eighth of the disk)."""
    probe_after: float = field(default=1.0, validator=_pause)
    """Seconds between two looks whether a full or read-only disk can be written again."""
    idle_after: float = field(default=5.0, validator=_pause)
    """Seconds without work before the log is folded into the database."""
    check_at_start: int = field(default=4 * MIB, validator=ge(0))
    """Bytes of a database that is checked whole before it opens; a larger one is checked after."""
    snapshots: int = field(default=2, validator=ge(1))
    """Snapshots kept, the newest ones."""
    contexts: int = field(default=4_096, validator=ge(0))
    """Interned contexts whose numbers are remembered."""
    quarantine_messages: int = field(default=10_000, validator=ge(1))
    """Messages set aside; then a twentieth, the oldest, goes."""
    quarantine_bytes: int = field(default=64 * MIB, validator=ge(1))
    """The same for the bytes of their bodies."""
    message_days: int = field(default=90, validator=ge(1))
    """Days for which messages other than locations are kept."""
    message_count: int = field(default=100_000, validator=ge(1))
    """Such messages; then a twentieth, the oldest, goes."""
    message_bytes: int = field(default=256 * MIB, validator=ge(1))
    """The same for the bytes of their bodies."""
    node: int = field(default=1, validator=and_(ge(1), le(2**31 - 1)))
    """The number of this process among those on one PostgreSQL: no two may have the same."""
    shared: bool = False
    """Other processes may use the same PostgreSQL database: for tests of what is to come."""
    answer_within: float = field(default=5.0, validator=_pause)
    """Seconds for an answer of a database server; then it counts as down."""
    prepare_within: float = field(default=120.0, validator=_pause)
    """Seconds that a start waits for another process which makes or migrates the same tables."""
