"""Contexts of locations: stored once, known by number from then on."""

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
    insert(context).values(hash=bindparam("hash"), body=bindparam("body")).returning(context.c.id)
)
FIND: Final = Statement(select(context.c.id).where(context.c.hash == bindparam("hash")))


class Contexts:
    """Remembers the numbers of the latest; used where units run, and only there."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.contexts
        self._numbers: OrderedDict[Context, int] = OrderedDict()

    async def number(self, tx: Transaction, wanted: Context) -> int | None:
        """The number of a context, stored now if it is new; None for an empty one."""
        if wanted == EMPTY:
            return None
        number = self._numbers.get(wanted)
        if number is not None:
            self._numbers.move_to_end(wanted)
            return number
        body = wanted.body()
        digest = blake2b(body.encode(), digest_size=16).digest()
        row = await sql(tx).one(FIND, hash=digest)
        if row is None:
            row = await sql(tx).one(ADD, hash=digest, body=body)
        assert row is not None
        found = int(row[0])
        # A number made in this transaction is good only once the transaction is durable.
        sql(tx).after(lambda: self._remember(wanted, found))
        return found

    def _remember(self, known: Context, number: int) -> None:
        self._numbers[known] = number
        self._numbers.move_to_end(known)
        if len(self._numbers) > self._most:
            self._numbers.popitem(last=False)
