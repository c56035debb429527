"""Texts that are kept by name. Implements `pki.acme.ports.Settings`."""

from typing import Final

from sqlalchemy import bindparam, select

from mytracks.store.database import sql
from mytracks.store.notes import NOTE
from mytracks.store.schema import setting
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

GET: Final = Statement(select(setting.c.value).where(setting.c.name == bindparam("name")))


class StoredSettings:
    """Texts by name."""

    async def get(self, tx: Transaction, name: str) -> str | None:
        """That text; None: there is none."""
        row = await sql(tx).one(GET, name=name)
        return None if row is None else str(row[0])

    async def put(self, tx: Transaction, name: str, value: str, now: int) -> None:
        """Keep it in place of the one before. `now`: UTC epoch seconds."""
        await sql(tx).run(NOTE, name=name, value=value, changed=now)
