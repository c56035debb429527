"""What the store notes about itself in the table of settings."""

from typing import Final

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from mytracks.store.database import sql
from mytracks.store.schema import setting
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction, Unit

PROBE: Final = "store.probe"
"""Written to see whether anything can be written."""
VERSION: Final = "store.version"
"""The version of mytracks that made or last migrated the tables."""
COPYING: Final = "store.copying"
"""How far a copy into this database is: while it is there, the copy is not finished."""

_new: Final = insert(setting).values(
    name=bindparam("name"), value=bindparam("value"), changed=bindparam("changed")
)
NOTE: Final = Statement(
    _new.on_conflict_do_update(
        index_elements=["name"],
        set_={"value": _new.excluded.value, "changed": _new.excluded.changed},
    )
)


def note(name: str, value: str, now: int) -> Unit[None]:
    """A unit that stores `value` under `name`. `now`: UTC seconds."""

    async def unit(tx: Transaction) -> None:
        await sql(tx).run(NOTE, name=name, value=value, changed=now)

    return unit


def unfinished(where: str) -> str:
    """What is to be done about a copy that has not ended. `where`: the database, for people."""
    return (
        f"{where} is a copy that is not finished: run `mytracks migrate-database` again to finish"
        " it, or empty that database"
    )
