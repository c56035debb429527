"""Messages other than locations, kept as they came for a number of days, the newest of them."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from sqlalchemy import Integer, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from mytracks.clock import EARLIEST
from mytracks.phones.ports import Message
from mytracks.store.bounds import Bound, Queries
from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.schema import message
from mytracks.store.statements import Rows, Statement, Values
from mytracks.transaction import Transaction


class Kind(IntEnum):
    """The `_type` of a message, as stored; the body has it as text."""

    OTHER = 0
    LWT = 1
    STEPS = 2
    BEACON = 3
    DUMP = 4
    STATUS = 5
    TRANSITION = 6
    WAYPOINT = 7
    WAYPOINTS = 8
    CARD = 9
    CMD = 10
    CONFIGURATION = 11
    REQUEST = 12
    ENCRYPTED = 13


_KINDS: Final = {kind.name.lower(): int(kind) for kind in Kind}
_NAMES: Final = {number: name for name, number in _KINDS.items()}
_DAY: Final = 86_400
_SWEPT_AT_ONCE: Final = 1_000
_BETWEEN_SWEEPS: Final = 3_600

ADD: Final = Rows(
    insert(message).values(
        {name: bindparam(name) for name in ("device_id", "received", "type", "topic", "body")}
    )
)
QUERIES: Final = Queries(message)
BODY: Final = ADD.columns.index("body")
_old: Final = (
    select(message.c.id)
    # What came while our clock was not set is not old; it goes by the bounds alone.
    .where(message.c.received < bindparam("before"), message.c.received >= EARLIEST)
    .order_by(message.c.received)
    .limit(bindparam("most", type_=Integer))
)
SWEEP: Final = Statement(delete(message).where(message.c.id.in_(_old)))


_theirs: Final = message.c.device_id == bindparam("device")
COUNT: Final = Statement(select(func.count()).where(_theirs))
PAGE: Final = Statement(
    select(message.c.id, message.c.received, message.c.type, message.c.topic, message.c.body)
    .where(_theirs)
    .order_by(message.c.received.desc(), message.c.id.desc())
    .limit(bindparam("most", type_=Integer))
    .offset(bindparam("skipped", type_=Integer))
)


def message_row(device: int, received: int, kind: str, topic: str, body: bytes) -> Values:
    """A row in the order of `ADD`. `received`: UTC seconds."""
    return (device, received, _KINDS.get(kind, int(Kind.OTHER)), topic, body)


class StoredMessages:
    """Reads them back. Implements `phones.ports.Messages`."""

    async def count(self, tx: Transaction, device: int) -> int:
        """How many of this device are kept."""
        row = await sql(tx).one(COUNT, device=device)
        return 0 if row is None else int(row[0])

    async def page(
        self, tx: Transaction, device: int, *, limit: int, offset: int
    ) -> Sequence[Message]:
        """Those of this device, the newest first."""
        rows = await sql(tx).all(PAGE, device=device, most=limit, skipped=offset)
        return [
            Message(number=number, received=received, kind=_NAMES[kind], topic=topic, body=body)
            for number, received, kind, topic, body in rows
        ]


class Messages:
    """Stores messages, and removes a bounded number of old ones every hour that it does.

    Bounded by count and by bytes of bodies as well.
    """

    def __init__(self, limits: Limits) -> None:
        self._days = limits.message_days
        self._bound = Bound(QUERIES, limits.message_count, limits.message_bytes)
        self._sweep_at = 0

    async def add(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Store rows in the order of `ADD`; the oldest give way, never the very newest."""
        await sql(tx).insert(ADD, rows)
        await self._bound.added(tx, [row[BODY] for row in rows])
        now = max(int(row[1]) for row in rows)
        if now >= self._sweep_at:
            before = now - self._days * _DAY
            swept = await sql(tx).run(SWEEP, before=before, most=_SWEPT_AT_ONCE)
            if swept < _SWEPT_AT_ONCE:
                self._sweep_at = now + _BETWEEN_SWEEPS
