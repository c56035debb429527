"""How much the store lets wait, keeps and reserves."""

from typing import Final

from attrs import frozen

MIB: Final = 1024 * 1024


@frozen(kw_only=True)
class Limits:
    """Counts, bytes and seconds, each with what happens beyond it."""

    batch: int = 2_000
    """Units in one commit."""
    pause_at: int = 5_000
    """Units that wait or are being stored; then producers pause, and resume at half."""
    pause_at_bytes: int = 32 * MIB
    """The same for the bytes those units carry."""
    refuse_at: int = 50_000
    """Units; from here on a new one is refused with `StorageBusy`."""
    readers: int = 2
    """Threads that read."""
    waiting_reads: int = 1_000
    """Reads; from here on a new one is refused with `StorageBusy`."""
    ballast: int = 16 * MIB
    """Bytes kept free beside the database for a full disk (at most an eighth of the disk)."""
    probe_after: float = 1.0
    """Seconds between two looks whether a full or read-only disk can be written again."""
    idle_after: float = 5.0
    """Seconds without work before the log is folded into the database."""
    check_at_start: int = 4 * MIB
    """Bytes of a database that is checked whole before it opens; a larger one is checked after."""
    snapshots: int = 2
    """Snapshots kept, the newest ones."""
    contexts: int = 4_096
    """Interned contexts whose numbers are remembered."""
    quarantine_messages: int = 10_000
    """Messages set aside; then the oldest go."""
    quarantine_bytes: int = 64 * MIB
    """The same for the bytes of their bodies."""
    message_days: int = 90
    """Days for which messages other than locations are kept."""
