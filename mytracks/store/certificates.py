"""Certificates, authorities and revocation lists in the database. Implements the storing half of
`pki.ports`.

Private keys come here sealed. Serials are whole numbers of up to 160 bits: bytes, big end first.
"""

from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import Table, bindparam, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import Conflict, NotFound
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Certified,
    Leaf,
    Reason,
    Revocable,
    RevocationList,
    ServerCertificate,
    ServerState,
    Source,
    Use,
)
from mytracks.store import json_text
from mytracks.store.accounts import NAME_OF
from mytracks.store.database import sql
from mytracks.store.schema import authority, crl, leaf, server_certificate
from mytracks.store.statements import Statement, Values
from mytracks.transaction import Transaction

_CERTIFIED: Final = (
    "serial",
    "fingerprint",
    "subject",
    "sealed_key",
    "key_type",
    "key_size",
    "created",
    "not_before",
    "not_after",
)
_REVOCABLE: Final = ("revoked", "reason", "expunged")
_AUTHORITY: Final = (*_CERTIFIED, "certificate", "state", "crl_number")
_LEAF: Final = (*_CERTIFIED, "authority_id", "user_id", "device_id", "certificate", *_REVOCABLE)
_SERVER: Final = (
    *_CERTIFIED,
    "authority_id",
    "name",
    "names",
    "use",
    "source",
    "state",
    "chain",
    *_REVOCABLE,
)


def _all(table: Table, fields: Sequence[str]) -> Statement:
    columns = (table.c[name] for name in fields)
    return Statement(select(table.c.id, *columns).order_by(table.c.id))


def _add(table: Table, fields: Sequence[str]) -> Statement:
    values: dict[str, Any] = {name: bindparam(name) for name in fields}
    return Statement(insert(table).values(values).on_conflict_do_nothing().returning(table.c.id))


def _change(table: Table, fields: Sequence[str]) -> Statement:
    values: dict[str, Any] = {name: bindparam(name) for name in fields}
    return Statement(update(table).where(table.c.id == bindparam("number")).values(values))


def _remove(table: Table) -> Statement:
    return Statement(delete(table).where(table.c.id == bindparam("number")))


AUTHORITIES: Final = _all(authority, _AUTHORITY)
ADD_AUTHORITY: Final = _add(authority, _AUTHORITY)
CHANGE_AUTHORITY: Final = _change(authority, ("state", "sealed_key"))
REMOVE_AUTHORITY: Final = _remove(authority)
OTHER_AUTHORITY: Final = Statement(
    select(authority.c.id).where(
        authority.c.state == int(AuthorityState.ACTIVE), authority.c.id != bindparam("number")
    )
)

SERVERS: Final = _all(server_certificate, _SERVER)
ADD_SERVER: Final = _add(server_certificate, _SERVER)
CHANGE_SERVER: Final = _change(server_certificate, ("state", "sealed_key", "chain", *_REVOCABLE))
REMOVE_SERVER: Final = _remove(server_certificate)
OTHER_SERVER: Final = Statement(
    select(server_certificate.c.id).where(
        server_certificate.c.state == int(ServerState.ACTIVE),
        server_certificate.c.use == bindparam("use"),
        server_certificate.c.id != bindparam("number"),
    )
)

LEAVES: Final = _all(leaf, _LEAF)
ADD_LEAF: Final = _add(leaf, _LEAF)
CHANGE_LEAF: Final = _change(leaf, ("certificate", "sealed_key", *_REVOCABLE))
DISOWN_LEAF: Final = Statement(
    update(leaf).where(leaf.c.id == bindparam("number")).values(user_id=null())
)
REMOVE_LEAF: Final = _remove(leaf)

_newest: Final = (
    select(crl.c.authority_id, func.max(crl.c.number).label("number"))
    .group_by(crl.c.authority_id)
    .subquery()
)
LISTS: Final = Statement(
    select(crl.c.authority_id, crl.c.number, crl.c.this_update, crl.c.next_update, crl.c.der)
    .join(
        _newest,
        (_newest.c.authority_id == crl.c.authority_id) & (_newest.c.number == crl.c.number),
    )
    .order_by(crl.c.authority_id)
)
COUNT_LIST: Final = Statement(
    update(authority)
    .where(authority.c.id == bindparam("authority"), authority.c.crl_number < bindparam("least"))
    .values(crl_number=bindparam("grown"))
)
ADD_LIST: Final = Statement(
    insert(crl).values(
        authority_id=bindparam("authority"),
        number=bindparam("number"),
        this_update=bindparam("this_update"),
        next_update=bindparam("next_update"),
        der=bindparam("der"),
    )
)
REMOVE_LISTS: Final = Statement(
    delete(crl).where(
        crl.c.authority_id == bindparam("authority"), crl.c.number < bindparam("number")
    )
)


