"""Accounts in the database. Implements `people.ports.Accounts`.

An account that is deleted leaves in pieces: millions of rows in one commit would hold up everybody
and be more than a database server answers in time. It is `LEAVING` meanwhile: nobody's any more,
under a name that nobody can have, and none of its devices is seen.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from attrs import AttrsInstance, asdict, evolve, fields
from sqlalchemy import BigInteger, Integer, Table, bindparam, delete, null, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import Conflict, NotFound
from mytracks.people.ports import Account
from mytracks.people.profile import Home, Profile
from mytracks.store import json_text
from mytracks.store.database import sql
from mytracks.store.labels import unlabel
from mytracks.store.schema import (
    context,
    credential,
    device,
    location,
    message,
    mqtt_payload,
    mqtt_retained,
    mqtt_session,
    mqtt_will,
    passkey,
    user_account,
    web_session,
)
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction


class Role(IntEnum):
    """What an account may do, as stored."""

    USER = 0
    ADMIN = 1


class Standing(IntEnum):
    """Whose an account is, as stored in `disabled`."""

    ACTIVE = 0
    DISABLED = 1
    LEAVING = 2
    """Deleted, and not yet all of it is gone."""


_AT_ONCE: Final = 1_000
"""Rows of one table that are removed in one commit."""

_FIELDS: Final = (
    "name",
    "display",
    "role",
    "disabled",
    "password",
    "email",
    "created",
    "settings",
    "last_login",
    "totp",
    "totp_step",
)
_binds: Final[dict[str, Any]] = {name: bindparam(name) for name in _FIELDS}
PRESENT: Final = user_account.c.disabled != Standing.LEAVING

ALL: Final = Statement(
    select(user_account.c.id, *(user_account.c[name] for name in _FIELDS))
    .where(PRESENT)
    .order_by(user_account.c.id)
)
ADD: Final = Statement(
    insert(user_account)
    .values(_binds)
    .on_conflict_do_nothing(index_elements=["name"])
    .returning(user_account.c.id)
)
CHANGE: Final = Statement(
    update(user_account).where(user_account.c.id == bindparam("number"), PRESENT).values(_binds)
)
NAMED: Final = Statement(select(user_account.c.id).where(user_account.c.name == bindparam("name")))
NAME_OF: Final = Statement(
    select(user_account.c.name).where(user_account.c.id == bindparam("number"), PRESENT)
)

LEAVE: Final = Statement(
    update(user_account)
    .where(user_account.c.id == bindparam("number"))
    .values(
        name=bindparam("nobody"),
        disabled=int(Standing.LEAVING),
        totp=null(),
        totp_step=null(),
        last_login=null(),
        **dict.fromkeys(("password", "display", "email"), ""),
        settings="{}",
    )
)
AT_ONCE: Final = [
    Statement(delete(table).where(table.c.user_id == bindparam("number")))
    for table in (
        *(credential, web_session, passkey),
        *(mqtt_session, mqtt_will, mqtt_retained, mqtt_payload),
    )
]
"""What opens a door to an account, and what the broker would still tell others for it; the broker's
limits bound both."""
LEAVING: Final = Statement(
    select(user_account.c.id)
    .where(user_account.c.disabled == Standing.LEAVING)
    .order_by(user_account.c.id)
)
DELETE: Final = Statement(delete(user_account).where(user_account.c.id == bindparam("number")))

FIRST_DEVICE: Final = Statement(
    select(device.c.id)
    .where(device.c.user_id == bindparam("number"))
    .order_by(device.c.id)
    .limit(1)
)
DELETE_DEVICE: Final = Statement(delete(device).where(device.c.id == bindparam("device")))

_key: Final = tuple_(location.c.tst, location.c.seq)
_of_device: Final = location.c.device_id == bindparam("device")
# Its rows are neighbours in the key: a range of them is found and removed in one go.
NEXT_PIECE: Final = Statement(
    select(location.c.tst, location.c.seq)
    .where(_of_device)
    .order_by(location.c.tst, location.c.seq)
    .limit(1)
    .offset(bindparam("most", type_=Integer))
)
DELETE_PIECE: Final = Statement(
    delete(location).where(
        _of_device,
        _key < tuple_(bindparam("tst", type_=BigInteger), bindparam("seq", type_=BigInteger)),
    )
)


def _some_of(table: Table) -> Statement:
    some = select(table.c.id).where(table.c.device_id == bindparam("device"))
    return Statement(
        delete(table).where(table.c.id.in_(some.limit(bindparam("most", type_=Integer))))
    )


DELETE_SOME: Final = [_some_of(table) for table in (context, message)]


class StoredAccounts:
    """The accounts."""

    async def all(self, tx: Transaction) -> Sequence[Account]:
        """Every account, by number."""
        return [_account(row) for row in await sql(tx).all(ALL)]

    async def add(self, tx: Transaction, account: Account) -> Account:
        """Store a new one under a number of its own. Raises Conflict when the name is taken."""
        row = await sql(tx).one(ADD, **_values(account))
        if row is None:
            raise _taken()
        return evolve(account, number=row[0])

    async def change(self, tx: Transaction, account: Account) -> None:
        """Store every field. Raises NotFound, and Conflict when another one has the name."""
        other = await sql(tx).one(NAMED, name=account.name)
        if other is not None and other[0] != account.number:
            raise _taken()
        if await sql(tx).run(CHANGE, number=account.number, **_values(account)) == 0:
            raise NotFound("there is no such account")

    async def leave(self, tx: Transaction, number: int) -> None:
        """Make it nobody's: its name is free, nothing lets anybody in, its devices are not seen,
        nothing that it said is told to anybody any more."""
        await sql(tx).run(LEAVE, number=number, nobody=f"-{number}")
        for statement in AT_ONCE:
            await sql(tx).run(statement, number=number)

    async def leaving(self, tx: Transaction) -> Sequence[int]:
        """The numbers of those that left and are not yet all gone."""
        return [number for (number,) in await sql(tx).all(LEAVING)]

    async def remove_some(self, tx: Transaction, number: int) -> bool:
        """Remove a bounded part of what one that left still has; whether there is more.

        Its devices go one after the other, each in pieces, the account itself last.
        """
        row = await sql(tx).one(FIRST_DEVICE, number=number)
        if row is None:
            await sql(tx).run(DELETE, number=number)
            return False
        bounds: dict[str, Any] = {"device": row[0], "most": _AT_ONCE}
        piece = await sql(tx).one(NEXT_PIECE, **bounds)
        if piece is not None:
            await sql(tx).run(DELETE_PIECE, device=row[0], tst=piece[0], seq=piece[1])
            return True
        for statement in DELETE_SOME:
            if await sql(tx).run(statement, **bounds) == _AT_ONCE:
                return True
        await unlabel(tx, row[0])
        # The database removes the little that is left with it.
        await sql(tx).run(DELETE_DEVICE, device=row[0])
        return True


def _taken() -> Conflict:
    return Conflict("this name is taken", {"name": ["is taken"]})


def _values(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "display": account.display,
        "role": int(Role.ADMIN if account.admin else Role.USER),
        "disabled": int(Standing.DISABLED if account.disabled else Standing.ACTIVE),
        "password": account.password,
        "email": account.email,
        "created": account.created,
        "settings": json_text.write(asdict(account.profile) | {"updated": account.updated}),
        "last_login": account.last_login,
        "totp": account.totp,
        "totp_step": account.totp_step,
    }


def _account(row: Values) -> Account:
    number, name, display, role, disabled, password, email, created, settings, *rest = row
    last_login, totp, totp_step = rest
    kept = json_text.read(settings)
    return Account(
        number=number,
        name=name,
        display=display,
        admin=role == Role.ADMIN,
        disabled=disabled == Standing.DISABLED,
        password=password,
        email=email,
        created=created,
        profile=_profile(kept),
        updated=kept.get("updated", created),
        last_login=last_login,
        totp=totp,
        totp_step=totp_step,
    )


def _profile(kept: Mapping[str, Any]) -> Profile:
    """Of what stands in `settings`: an earlier version wrote less of it, a later one more."""
    told = _known(kept, Profile)
    if told.get("home") is not None:
        told["home"] = Home(**_known(told["home"], Home))
    return Profile(**told)


def _known(kept: Mapping[str, Any], kind: type[AttrsInstance]) -> dict[str, Any]:
    return {each.name: kept[each.name] for each in fields(kind) if each.name in kept}
