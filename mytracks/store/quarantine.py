"""What could not be understood: acknowledged, kept for the administrator, the newest of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import NotFound
from mytracks.phones.facts import Fact, Kept
from mytracks.phones.ports import Aside, Which
from mytracks.sharing.identity import Door
from mytracks.store.accounts import PRESENT
from mytracks.store.bounds import Bound, Queries
from mytracks.store.database import sql
from mytracks.store.limits import Limits
from mytracks.store.schema import device, quarantine, user_account
from mytracks.store.statements import Rows, Statement, Values
from mytracks.transaction import Transaction

DOORS: Final = {Door.WEB: 1, Door.HTTP: 2, Door.MQTT: 3}
_BY_NUMBER: Final = {number: door for door, number in DOORS.items()}

ADD: Final = Rows(
    insert(quarantine).values(
        {
            name: bindparam(name)
            for name in ("received", "source", "user_id", "device_id", "topic", "reason", "body")
        }
    )
)
QUERIES: Final = Queries(quarantine)
BODY: Final = ADD.columns.index("body")
_MOST: Final = 2**62
_EVERYBODY: Final = 0
"""No account has this number."""

_user: Final = bindparam("user", type_=BigInteger)
_those: Final = (
    quarantine.c.id <= bindparam("through", type_=BigInteger),
    quarantine.c.received >= bindparam("since", type_=BigInteger),
    func.lower(quarantine.c.reason).like(bindparam("reason", type_=Text), escape="!"),
    or_(_user == _EVERYBODY, quarantine.c.user_id == _user),
)
# Those of accounts that are leaving are nobody's to see any more.
_whole: Final = quarantine.outerjoin(
    user_account, user_account.c.id == quarantine.c.user_id
).outerjoin(device, device.c.id == quarantine.c.device_id)
_seen: Final = or_(quarantine.c.user_id.is_(None), PRESENT)


def _rows(body: Any) -> Any:
    return select(
        quarantine.c.id,
        quarantine.c.received,
        quarantine.c.source,
        quarantine.c.user_id,
        user_account.c.name,
        device.c.name.label("device_name"),
        quarantine.c.topic,
        quarantine.c.reason,
        func.length(quarantine.c.body),
        body,
    ).select_from(_whole)


COUNT: Final = Statement(select(func.count()).select_from(_whole).where(_seen, *_those))
PAGE: Final = Statement(
    _rows(func.substr(quarantine.c.body, 1, bindparam("preview", type_=Integer)))
    .where(_seen, *_those)
    .order_by(quarantine.c.id.desc())
    .limit(bindparam("page", type_=Integer))
    .offset(bindparam("skip", type_=Integer))
)
_exactly: Final = quarantine.c.id == bindparam("number", type_=BigInteger)
ONE: Final = Statement(_rows(quarantine.c.body).where(_seen, _exactly))
EXPLAIN: Final = Statement(update(quarantine).where(_exactly).values(reason=bindparam("why")))
DELETE: Final = Statement(delete(quarantine).where(_exactly))
CLEAR: Final = Statement(delete(quarantine).where(and_(*_those)))


class Quarantine:
    """Bounded by count and by bytes of bodies."""

    def __init__(self, limits: Limits) -> None:
        self._bound = Bound(QUERIES, limits.quarantine_messages, limits.quarantine_bytes)

    async def add(self, tx: Transaction, rows: Sequence[Values]) -> None:
        """Store rows in the order of `ADD`; the oldest give way, never the very newest."""
        await sql(tx).insert(ADD, rows)
        await self._bound.added(tx, [row[BODY] for row in rows])


class SetAsideMessages:
    """What is there, read back and done with. Implements `phones.ports.Quarantine`.

    `record`: stores one fact with care, as `Recorder.carefully` does.
    """

    def __init__(self, record: Callable[[Transaction, Fact], Awaitable[Kept]]) -> None:
        self._record = record

    async def count(self, tx: Transaction, which: Which) -> int:
        """How many there are."""
        row = await sql(tx).one(COUNT, **_values(which))
        return int(row[0]) if row is not None else 0

    async def page(
        self, tx: Transaction, which: Which, *, limit: int, offset: int, preview: int
    ) -> Sequence[Aside]:
        """The newest first, each with at most `preview` bytes of its body."""
        part = {"page": limit, "skip": offset, "preview": preview}
        return [_aside(row) for row in await sql(tx).all(PAGE, **_values(which), **part)]

    async def one(self, tx: Transaction, number: int) -> Aside | None:
        """All of one."""
        row = await sql(tx).one(ONE, number=number)
        return None if row is None else _aside(row)

    async def replace(self, tx: Transaction, number: int, fact: Fact) -> Kept:
        """Store `fact` in the place of the message, which is then no longer there. Raises NotFound
        when it was not, or whose it is is not there any more."""
        await self.delete(tx, number)
        kept = await self._record(tx, fact)
        if kept.device is None:
            raise NotFound("The account of this message is gone.")
        return kept

    async def explain(self, tx: Transaction, number: int, reason: str) -> None:
        """Keep it for another reason. Raises NotFound when it is not there."""
        _check_one(await sql(tx).run(EXPLAIN, number=number, why=reason))

    async def delete(self, tx: Transaction, number: int) -> None:
        """It is no longer there. Raises NotFound when it was not."""
        _check_one(await sql(tx).run(DELETE, number=number))

    async def clear(self, tx: Transaction, which: Which) -> int:
        """The same for several; how many there were."""
        return await sql(tx).run(CLEAR, **_values(which))


def _check_one(count: int) -> None:
    if count != 1:
        raise NotFound("This message is no longer set aside.")


def _values(which: Which) -> dict[str, Any]:
    text = which.reason.lower()
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return {
        "user": _EVERYBODY if which.user is None else which.user,
        "reason": f"%{text}%",
        "since": -_MOST if which.since is None else which.since,
        "through": _MOST if which.through is None else which.through,
    }


def _aside(row: Values) -> Aside:
    number, received, source, user, user_name, device_name, topic, reason, size, body = row
    return Aside(
        number=number,
        received=received,
        door=_BY_NUMBER[source],
        user=user,
        user_name=user_name,
        device=device_name,
        topic=topic,
        reason=reason,
        size=size,
        body=bytes(body),
    )
