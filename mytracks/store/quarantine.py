"""What could not be understood: acknowledged, kept for the administrator, the newest of it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from mytracks.sharing.identity import Door
from mytracks.store.bounds import Bound, Queries
from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.schema import quarantine
from mytracks.store.statements import Rows, Values
from mytracks.transaction import Transaction

DOORS: Final = {Door.WEB: 1, Door.HTTP: 2, Door.MQTT: 3}

ADD: Final = Rows(
    insert(quarantine).values(
        {
            name: bindparam(name)
            for name in ("received", "source", "user_id", "device_id", "topic", "reason", "body")
        }
    )
)
QUERIES: Final = Queries(quarantine)
BODY: Final = ADD.columns.index("body")


class Quarantine:
    """Bounded by count and by bytes of bodies."""

    def __init__(self, limits: Limits) -> None:
        self._bound = Bound(QUERIES, limits.quarantine_messages, limits.quarantine_bytes)

    async def add(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Store rows in the order of `ADD`; the oldest give way, never the very newest."""
        await sql(tx).insert(ADD, rows)
        await self._bound.added(tx, [row[BODY] for row in rows])
