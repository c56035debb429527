"""What could not be understood: acknowledged, kept for the administrator, the newest of it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Integer, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from mytracks.sharing.identity import Door
from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.schema import quarantine
from mytracks.store.statements import Rows, Statement, Values
from mytracks.transaction import Transaction

DOORS: Final = {Door.WEB: 1, Door.HTTP: 2, Door.MQTT: 3}

_size: Final = func.length(quarantine.c.body)

ADD: Final = Rows(
    insert(quarantine).values(
        {
            name: bindparam(name)
            for name in ("received", "source", "user_id", "device_id", "topic", "reason", "body")
        }
    )
)
HELD: Final = Statement(select(func.count(), func.sum(_size)).select_from(quarantine))
OLDEST: Final = Statement(
    select(quarantine.c.id, _size).order_by(quarantine.c.id).limit(bindparam("most", type_=Integer))
)
DROP: Final = Statement(
    delete(quarantine).where(quarantine.c.id <= bindparam("last", type_=BigInteger))
)

_AT_ONCE: Final = 1_000


class Quarantine:
    """Bounded by count and by bytes of bodies."""

    def __init__(self, limits: Limits) -> None:
        self._messages = limits.quarantine_messages
        self._bytes = limits.quarantine_bytes

    async def add(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Store rows in the order of `ADD`; the oldest give way, never the very newest."""
        await sql(tx).insert(ADD, rows)
        held = await sql(tx).one(HELD)
        assert held is not None
        count, size = int(held[0]), int(held[1])
        while self._over(count, size):
            last = 0
            oldest = await sql(tx).all(OLDEST, most=_AT_ONCE)
            for number, length in oldest:
                if not self._over(count, size):
                    break
                last, count, size = number, count - 1, size - length
            await sql(tx).run(DROP, last=last)

    def _over(self, count: int, size: int) -> bool:
        return count > 1 and (count > self._messages or size > self._bytes)
