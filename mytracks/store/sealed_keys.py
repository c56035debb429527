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
from mytracks.store.schema import device, setting
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

EVERY: Final = Statement(
    select(device.c.id, device.c.encryption_key).where(device.c.encryption_key.is_not(None))
)
REPLACE: Final = Statement(
    update(device)
    .where(device.c.id == bindparam("number"), device.c.encryption_key == bindparam("before"))
    .values(encryption_key=bindparam("after"))
)
_PLACE: Final = "device/{}/encryption_key"

Reseal = Callable[[str, bytes], bytes]
"""From a place, and what is sealed for it, to the same under the key that seals now."""


async def reseal_payload_keys(database: Database, reseal: Reseal) -> int:
    """Seal anew what devices encrypt with, which no service has in memory, each in a commit of its
    own; how many there were. Raises Unavailable."""
    found = await database.read(_all)
    for number, sealed in found:
        after = reseal(_PLACE.format(number), bytes(sealed))
        await database.commit(partial(_put, number=number, before=sealed, after=after))
    return len(found)


async def keys_in_use(tx: Transaction) -> frozenset[bytes]:
    """The ids of all keys by which some record is sealed."""
    found: set[bytes] = set()
    for statement in BEGINNINGS:
        found |= {bytes(row[0]) for row in await sql(tx).all(statement)}
    for (text,) in await sql(tx).all(TEXTS):
        found.add(sealed_in(str(text)))
    return frozenset(filter(None, map(_id, found)))


def sealed_in(text: str) -> bytes:
    """The record that a setting holds; empty where it holds none."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


async def _all(tx: Transaction) -> list[Values]:
    return await sql(tx).all(EVERY)


async def _put(tx: Transaction, **values: object) -> None:
    await sql(tx).run(REPLACE, **values)


def _id(sealed: bytes) -> bytes | None:
    try:
        return key_of(sealed)
    except Unavailable:
        return None
