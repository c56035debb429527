"""Recovery codes: credentials of one kind. Implements `people.factor_ports.RecoveryCodes`."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.people.factor_ports import RecoveryCode
from mytracks.store.database import sql
from mytracks.store.schema import credential
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

KIND: Final = 3
"""In the column `kind`, beside those of device passwords (1) and API tokens (2)."""

ALL: Final = Statement(
    select(credential.c.id, credential.c.user_id, credential.c.secret_hash, credential.c.created)
    .where(credential.c.kind == bindparam("kind"), credential.c.revoked.is_(None))
    .order_by(credential.c.id)
)
REMOVE: Final = Statement(
    delete(credential).where(
        credential.c.user_id == bindparam("user"), credential.c.kind == bindparam("of_kind")
    )
)
ADD: Final = Statement(
    insert(credential)
    .values(
        {
            name: bindparam(name)
            for name in ("user_id", "kind", "secret_hash", "label", "scopes", "created")
        }
    )
    .returning(credential.c.id)
)
USED: Final = Statement(
    update(credential)
    .where(credential.c.id == bindparam("number"), credential.c.revoked.is_(None))
    .values(revoked=bindparam("now"), last_used=bindparam("now"))
)


class StoredRecoveryCodes:
    """The recovery codes."""

    async def all(self, tx: Transaction) -> Sequence[RecoveryCode]:
        """Everybody's that are not used."""
        rows = await sql(tx).all(ALL, kind=KIND)
        return [
            RecoveryCode(number=number, user=user, secret_hash=secret_hash, created=created)
            for number, user, secret_hash, created in rows
        ]

    async def replace(
        self, tx: Transaction, user: int, hashes: Sequence[bytes], now: int
    ) -> Sequence[RecoveryCode]:
        """These are somebody's codes from now on, and no others."""
        await sql(tx).run(REMOVE, user=user, of_kind=KIND)
        made = []
        for secret_hash in hashes:
            row = await sql(tx).one(
                ADD,
                user_id=user,
                kind=KIND,
                secret_hash=secret_hash,
                label="",
                scopes="",
                created=now,
            )
            assert row is not None
            made.append(
                RecoveryCode(number=row[0], user=user, secret_hash=secret_hash, created=now)
            )
        return made

    async def used(self, tx: Transaction, number: int, now: int) -> bool:
        """It is used up; False when it was so before."""
        return await sql(tx).run(USED, number=number, now=now) > 0
