"""By which keys of the key ring something is sealed: those must not be forgotten."""

import base64
import binascii
from typing import Final

from sqlalchemy import func, select

from mytracks.errors import Unavailable
from mytracks.pki.keyring import key_of
from mytracks.store.database import sql
from mytracks.store.schema import setting
from mytracks.store.sealed import SEALED
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

_BEGINNING: Final = 24
"""Bytes of a record that say by which key it is sealed, and some more."""

BEGINNINGS: Final = [
    Statement(select(func.substr(column, 1, _BEGINNING)).where(column.is_not(None)))
    for column in SEALED
]
TEXTS: Final = Statement(select(setting.c.value).where(setting.c.name.like("acme.%")))


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


def _id(sealed: bytes) -> bytes | None:
    try:
        return key_of(sealed)
    except Unavailable:
        return None
