"""Whether anything is stored sealed: then the key ring must be there, or nobody can open it."""

from typing import Final

from sqlalchemy import literal, select

from mytracks.store.database import sql
from mytracks.store.schema import (
    authority,
    device,
    leaf,
    server_certificate,
    setting,
    user_account,
)
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

SEALED: Final = (
    user_account.c.totp,
    device.c.encryption_key,
    authority.c.sealed_key,
    leaf.c.sealed_key,
    server_certificate.c.sealed_key,
)
"""Every column that holds something sealed."""

ANY: Final = [
    *(
        Statement(select(literal(1)).select_from(column.table).where(column.is_not(None)).limit(1))
        for column in SEALED
    ),
    # The account with a public authority, and its orders.
    Statement(
        select(literal(1)).select_from(setting).where(setting.c.name.like("acme.%")).limit(1)
    ),
]


async def sealed_exists(tx: Transaction) -> bool:
    """Whether some record is sealed."""
    for statement in ANY:
        if await sql(tx).one(statement) is not None:
            return True
    return False
