"""Contexts of locations: each stored once for its device, known by number from then on."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.location_rows import EMPTY, Context
from mytracks.store.schema import context
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

ADD: Final = Statement(
    insert(context)
    .values(device_id=bindparam("device"), hash=bindparam("hash"), body=bindparam("body"))
    .on_conflict_do_nothing(index_elements=["device_id", "hash"])
    .returning(context.c.id)
)
FIND: Final = Statement(
    select(context.c.id).where(
        context.c.device_id == bindparam("device"), context.c.hash == bindparam("hash")
    )
)


class Contexts:
    """Remembers the numbers of the latest; used where units run, and only there."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.contexts
        self._numbers: OrderedDict[tuple[int, Context], int] = OrderedDict()

    async def place(self, tx: Transaction, device: int, wanted: Context) -> int | Context | None:
        """Where a device's context is kept, as `row_of` takes it: stored now if it is new."""
        if wanted == EMPTY:
            return None
        key = device, wanted
        number = self._numbers.get(key)
        if number is not None:
            self._numbers.move_to_end(key)
            return number
        if wanted.large:
            # A row says what was reported, so that the same is known again wherever it comes from.
            return wanted._replace(address=None)
        number = await _stored(tx, device, wanted.body())
        # A number made in this transaction is good only once the transaction is durable.
        sql(tx).after(lambda: self._remember(key, number))
        return number

    def _remember(self, known: tuple[int, Context], number: int) -> None:
        self._numbers[known] = number
        self._numbers.move_to_end(known)
        if len(self._numbers) > self._most:
            self._numbers.popitem(last=False)


async def _stored(tx: Transaction, device: int, body: str) -> int:
    digest = blake2b(body.encode(), digest_size=16).digest()
    row = await sql(tx).one(FIND, device=device, hash=digest)
    if row is None:
        row = await sql(tx).one(ADD, device=device, hash=digest, body=body)
    if row is None:
        # Another process stored it between our two looks.
        row = await sql(tx).one(FIND, device=device, hash=digest)
    assert row is not None
    return int(row[0])
