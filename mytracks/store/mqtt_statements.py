"""SQL of what the broker must not forget (`mqtt_changes` runs it, `mqtt_sessions` reads by it)."""

from enum import IntFlag
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Integer,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from mytracks.mqtt.routing.changes import OVERHEAD
from mytracks.store.schema import (
    mqtt_payload,
    mqtt_queued,
    mqtt_received,
    mqtt_retained,
    mqtt_session,
    mqtt_subscription,
    mqtt_will,
    user_account,
)
from mytracks.store.several import among
from mytracks.store.statements import Rows, Statement


class Flags(IntFlag):
    """What is noted of a place in a queue. Stored: never renumber."""

    RETAIN = 1
    RELEASED = 2
    KEPT = 4
    REPLACED = 8
    LAST = 16


def key_of(text: str) -> bytes:
    """What stands for a text that a client chose, of any length, in an index."""
    return sha256(text.encode()).digest()[:16]


def _named(*columns: Any) -> dict[Any, Any]:
    return {column.name: bindparam(column.name) for column in columns}


_session: Final = bindparam("session", type_=BigInteger)
_is_user: Final = user_account.c.name == bindparam("namespace")
_user: Final = select(user_account.c.id).where(_is_user).scalar_subquery()
USER: Final = Statement(select(user_account.c.id).where(_is_user))

# Sessions, their subscriptions and the packet ids that arrived.

BEGIN: Final = Statement(
    insert(mqtt_session).values(
        id=_session,
        user_id=bindparam("user"),
        client_key=bindparam("client_key"),
        client_id=bindparam("client_id"),
        level=bindparam("level"),
        mark=bindparam("mark"),
        created=bindparam("at"),
        seen=bindparam("at"),
    )
)
END_OTHER: Final = Statement(
    delete(mqtt_session).where(
        mqtt_session.c.user_id == bindparam("user"),
        mqtt_session.c.client_key == bindparam("client_key"),
    )
)
THERE: Final = Statement(select(mqtt_session.c.id).where(mqtt_session.c.id == _session))
SEEN: Final = Statement(
    update(mqtt_session)
    .where(mqtt_session.c.id == _session)
    .values(level=bindparam("level"), mark=bindparam("mark"), seen=bindparam("at"))
)
SENT: Final = Statement(
    update(mqtt_session)
    .where(mqtt_session.c.id == _session)
    .values(next_ordinal=bindparam("ordinal", type_=BigInteger))
)
END: Final = Statement(delete(mqtt_session).where(mqtt_session.c.id == _session))
PLACES: Final = Statement(
    select(mqtt_queued.c.payload_id).where(mqtt_queued.c.session_id == _session)
)
PLACES_OF: Final = Statement(
    select(mqtt_queued.c.payload_id)
    .join_from(mqtt_queued, mqtt_session, mqtt_session.c.id == mqtt_queued.c.session_id)
    .where(mqtt_session.c.user_id == _user)
)
DROPPED: Final = Statement(
    update(mqtt_session)
    .where(mqtt_session.c.id == _session)
    .values(dropped=mqtt_session.c.dropped + bindparam("count", type_=BigInteger))
)
_subscribed: Final = insert(mqtt_subscription).values(
    session_id=_session,
    filter_key=bindparam("filter_key"),
    filter=bindparam("topic_filter"),
    qos=bindparam("qos"),
)
SUBSCRIBE: Final = Statement(
    _subscribed.on_conflict_do_update(
        index_elements=["session_id", "filter_key"], set_={"qos": _subscribed.excluded.qos}
    )
)
UNSUBSCRIBE: Final = Statement(
    delete(mqtt_subscription).where(
        mqtt_subscription.c.session_id == _session,
        mqtt_subscription.c.filter_key == bindparam("filter_key"),
    )
)
ARRIVED: Final = Rows(
    insert(mqtt_received)
    .values(_named(mqtt_received.c.session_id, mqtt_received.c.packet_id))
    .on_conflict_do_nothing()
)
DEPARTED: Final = Statement(
    delete(mqtt_received).where(
        mqtt_received.c.session_id == _session,
        mqtt_received.c.packet_id == bindparam("packet_id", type_=Integer),
    )
)

# Queues: one payload for all who wait for it, and a small reference for each of them.

