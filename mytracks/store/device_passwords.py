"""Device passwords: credentials of one kind. Implements `people.ports.DevicePasswords`."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import NotFound
from mytracks.people.ports import DevicePassword
from mytracks.store.database import sql
from mytracks.store.devices import StoredDevices
from mytracks.store.schema import credential, device
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction


class Kind(IntEnum):
    """What a credential is, as stored."""

    DEVICE_PASSWORD = 1
    TOKEN = 2


ALL: Final = Statement(
    select(
        credential.c.id,
        credential.c.user_id,
        credential.c.device_id,
        device.c.name,
        credential.c.secret_hash,
        credential.c.created,
        credential.c.last_used,
    )
    .join_from(credential, device, device.c.id == credential.c.device_id)
    .where(credential.c.kind == bindparam("kind"), credential.c.revoked.is_(None))
    .order_by(credential.c.id)
)
REVOKE: Final = Statement(
    update(credential)
    .where(
        credential.c.device_id == bindparam("device"),
        credential.c.kind == bindparam("of_kind"),
        credential.c.revoked.is_(None),
    )
    .values(revoked=bindparam("now"))
)
ADD: Final = Statement(
    insert(credential)
    .values(
        {
            name: bindparam(name)
            for name in (
                "user_id",
                "kind",
                "device_id",
                "secret_hash",
                "label",
                "scopes",
                "created",
            )
        }
    )
    .returning(credential.c.id)
)
USED: Final = Statement(
    update(credential)
    .where(credential.c.id == bindparam("number"))
    .values(last_used=bindparam("now"))
)


class StoredDevicePasswords:
    """The device passwords."""

    def __init__(self, devices: StoredDevices) -> None:
        self._devices = devices

    async def all(self, tx: Transaction) -> Sequence[DevicePassword]:
        """Every password that is in force."""
        rows = await sql(tx).all(ALL, kind=int(Kind.DEVICE_PASSWORD))
        return [
            DevicePassword(
                number=number,
                user=user,
                device=device_number,
                device_name=name,
                secret_hash=secret_hash,
                created=created,
                last_used=last_used,
            )
            for number, user, device_number, name, secret_hash, created, last_used in rows
        ]

    async def replace(
        self, tx: Transaction, user: int, device_name: str, secret_hash: bytes, now: int
    ) -> DevicePassword:
        """Store it, make its device if need be, revoke its earlier one. Raises NotFound when
        there is no such account."""
        made = await self._devices.made(tx, user, device_name, now)
        if made is None:
            raise NotFound("there is no such account")
        kind = int(Kind.DEVICE_PASSWORD)
        await sql(tx).run(REVOKE, device=made.number, of_kind=kind, now=now)
        row = await sql(tx).one(
            ADD,
            user_id=user,
            kind=kind,
            device_id=made.number,
            secret_hash=secret_hash,
            label="",
            scopes="",
            created=now,
        )
        assert row is not None
        return DevicePassword(
            number=row[0],
            user=user,
            device=made.number,
            device_name=device_name,
            secret_hash=secret_hash,
            created=now,
        )

    async def revoke(self, tx: Transaction, device: int, now: int) -> None:
        """The device has no password any more."""
        await sql(tx).run(REVOKE, device=device, of_kind=int(Kind.DEVICE_PASSWORD), now=now)

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        """Note that it let somebody in."""
        await sql(tx).run(USED, number=number, now=now)