class StoredAuthorities:
    """The certificate authorities."""

    async def all(self, tx: Transaction) -> Sequence[Authority]:
        """Every one, by number."""
        return [read_authority(row) for row in await sql(tx).all(AUTHORITIES)]

    async def add(self, tx: Transaction, new: Authority) -> Authority:
        """Store a new one under a number of its own. Raises Conflict when it is known already, or
        is active and another one is."""
        values = {
            **_certified(new),
            "certificate": new.certificate,
            "state": int(new.state),
            "crl_number": new.crl_number,
        }
        return evolve(new, number=await _added(tx, ADD_AUTHORITY, values))

    async def change(self, tx: Transaction, changed: Authority) -> None:
        """Store its state and its sealed key. Raises NotFound, and Conflict as `add` does."""
        if changed.state is AuthorityState.ACTIVE:
            await _refuse_second(tx, OTHER_AUTHORITY, number=changed.number)
        values = {"state": int(changed.state), "sealed_key": changed.sealed_key}
        await _changed(tx, CHANGE_AUTHORITY, changed.number, values)

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it with all that it signed."""
        await sql(tx).run(REMOVE_AUTHORITY, number=number)


class StoredServerCertificates:
    """The certificates that we show."""

    async def all(self, tx: Transaction) -> Sequence[ServerCertificate]:
        """Every one, by number."""
        return [read_server(row) for row in await sql(tx).all(SERVERS)]

    async def add(self, tx: Transaction, new: ServerCertificate) -> ServerCertificate:
        """Store a new one under a number of its own. Raises Conflict when it or its serial is known
        already, or it is active and another one is."""
        values = {
            **_certified(new),
            **_revocable(new),
            "authority_id": new.authority,
            "name": new.name,
            "names": json_text.write(list(new.names)),
            "use": int(new.use),
            "source": int(new.source),
            "state": int(new.state),
            "chain": new.chain,
        }
        return evolve(new, number=await _added(tx, ADD_SERVER, values))

    async def change(self, tx: Transaction, changed: ServerCertificate) -> None:
        """Store its state, key, chain and revocation. Raises NotFound, and Conflict as `add`
        does."""
        if changed.state is ServerState.ACTIVE:
            await _refuse_second(tx, OTHER_SERVER, number=changed.number, use=int(changed.use))
        values = {
            **_revocable(changed),
            "state": int(changed.state),
            "sealed_key": changed.sealed_key,
            "chain": changed.chain,
        }
        await _changed(tx, CHANGE_SERVER, changed.number, values)

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it."""
        await sql(tx).run(REMOVE_SERVER, number=number)


class StoredLeaves:
    """The client certificates."""

    async def all(self, tx: Transaction) -> Sequence[Leaf]:
        """Every one, by number."""
        return [read_leaf(row) for row in await sql(tx).all(LEAVES)]

    async def add(self, tx: Transaction, new: Leaf) -> Leaf:
        """Store a new one under a number of its own. Raises Conflict when it or its serial is known
        already, NotFound when there is no such account."""
        if new.user is not None and await sql(tx).one(NAME_OF, number=new.user) is None:
            raise NotFound("There is no such user.")
        values = {
            **_certified(new),
            **_revocable(new),
            "authority_id": new.authority,
            "user_id": new.user,
            "device_id": new.device,
            "certificate": new.certificate,
        }
        return evolve(new, number=await _added(tx, ADD_LEAF, values))

    async def change(self, tx: Transaction, changed: Leaf) -> None:
        """Store its certificate, key and revocation, and whether it is still somebody's. Raises
        NotFound."""
        values = {
            **_revocable(changed),
            "certificate": changed.certificate,
            "sealed_key": changed.sealed_key,
        }
        await _changed(tx, CHANGE_LEAF, changed.number, values)
        if changed.user is None:
            await sql(tx).run(DISOWN_LEAF, number=changed.number)

    async def remove(self, tx: Transaction, number: int) -> None:
        """Remove it."""
        await sql(tx).run(REMOVE_LEAF, number=number)