_size: Final = (
    func.length(mqtt_payload.c.topic)
    + func.length(mqtt_payload.c.body)
    + literal_column(str(OVERHEAD), Integer)
)
_with_payload: Final = mqtt_queued.c.payload_id == mqtt_payload.c.id
_of_session: Final = mqtt_queued.c.session_id == _session
_flags: Final = mqtt_queued.c.flags

PAYLOAD: Final = Rows(
    insert(mqtt_payload).values(
        _named(
            *(mqtt_payload.c[name] for name in ("id", "user_id", "topic", "body", "created")),
        )
    )
)
REFERENCE: Final = Rows(
    insert(mqtt_queued).values(
        _named(
            *(
                mqtt_queued.c[name]
                for name in ("session_id", "ordinal", "payload_id", "qos", "flags")
            ),
        )
    )
)
SETTLE: Final = Statement(
    delete(mqtt_queued)
    .where(_of_session, among(mqtt_queued.c.ordinal))
    .returning(mqtt_queued.c.ordinal, mqtt_queued.c.payload_id)
)
RELEASE: Final = Statement(
    update(mqtt_queued)
    .where(_of_session, mqtt_queued.c.ordinal == bindparam("ordinal", type_=BigInteger))
    .values(flags=_flags.bitwise_or(literal_column(str(int(Flags.RELEASED)), Integer)))
)
TRIMMABLE: Final = Statement(
    select(mqtt_queued.c.ordinal, _size)
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .where(
        _of_session,
        mqtt_queued.c.ordinal > bindparam("beyond", type_=BigInteger),
        _flags.bitwise_and(literal_column(str(int(Flags.RELEASED)), Integer))
        == literal_column("0"),
    )
    .order_by(
        # None of them, then KEPT, then LAST.
        _flags.bitwise_and(literal_column(str(int(Flags.KEPT | Flags.LAST)), Integer)),
        mqtt_queued.c.ordinal,
    )
    .limit(bindparam("page", type_=Integer))
)
FORGET_PAYLOADS: Final = Statement(delete(mqtt_payload).where(among(mqtt_payload.c.id)))
DANGLING: Final = Statement(
    delete(mqtt_queued)
    .where(~select(mqtt_payload.c.id).where(_with_payload).exists())
    .returning(mqtt_queued.c.session_id, mqtt_queued.c.ordinal, mqtt_queued.c.payload_id)
)
ORPHANS: Final = Statement(
    delete(mqtt_payload).where(mqtt_payload.c.id.not_in(select(mqtt_queued.c.payload_id)))
)
SIZES: Final = Statement(
    select(mqtt_queued.c.ordinal, _size)
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .where(_of_session, mqtt_queued.c.ordinal > bindparam("after", type_=BigInteger))
    .order_by(mqtt_queued.c.ordinal)
    .limit(bindparam("page", type_=Integer))
)
QUEUED: Final = Statement(
    select(
        mqtt_queued.c.ordinal,
        mqtt_queued.c.qos,
        _flags,
        user_account.c.name,
        mqtt_payload.c.topic,
        mqtt_payload.c.body,
    )
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .join(user_account, user_account.c.id == mqtt_payload.c.user_id)
    .where(
        _of_session,
        mqtt_queued.c.ordinal > bindparam("after", type_=BigInteger),
        mqtt_queued.c.ordinal <= bindparam("last", type_=BigInteger),
    )
    .order_by(mqtt_queued.c.ordinal)
)

# What is retained, and Wills.

_retained: Final = insert(mqtt_retained).values(
    _named(
        *(
            mqtt_retained.c[name]
            for name in ("topic_key", "topic", "user_id", "qos", "body", "stored")
        )
    )
)
RETAIN: Final = Rows(
    _retained.on_conflict_do_update(
        index_elements=["topic_key"],
        set_={name: _retained.excluded[name] for name in ("user_id", "qos", "body", "stored")},
    )
)
UNRETAIN: Final = Statement(
    delete(mqtt_retained).where(mqtt_retained.c.topic_key == bindparam("topic_key"))
)
_willed: Final = insert(mqtt_will).values(
    {
        "user_id": bindparam("user"),
        **_named(
            *(mqtt_will.c[name] for name in ("client_key", "client_id", "mark", "topic")),
            *(mqtt_will.c[name] for name in ("qos", "retain", "body", "stored")),
        ),
    }
)
WILL: Final = Statement(
    _willed.on_conflict_do_update(
        index_elements=["user_id", "client_key"],
        set_={
            name: _willed.excluded[name]
            for name in ("mark", "topic", "qos", "retain", "body", "stored")
        },
    )
)
WILL_GONE: Final = Statement(
    delete(mqtt_will).where(
        mqtt_will.c.user_id == _user, mqtt_will.c.client_key == bindparam("client_key")
    )
)

