"""What becomes of a device by its owner's will. Implements `phones.ports.Desk`.

A device that is removed leaves as an account does, and by the same pieces: it is given to an
account that was made for that, is nobody's, and leaves with all that it has.
"""

from typing import Final

from sqlalchemy import LargeBinary, bindparam, case, delete, null, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import NotFound
from mytracks.store.accounts import Role, Standing
from mytracks.store.database import sql
from mytracks.store.devices import HAS_OWN_TID, Flags
from mytracks.store.labels import label, unlabel
from mytracks.store.schema import credential, device, user_account
from mytracks.store.statements import Statement
from mytracks.tracks.ports import Look
from mytracks.transaction import Transaction

_is_it: Final = device.c.id == bindparam("number")

DRESS: Final = Statement(
    update(device)
    .where(_is_it)
    .values(tid=bindparam("tid"), color=bindparam("color"), flags=bindparam("flags"))
)
PAINT: Final = Statement(
    update(device)
    .where(_is_it)
    .values(
        # Its own comes with the next message.
        tid=case((HAS_OWN_TID, null()), else_=device.c.tid),
        color=bindparam("color"),
        flags=bindparam("flags"),
    )
)
KEEP_KEY: Final = Statement(
    update(device).where(_is_it).values(encryption_key=bindparam("sealed", type_=LargeBinary))
)
HEIR: Final = Statement(
    insert(user_account)
    .values(
        name=bindparam("name"),
        display="",
        role=int(Role.USER),
        password="",
        disabled=int(Standing.LEAVING),
        email="",
        created=0,
        settings="{}",
    )
    .returning(user_account.c.id)
)
GIVE: Final = Statement(
    update(device).where(_is_it).values(user_id=bindparam("heir"), encryption_key=null())
)
NO_PASSWORD: Final = Statement(
    delete(credential).where(credential.c.device_id == bindparam("number"))
)


class StoredDesk:
    """The devices, as their owners want them."""

    async def dress(self, tx: Transaction, number: int, look: Look, now: int) -> None:
        """See it so. Raises NotFound."""
        fixed = look.tid is not None
        values = {"color": look.color, "flags": int(Flags.OWN_TID if fixed else Flags(0))}
        if fixed:
            found = await sql(tx).run(DRESS, number=number, tid=look.tid, **values)
        else:
            found = await sql(tx).run(PAINT, number=number, **values)
        if found == 0:
            raise NotFound("There is no such device.")
        await label(tx, number, look.label, now)

    async def keep_key(self, tx: Transaction, number: int, sealed: bytes | None) -> None:
        """Keep it with the device. Raises NotFound."""
        if await sql(tx).run(KEEP_KEY, number=number, sealed=sealed) == 0:
            raise NotFound("There is no such device.")

    async def leave(self, tx: Transaction, number: int) -> int:
        """Give it to an account that leaves; that account's number. Raises NotFound."""
        row = await sql(tx).one(HEIR, name=f"-device {number}")
        assert row is not None
        if await sql(tx).run(GIVE, number=number, heir=row[0]) == 0:
            raise NotFound("There is no such device.")
        await sql(tx).run(NO_PASSWORD, number=number)
        await unlabel(tx, number)
        return int(row[0])