class StoredRevocationLists:
    """The newest list of each authority."""

    async def all(self, tx: Transaction) -> Sequence[RevocationList]:
        """The newest of each authority."""
        return [read_list(row) for row in await sql(tx).all(LISTS)]

    async def put(self, tx: Transaction, made: RevocationList) -> None:
        """Store it in place of that authority's earlier ones. Raises Conflict when its number has
        not grown."""
        numbers = {"authority": made.authority, "least": made.number, "grown": made.number}
        if await sql(tx).run(COUNT_LIST, **numbers) == 0:
            raise Conflict("the number of a revocation list has to grow")
        await sql(tx).run(
            ADD_LIST,
            authority=made.authority,
            number=made.number,
            this_update=made.this_update,
            next_update=made.next_update,
            der=made.der,
        )
        await sql(tx).run(REMOVE_LISTS, authority=made.authority, number=made.number)


async def _added(tx: Transaction, statement: Statement, values: dict[str, Any]) -> int:
    row = await sql(tx).one(statement, **values)
    if row is None:
        raise Conflict("this certificate is known already, or another one is active")
    number: int = row[0]
    return number


async def _changed(
    tx: Transaction, statement: Statement, number: int, values: dict[str, Any]
) -> None:
    if await sql(tx).run(statement, number=number, **values) == 0:
        raise NotFound("there is no such certificate")


async def _refuse_second(tx: Transaction, statement: Statement, **values: int) -> None:
    if await sql(tx).one(statement, **values) is not None:
        raise Conflict("another one is active")


def _certified(row: Certified) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _CERTIFIED}
    return values | {"serial": row.serial.to_bytes((row.serial.bit_length() + 7) // 8 or 1, "big")}


def _revocable(row: Revocable) -> dict[str, Any]:
    reason = int(row.reason) if row.reason is not None else None
    return {"revoked": row.revoked, "reason": reason, "expunged": row.expunged}


def _read_certified(row: Values) -> dict[str, Any]:
    """The fields of `ports.Certified`, which come first in every row."""
    number, serial, *rest = row[: 1 + len(_CERTIFIED)]
    values = dict(zip(_CERTIFIED[1:], rest, strict=True))
    return values | {"number": number, "serial": int.from_bytes(serial, "big")}


def _read_revocable(row: Values) -> dict[str, Any]:
    """The fields of `ports.Revocable` that come last in a row."""
    revoked, reason, expunged = row[-len(_REVOCABLE) :]
    read = Reason(reason) if reason is not None else None
    return {"revoked": revoked, "reason": read, "expunged": expunged}


def read_authority(row: Values) -> Authority:
    """A row of `AUTHORITIES`."""
    certificate, state, crl_number = row[1 + len(_CERTIFIED) :]
    return Authority(
        **_read_certified(row),
        certificate=certificate,
        state=AuthorityState(state),
        crl_number=crl_number,
    )


def read_leaf(row: Values) -> Leaf:
    """A row of `LEAVES`."""
    number, user, device, certificate = row[1 + len(_CERTIFIED) : -len(_REVOCABLE)]
    return Leaf(
        **_read_certified(row),
        **_read_revocable(row),
        authority=number,
        user=user,
        device=device,
        certificate=certificate,
    )


def read_server(row: Values) -> ServerCertificate:
    """A row of `SERVERS`."""
    middle = row[1 + len(_CERTIFIED) : -len(_REVOCABLE)]
    number, name, hosts, use, source, state, chain = middle
    return ServerCertificate(
        **_read_certified(row),
        **_read_revocable(row),
        authority=number,
        name=name,
        names=tuple(json_text.read(hosts)),
        use=Use(use),
        source=Source(source),
        state=ServerState(state),
        chain=chain,
    )


def read_list(row: Values) -> RevocationList:
    """A row of `LISTS`."""
    number, grown, this_update, next_update, der = row
    return RevocationList(
        authority=number, number=grown, this_update=this_update, next_update=next_update, der=der
    )
