"""By which keys of the key ring something is sealed: those must not be forgotten. And sealing anew
what no service of its own seals anew.
"""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import bindparam, func, select, update

from mytracks.errors import Unavailable
from mytracks.pki.keyring import key_of
from mytracks.store.database import Database, sql
from mytracks.store.schema import device, setting, user_account
from mytracks.store.sealed import SEALED
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction

_BEGINNING: Final = 24
"""Bytes of a record that say by which key it is sealed, and some more."""

BEGINNINGS: Final = [
    Statement(select(func.substr(column, 1, _BEGINNING)).where(column.is_not(None)))
    for column in SEALED
]
TEXTS: Final = Statement(select(setting.c.value).where(setting.c.name.like("acme.%")))

OTHERS: Final = tuple(
    (
        place,
        Statement(select(column.table.c.id, column).where(column.is_not(None))),
        Statement(
            update(column.table)
            .where(column.table.c.id == bindparam("number"), column == bindparam("before"))
            .values({column.name: bindparam("after")})
        ),
    )
    for column, place in (
        (user_account.c.totp, "user_account/{}/totp"),
        (device.c.encryption_key, "device/{}/encryption_key"),
    )
)
"""What is sealed but private keys: where, what there is, and how it is replaced."""

Reseal = Callable[[str, bytes], bytes]
"""From a place, and what is sealed for it, to the same under the key that seals now."""


async def reseal_others(database: Database, reseal: Reseal) -> int:
    """Seal anew what is not a private key, each in a commit of its own; how many there were.

    Who has it in memory goes on with what was sealed before. Raises Unavailable.
    """
    done = 0
    for place, every, replace in OTHERS:
        for number, sealed in await database.read(partial(_all, every)):
            after = reseal(place.format(number), bytes(sealed))
            await database.commit(partial(_put, replace, number=number, before=sealed, after=after))
            done += 1
    return done


async def keys_in_use(tx: Transaction) -> frozenset[bytes]:
    """The ids of all keys by which some record is sealed."""
    found: set[bytes] = set()
    for statement in BEGINNINGS:
        found |= {bytes(row[0]) for row in await sql(tx).all(statement)}
    for (text,) in await sql(tx).all(TEXTS):
        try:
            found.add(base64.b64decode(str(text)))
        except binascii.Error:
            continue  # It can be read by no key.
    return frozenset(filter(None, map(_id, found)))


async def _all(statement: Statement, tx: Transaction) -> list[Values]:
    return await sql(tx).all(statement)


async def _put(statement: Statement, tx: Transaction, **values: object) -> None:
    await sql(tx).run(statement, **values)


def _id(sealed: bytes) -> bytes | None:
    try:
        return key_of(sealed)
    except Unavailable:
        return None