FORGET: Final = tuple(
    Statement(delete(table).where(table.c.user_id == _user))
    for table in (mqtt_session, mqtt_retained, mqtt_will, mqtt_payload)
)
"""All that is a namespace's own; what others have of it dangles then."""


def _of_topic(table: Table) -> tuple[Statement, Statement]:
    theirs = table.c.user_id == bindparam("user", type_=BigInteger)
    return (
        Statement(select(table.c.topic).where(theirs).distinct()),
        Statement(delete(table).where(theirs, table.c.topic == bindparam("topic"))),
    )


WITHDRAW: Final = tuple(_of_topic(table) for table in (mqtt_retained, mqtt_payload))
"""For each: the topics of somebody, and how to remove all of one topic."""

# What is read at the start.

SESSIONS: Final = Statement(
    select(
        mqtt_session.c.id,
        user_account.c.name,
        *(mqtt_session.c[name] for name in ("client_id", "level", "mark", "seen", "dropped")),
        mqtt_session.c.next_ordinal,
    )
    .join_from(mqtt_session, user_account, user_account.c.id == mqtt_session.c.user_id)
    .order_by(mqtt_session.c.id)
)
SUBSCRIPTIONS: Final = Statement(
    select(mqtt_subscription.c.session_id, mqtt_subscription.c.filter, mqtt_subscription.c.qos)
)
UNRELEASED: Final = Statement(select(mqtt_received.c.session_id, mqtt_received.c.packet_id))
QUEUES: Final = Statement(
    select(
        mqtt_queued.c.session_id,
        func.count(),
        func.sum(_size),
        func.max(mqtt_queued.c.ordinal),
    )
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .group_by(mqtt_queued.c.session_id)
)
UNDER_WAY: Final = Statement(
    select(mqtt_queued.c.session_id, mqtt_queued.c.ordinal, _size)
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .join(mqtt_session, mqtt_session.c.id == mqtt_queued.c.session_id)
    .where(mqtt_queued.c.ordinal <= mqtt_session.c.next_ordinal)
)
REPLACEABLE: Final = Statement(
    select(mqtt_queued.c.session_id, mqtt_queued.c.ordinal, mqtt_payload.c.topic)
    .join_from(mqtt_queued, mqtt_payload, _with_payload)
    .where(
        _flags.bitwise_and(literal_column(str(int(Flags.REPLACED)), Integer)) != literal_column("0")
    )
    .order_by(mqtt_queued.c.session_id, mqtt_queued.c.ordinal)
)
_counted: Final = (
    select(mqtt_queued.c.payload_id, func.count().label("references"))
    .group_by(mqtt_queued.c.payload_id)
    .subquery()
)
PAYLOADS: Final = Statement(
    select(mqtt_payload.c.id, _size, _counted.c.references).join_from(
        mqtt_payload, _counted, mqtt_payload.c.id == _counted.c.payload_id
    )
)
LAST_PAYLOADS: Final = (
    Statement(select(func.max(mqtt_payload.c.id))),
    # A reference may be left of one that is gone; its number must not come to mean another.
    Statement(select(func.max(mqtt_queued.c.payload_id))),
)
RETAINED: Final = Statement(
    select(
        user_account.c.name,
        *(mqtt_retained.c[name] for name in ("topic", "body", "qos", "stored")),
    ).join_from(mqtt_retained, user_account, user_account.c.id == mqtt_retained.c.user_id)
)
WILLS: Final = Statement(
    select(
        user_account.c.name,
        *(mqtt_will.c[name] for name in ("client_id", "mark", "topic", "body", "qos", "retain")),
    ).join_from(mqtt_will, user_account, user_account.c.id == mqtt_will.c.user_id)
)
