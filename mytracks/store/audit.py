"""The audit log in the database. Implements `people.ports.AuditLog`."""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from mytracks.clock import EARLIEST
from mytracks.people.ports import AuditEntry, AuditPage, AuditQuestion
from mytracks.sharing.identity import Actor
from mytracks.store.database import sql
from mytracks.store.schema import audit, user_account
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

_AT_ONCE: Final = 1_000
"""Rows that are removed in one commit."""
_ESCAPE: Final = "!"

ADD: Final = Statement(
    insert(audit).values(
        at=bindparam("at"),
        # Null for who is gone meanwhile: an administrator deleted while they do something.
        actor_id=select(user_account.c.id)
        .where(user_account.c.id == bindparam("actor_id"))
        .scalar_subquery(),
        **{name: bindparam(name) for name in ("actor", "address", "action", "object", "detail")},
    )
)


def _asked(name: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """`condition`, if the parameter `name` is given."""
    return or_(bindparam(name).is_(None), condition)


def _family(name: str, column: ColumnElement[str]) -> ColumnElement[bool]:
    """The column is what is asked for, or belongs to it."""
    below = column.like(bindparam(f"below_{name}", type_=Text), escape=_ESCAPE)
    return _asked(name, or_(column == bindparam(name), below))


_texts: Final = (audit.c.actor, audit.c.address, audit.c.action, audit.c.object, audit.c.detail)
_part: Final = bindparam("part", type_=Text)
_wanted: Final = and_(
    _asked("actor", audit.c.actor == bindparam("actor")),
    _family("action", audit.c.action),
    or_(
        _family("what", audit.c.object),
        audit.c.object.like(bindparam("within_what", type_=Text), escape=_ESCAPE),
    ),
    _asked("since", audit.c.at >= bindparam("since")),
    _asked("until", audit.c.at < bindparam("until")),
    or_(_part.is_(None), *(column.ilike(_part, escape=_ESCAPE) for column in _texts)),
)
COUNT: Final = Statement(select(func.count()).select_from(audit).where(_wanted))
PAGE: Final = Statement(
    select(
        audit.c.id,
        audit.c.at,
        audit.c.actor,
        audit.c.actor_id,
        audit.c.address,
        audit.c.action,
        audit.c.object,
        audit.c.detail,
    )
    .where(_wanted)
    .order_by(audit.c.id.desc())
    .limit(bindparam("limit", type_=Integer))
    .offset(bindparam("offset", type_=Integer))
)

NEWEST_BEYOND: Final = Statement(
    select(audit.c.id).order_by(audit.c.id.desc()).limit(1).offset(bindparam("most", type_=Integer))
)
_old: Final = (
    select(audit.c.id)
    .where(
        or_(
            audit.c.id <= bindparam("last"),
            # What came while our clock was not set is not old; it goes by the number alone.
            and_(audit.c.at < bindparam("before"), audit.c.at >= EARLIEST),
        )
    )
    .order_by(audit.c.id)
    .limit(_AT_ONCE)
)
SWEEP: Final = Statement(delete(audit).where(audit.c.id.in_(_old)))


class StoredAudit:
    """The entries."""

    async def add(
        self, tx: Transaction, at: int, by: Actor, action: str, what: str, detail: str
    ) -> None:
        """One more entry."""
        await sql(tx).run(
            ADD,
            at=at,
            actor_id=by.user,
            actor=by.name,
            address=by.address,
            action=action,
            object=what,
            detail=detail,
        )

    async def page(self, tx: Transaction, question: AuditQuestion) -> AuditPage:
        """The entries that are asked for, newest first."""
        values = _values(question)
        counted = await sql(tx).one(COUNT, **values)
        assert counted is not None
        rows = await sql(tx).all(PAGE, **values, limit=question.limit, offset=question.offset)
        entries = [
            AuditEntry(
                number=number,
                at=at,
                actor=actor,
                actor_number=actor_number,
                address=address,
                action=action,
                what=what,
                detail=detail,
            )
            for number, at, actor, actor_number, address, action, what, detail in rows
        ]
        return AuditPage(counted[0], entries)

    async def sweep(self, tx: Transaction, before: int | None, most: int) -> bool:
        """Remove some that are older than `before` or beyond the newest `most`; whether there may
        be more."""
        beyond = await sql(tx).one(NEWEST_BEYOND, most=most)
        last = beyond[0] if beyond is not None else 0
        swept = await sql(tx).run(SWEEP, last=last, before=before or 0)
        return swept == _AT_ONCE


def _values(question: AuditQuestion) -> dict[str, Any]:
    return {
        "actor": question.actor.lower() or None,
        "action": question.action or None,
        "below_action": f"{_literally(question.action)}.%",
        "what": question.what or None,
        "below_what": f"{_literally(question.what)}:%",
        "within_what": f"{_literally(question.what)}/%" if ":" in question.what else None,
        "since": question.since,
        "until": question.until,
        "part": f"%{_literally(question.text)}%" if question.text else None,
    }


def _literally(text: str) -> str:
    """`text` within a pattern of LIKE."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return text
