"""What the broker's changes do to the tables, many of them with few statements.

What only adds or takes away rows of its own is gathered over all records of a batch; what may meet
something that was gathered is done after that. The order of what meets stays as it was.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from attrs import frozen

from mytracks.mqtt.protocol.topics import matches
from mytracks.mqtt.routing.changes import (
    Arrived,
    Began,
    Change,
    Departed,
    Ended,
    Enqueued,
    Forgotten,
    Reference,
    Released,
    Retained,
    Seen,
    Sent,
    Settled,
    Subscribed,
    Trim,
    Unretained,
    Unsubscribed,
    Willed,
    WillGone,
    Withdrawn,
)
from mytracks.mqtt.routing.ports import Standing
from mytracks.store import mqtt_statements as statements
from mytracks.store.database import sql
from mytracks.store.mqtt_statements import Flags, key_of
from mytracks.store.several import groups
from mytracks.store.statements import Values
from mytracks.transaction import Transaction

_AT_ONCE: Final = 1_000
_STANDING: Final = {
    Standing.REPLACED: Flags.REPLACED,
    Standing.ORDINARY: Flags(0),
    Standing.KEPT: Flags.KEPT,
    Standing.LAST: Flags.LAST,
}


@frozen
class Numbered:
    """A message that waits, and the number of its one copy."""

    payload: int
    change: Enqueued


class Gone(NamedTuple):
    """A place in a queue that is no more; `record`: which of the batch took it away.

    `session` None: its session is no more either, or never was.
    """

    record: int
    session: int | None
    payload: int
    trimmed: bool


class Changing:
    """The changes of one transaction. `careful`: look first whether what is spoken of is there, as
    must be done alone; else an error says that it is not."""

    def __init__(self, tx: Transaction, *, careful: bool) -> None:
        self.gone: list[Gone] = []
        self._sql = sql(tx)
        self._careful = careful
        self._record = 0
        self._users: dict[str, int | None] = {}
        self._payloads: list[Values] = []
        self._references: dict[tuple[int, int], Values] = {}
        self._settled: dict[int, dict[int, int]] = {}
        self._sent: dict[int, int] = {}
        self._arrived: set[tuple[int, int]] = set()
        self._retained: dict[str, Retained | None] = {}

    async def add(self, record: int, change: Change | Numbered) -> None:
        """One more change, of this record."""
        self._record = record
        await _TAKING[type(change)](self, change)

    async def flush(self) -> None:
        """Do what was gathered."""
        if self._payloads:
            payloads, self._payloads = self._payloads, []
            await self._sql.insert(statements.PAYLOAD, payloads)
        if self._references:
            references, self._references = self._references, {}
            await self._sql.insert(statements.REFERENCE, sorted(references.values()))
        if self._arrived:
            arrived, self._arrived = self._arrived, set()
            await self._sql.insert(statements.ARRIVED, sorted(arrived))
        settled, self._settled = self._settled, {}
        for session, ordinals in settled.items():
            await self._settle(session, ordinals, trimmed=False)
        sent, self._sent = self._sent, {}
        for session, ordinal in sorted(sent.items()):
            await self._sql.run(statements.SENT, session=session, ordinal=ordinal)
        await self._retain()

    # What is gathered.

    async def _enqueued(self, numbered: Numbered) -> None:
        change, payload = numbered.change, numbered.payload
        user = await self._user(change.publisher)
        references = [
            each
            for each in change.references
            if user is not None and await self._there(each.session)
        ]
        missing = len(change.references) - len(references)
        self.gone += [Gone(self._record, None, payload, False)] * missing
        if not references:
            return
        message = change.message
        row = (payload, user, message.topic, message.payload, int(change.at))
        self._payloads.append(row)
        for each in references:
            self._references[each.session, each.ordinal] = _reference(each, payload)

    async def _settling(self, change: Settled) -> None:
        ordinals = self._settled.setdefault(change.session, {})
        for ordinal in change.ordinals:
            ordinals.setdefault(ordinal, self._record)

    async def _sending(self, change: Sent) -> None:
        self._sent[change.session] = change.ordinal

    async def _retaining(self, change: Retained) -> None:
        self._retained[change.message.topic] = change

    async def _unretaining(self, change: Unretained) -> None:
        self._retained[change.topic] = None

    async def _arriving(self, change: Arrived) -> None:
        if await self._there(change.session):
            self._arrived.add((change.session, change.packet_id))

    # What is done at once.

    async def _departing(self, change: Departed) -> None:
        if (change.session, change.packet_id) in self._arrived:
            await self.flush()
        values = {"session": change.session, "packet_id": change.packet_id}
        await self._sql.run(statements.DEPARTED, **values)

    async def _releasing(self, change: Released) -> None:
        if (change.session, change.ordinal) in self._references:
            await self.flush()
        values = {"session": change.session, "ordinal": change.ordinal}
        await self._sql.run(statements.RELEASE, **values)

    async def _beginning(self, change: Began) -> None:
        await self.flush()
        user = await self._user(change.namespace)
        if user is None:
            return
        owner = {"user": user, "client_key": key_of(change.client_id)}
        await self._sql.run(statements.END_OTHER, **owner)
        await self._sql.run(
            statements.BEGIN,
            **owner,
            session=change.session,
            client_id=change.client_id,
            level=change.level,
            mark=change.mark,
            at=int(change.at),
        )

    async def _seeing(self, change: Seen) -> None:
        at = int(change.at)
        values = {"session": change.session, "level": change.level, "mark": change.mark, "at": at}
        await self._sql.run(statements.SEEN, **values)

    async def _ending(self, change: Ended) -> None:
        await self.flush()
        places = await self._sql.all(statements.PLACES, session=change.session)
        await self._sql.run(statements.END, session=change.session)
        self.gone += [Gone(self._record, None, payload, False) for (payload,) in places]

    async def _subscribing(self, change: Subscribed) -> None:
        if await self._there(change.session):
            await self._sql.run(
                statements.SUBSCRIBE,
                session=change.session,
                filter_key=key_of(change.topic_filter),
                topic_filter=change.topic_filter,
                qos=change.qos,
            )

    async def _unsubscribing(self, change: Unsubscribed) -> None:
        values = {"session": change.session, "filter_key": key_of(change.topic_filter)}
        await self._sql.run(statements.UNSUBSCRIBE, **values)

    async def _trimming(self, change: Trim) -> None:
        await self.flush()
        count, size, going = change.count, change.size, {}
        values = {"session": change.session, "beyond": change.beyond}
        while count > 0 or size > 0:
            most = _AT_ONCE if size > 0 else min(count, _AT_ONCE)
            page = await self._sql.all(statements.TRIMMABLE, **values, page=most)
            for ordinal, weight in page:
                if count <= 0 and size <= 0:
                    break
                going[ordinal] = self._record
                count, size = count - 1, size - weight
            await self._settle(change.session, going, trimmed=True)
            going = {}
            if len(page) < most:
                return

    async def _willing(self, change: Willed) -> None:
        user = await self._user(change.namespace)
        if user is None:
            return
        message = change.message
        await self._sql.run(
            statements.WILL,
            user=user,
            client_key=key_of(change.client_id),
            client_id=change.client_id,
            mark=change.mark,
            topic=message.topic,
            qos=message.qos,
            retain=int(message.retain),
            body=message.payload,
            stored=0,
        )

    async def _will_going(self, change: WillGone) -> None:
        values = {"namespace": change.namespace, "client_key": key_of(change.client_id)}
        await self._sql.run(statements.WILL_GONE, **values)

    async def _forgetting(self, change: Forgotten) -> None:
        await self.flush()
        places = await self._sql.all(statements.PLACES_OF, namespace=change.namespace)
        self.gone += [Gone(self._record, None, payload, False) for (payload,) in places]
        self._users.pop(change.namespace, None)
        for statement in statements.FORGET:
            await self._sql.run(statement, namespace=change.namespace)
        for session, _, payload in await self._sql.all(statements.DANGLING):
            self.gone.append(Gone(self._record, session, payload, False))

    async def _withdrawing(self, change: Withdrawn) -> None:
        await self.flush()
        user = await self._user(change.namespace)
        for topics, remove in statements.WITHDRAW:
            for (topic,) in await self._sql.all(topics, user=user):
                if matches(change.topic_filter, topic):
                    await self._sql.run(remove, user=user, topic=topic)
        for session, _, payload in await self._sql.all(statements.DANGLING):
            self.gone.append(Gone(self._record, session, payload, False))

    # Parts of the above.

    async def _settle(self, session: int, ordinals: Mapping[int, int], *, trimmed: bool) -> None:
        """Take places out of a queue; `ordinals`: each with its record."""
        before = len(self.gone)
        for some in groups(sorted(ordinals)):
            rows = await self._sql.all(statements.SETTLE, session=session, **some)
            self.gone += [Gone(ordinals[o], session, payload, trimmed) for o, payload in rows]
        if trimmed and len(self.gone) > before:
            count = len(self.gone) - before
            await self._sql.run(statements.DROPPED, session=session, count=count)

    async def _retain(self) -> None:
        changed, self._retained = self._retained, {}
        rows = []
        for topic, change in sorted(changed.items()):
            user = None if change is None else await self._user(change.publisher)
            if change is None or user is None:
                await self._sql.run(statements.UNRETAIN, topic_key=key_of(topic))
            else:
                message = change.message
                body, at = message.payload, int(change.at)
                rows.append((key_of(topic), topic, user, message.qos, body, at))
        if rows:
            await self._sql.insert(statements.RETAIN, sorted(rows))

    async def _user(self, namespace: str) -> int | None:
        """Whose namespace it is; None: nobody's any more."""
        if namespace not in self._users:
            row = await self._sql.one(statements.USER, namespace=namespace)
            self._users[namespace] = None if row is None else row[0]
        return self._users[namespace]

    async def _there(self, session: int) -> bool:
        if not self._careful:
            return True
        return await self._sql.one(statements.THERE, session=session) is not None


