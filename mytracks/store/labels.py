"""What owners call their devices: each in the settings of the database, under a name of its own."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, select

from mytracks.store.database import sql
from mytracks.store.notes import NOTE
from mytracks.store.schema import setting
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

ALL: Final = Statement(
    select(setting.c.name, setting.c.value).where(setting.c.name.like("device/%/label"))
)
REMOVE: Final = Statement(delete(setting).where(setting.c.name == bindparam("name")))


async def labels(tx: Transaction) -> Mapping[str, str]:
    """All of them, each under `name_of` its device's number."""
    return dict(await sql(tx).all(ALL))


async def label(tx: Transaction, number: int, text: str, now: int) -> None:
    """Call it so; empty: as it calls itself."""
    if text:
        await sql(tx).run(NOTE, name=name_of(number), value=text, changed=now)
    else:
        await unlabel(tx, number)


async def unlabel(tx: Transaction, number: int) -> None:
    """The device is gone."""
    await sql(tx).run(REMOVE, name=name_of(number))


def name_of(number: int) -> str:
    """Where the label of the device with this number is."""
    return f"device/{number}/label"
