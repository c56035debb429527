"""Passkeys. Implements `people.factor_ports.Passkeys`."""

from collections.abc import Sequence
from enum import IntFlag
from typing import Final

from attrs import evolve
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import Conflict
from mytracks.people.factor_ports import Passkey
from mytracks.store.accounts import Standing
from mytracks.store.database import sql
from mytracks.store.schema import passkey, user_account
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction


class Flag(IntFlag):
    """What else is known of a passkey, as stored."""

    BACKED_UP = 1


ALL: Final = Statement(
    select(
        passkey.c.id,
        passkey.c.user_id,
        passkey.c.credential_id,
        passkey.c.public_key,
        passkey.c.handle,
        passkey.c.sign_count,
        passkey.c.aaguid,
        passkey.c.transports,
        passkey.c.flags,
        passkey.c.label,
        passkey.c.created,
        passkey.c.last_used,
    )
    .join_from(passkey, user_account, user_account.c.id == passkey.c.user_id)
    .where(user_account.c.disabled != Standing.LEAVING)
    .order_by(passkey.c.id)
)
ADD: Final = Statement(
    insert(passkey)
    .values(
        {
            column.name: bindparam(column.name)
            for column in passkey.c
            if column.name not in ("id", "last_used")
        }
    )
    .on_conflict_do_nothing(index_elements=["credential_id"])
    .returning(passkey.c.id)
)
USED: Final = Statement(
    update(passkey)
    .where(passkey.c.id == bindparam("number"))
    .values(sign_count=bindparam("count"), last_used=bindparam("now"))
)
REMOVE: Final = Statement(delete(passkey).where(passkey.c.id == bindparam("number")))


class StoredPasskeys:
    """The passkeys."""

    async def all(self, tx: Transaction) -> Sequence[Passkey]:
        """Every one of accounts that are there, by number."""
        return [_passkey(row) for row in await sql(tx).all(ALL)]

    async def add(self, tx: Transaction, passkey: Passkey) -> Passkey:
        """Store a new one under a number of its own. Raises Conflict when it is there already."""
        row = await sql(tx).one(
            ADD,
            user_id=passkey.user,
            credential_id=passkey.credential,
            public_key=passkey.public_key,
            handle=passkey.handle,
            sign_count=passkey.sign_count,
            aaguid=passkey.aaguid,
            transports=" ".join(passkey.transports),
            flags=int(Flag.BACKED_UP) if passkey.backed_up else 0,
            label=passkey.label,
            created=passkey.created,
        )
        if row is None:
            raise Conflict("This passkey is known already.")
        return evolve(passkey, number=row[0])

    async def used(self, tx: Transaction, number: int, sign_count: int, now: int) -> None:
        """Note that it let somebody in."""
        await sql(tx).run(USED, number=number, count=sign_count, now=now)

    async def remove(self, tx: Transaction, number: int) -> None:
        """It opens nothing any more."""
        await sql(tx).run(REMOVE, number=number)


def _passkey(row: Values) -> Passkey:
    number, user, credential, public_key, handle, sign_count, *rest = row
    aaguid, transports, flags, label, created, last_used = rest
    return Passkey(
        number=number,
        user=user,
        credential=credential,
        public_key=public_key,
        handle=handle,
        sign_count=sign_count,
        aaguid=aaguid,
        transports=tuple(transports.split()),
        backed_up=bool(flags & Flag.BACKED_UP),
        label=label,
        created=created,
        last_used=last_used,
    )
