"""Accounts in the database. Implements `people.ports.Accounts`."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import Conflict, NotFound
from mytracks.people.ports import Account
from mytracks.store import json_text
from mytracks.store.database import sql
from mytracks.store.schema import user_account
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction


class Role(IntEnum):
    """What an account may do, as stored."""

    USER = 0
    ADMIN = 1


_FIELDS: Final = (
    "name",
    "display",
    "role",
    "disabled",
    "password",
    "email",
    "created",
    "settings",
)
_binds: Final[dict[str, Any]] = {name: bindparam(name) for name in _FIELDS}

ALL: Final = Statement(
    select(user_account.c.id, *(user_account.c[name] for name in _FIELDS)).order_by(
        user_account.c.id
    )
)
ADD: Final = Statement(
    insert(user_account)
    .values(_binds)
    .on_conflict_do_nothing(index_elements=["name"])
    .returning(user_account.c.id)
)
CHANGE: Final = Statement(
    update(user_account).where(user_account.c.id == bindparam("number")).values(_binds)
)
DELETE: Final = Statement(delete(user_account).where(user_account.c.id == bindparam("number")))
NAMED: Final = Statement(select(user_account.c.id).where(user_account.c.name == bindparam("name")))
NAME_OF: Final = Statement(
    select(user_account.c.name).where(user_account.c.id == bindparam("number"))
)


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

    async def delete(self, tx: Transaction, number: int) -> None:
        """Remove the account; the database removes all that is its own."""
        await sql(tx).run(DELETE, number=number)


def _taken() -> Conflict:
    return Conflict("this name is taken", {"name": ["is taken"]})


def _values(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "display": account.display,
        "role": int(Role.ADMIN if account.admin else Role.USER),
        "disabled": int(account.disabled),
        "password": account.password,
        "email": account.email,
        "created": account.created,
        "settings": json_text.write(dict(account.settings)),
    }


def _account(row: Values) -> Account:
    number, name, display, role, disabled, password, email, created, settings = row
    return Account(
        number=number,
        name=name,
        display=display,
        admin=role == Role.ADMIN,
        disabled=bool(disabled),
        password=password,
        email=email,
        created=created,
        settings=json_text.read(settings),
    )
