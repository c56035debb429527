"""What the broker is told at its start: everything of sessions but their queues."""

from collections import defaultdict
from collections.abc import Sequence

from attrs import frozen

from mytracks.mqtt.routing.changes import Retained, Willed
from mytracks.mqtt.routing.journal import Remembered, StoredSession
from mytracks.mqtt.routing.ports import Message
from mytracks.store import mqtt_statements as statements
from mytracks.store.database import SQLTransaction, sql
from mytracks.transaction import Transaction


@frozen
class Loaded:
    """`payloads`: number, weight and references of each message that waits; `last_payload`: the
    highest number that one has, or had."""

    remembered: Remembered
    payloads: Sequence[tuple[int, int, int]]
    last_payload: int


async def swept(tx: Transaction) -> None:
    """A unit: remove references whose message went with its account, and messages for nobody."""
    await sql(tx).all(statements.DANGLING)
    await sql(tx).run(statements.ORPHANS)


async def load(tx: Transaction) -> Loaded:
    """A unit: read it all."""
    db = sql(tx)
    sessions = await _sessions(db)
    retained = [
        Retained(publisher, Message(topic, bytes(body), qos, True), float(stored))
        for publisher, topic, body, qos, stored in await db.all(statements.RETAINED)
    ]
    wills = [
        Willed(namespace, client_id, mark, Message(topic, bytes(body), qos, bool(retain)))
        for namespace, client_id, mark, topic, body, qos, retain in await db.all(statements.WILLS)
    ]
    last = [await db.one(statement) for statement in statements.LAST_PAYLOADS]
    return Loaded(
        Remembered(
            sessions=sessions,
            retained=retained,
            wills=wills,
            next_session=max((each.number for each in sessions), default=0) + 1,
        ),
        [(number, int(size), count) for number, size, count in await db.all(statements.PAYLOADS)],
        max(row[0] or 0 for row in last if row is not None),
    )


async def _sessions(db: SQLTransaction) -> Sequence[StoredSession]:
    subscriptions: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for session, topic_filter, qos in await db.all(statements.SUBSCRIPTIONS):
        subscriptions[session][topic_filter] = qos
    unreleased: defaultdict[int, list[int]] = defaultdict(list)
    for session, packet_id in await db.all(statements.UNRELEASED):
        unreleased[session].append(packet_id)
    replaceable: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for session, ordinal, topic in await db.all(statements.REPLACEABLE):
        replaceable[session].append((ordinal, topic))
    under_way: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for session, ordinal, size in await db.all(statements.UNDER_WAY):
        under_way[session].append((ordinal, int(size)))
    queues = {session: row for session, *row in await db.all(statements.QUEUES)}
    found = []
    for number, namespace, client_id, level, mark, seen, dropped, sent in await db.all(
        statements.SESSIONS
    ):
        queued, size, last = queues.get(number, (0, 0, 0))
        found.append(
            StoredSession(
                number=number,
                namespace=namespace,
                client_id=client_id,
                level=level,
                mark=mark,
                seen=float(seen),
                subscriptions=subscriptions[number],
                unreleased=unreleased[number],
                next_ordinal=last + 1,
                queued=queued,
                queued_size=int(size),
                replaceable=replaceable[number],
                trimmed=dropped,
                sent=sent,
                under_way=under_way[number],
            )
        )
    return found