def _reference(each: Reference, payload: int) -> Values:
    flags = _STANDING[each.standing] | (Flags.RETAIN if each.retain else Flags(0))
    return (each.session, each.ordinal, payload, each.qos, int(flags))


_Taking = Callable[[Changing, Any], Coroutine[Any, Any, None]]

_TAKING: Final[Mapping[type, _Taking]] = {
    Numbered: Changing._enqueued,
    Settled: Changing._settling,
    Retained: Changing._retaining,
    Unretained: Changing._unretaining,
    Arrived: Changing._arriving,
    Departed: Changing._departing,
    Released: Changing._releasing,
    Began: Changing._beginning,
    Seen: Changing._seeing,
    Ended: Changing._ending,
    Subscribed: Changing._subscribing,
    Unsubscribed: Changing._unsubscribing,
    Trim: Changing._trimming,
    Sent: Changing._sending,
    Willed: Changing._willing,
    WillGone: Changing._will_going,
    Forgotten: Changing._forgetting,
    Withdrawn: Changing._withdrawing,
}


async def change(
    tx: Transaction, records: Sequence[Sequence[Change | Numbered]], *, careful: bool
) -> Sequence[Gone]:
    """Do the changes of these records, in their order; what went out of queues by them."""
    changing = Changing(tx, careful=careful)
    for number, changes in enumerate(records):
        for each in changes:
            await changing.add(number, each)
    await changing.flush()
    return changing.gone
