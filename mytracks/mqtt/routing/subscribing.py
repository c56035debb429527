"""SUBSCRIBE and UNSUBSCRIBE: what is granted, what is durable before it is answered."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic

from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.protocol.packets.subscribe import FAILURE, Subscribe, Unsubscribe
from mytracks.mqtt.routing.changes import Subscribed, Unsubscribed
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.ports import Who
from mytracks.mqtt.routing.session import Outgoing
from mytracks.mqtt.routing.subscriptions import Session
from mytracks.mqtt.routing.wire import Wire


class Subscriber(Generic[Who]):
    """The subscriptions of one connection's session. `who`: whose filters they are, for what they
    mean is the host's to say."""

    __slots__ = ("_exchange", "_machine", "_outgoing", "_session", "_who", "_wire")

    log = Logger()

    def __init__(
        self,
        who: Who,
        session: Session[Who],
        outgoing: Outgoing,
        wire: Wire,
        machine: Connection,
        exchange: Exchange[Who, Any, Any],
    ) -> None:
        self._who = who
        self._session = session
        self._outgoing = outgoing
        self._wire = wire
        self._machine = machine
        self._exchange = exchange

    @property
    def count(self) -> int:
        """How many there are."""
        return self._exchange.subscriptions.count(self._session)

    def subscribe(self, asked: Subscribe) -> None:
        """SUBACK at once, for all filters together [MQTT-3.8.4-4], then what is retained.

        What is new in a durable session is durable before. While nothing can be stored it is
        answered all the same: a phone waits for that before it does anything else (OwnTracks 3.5).
        """
        asked = Subscribe(
            asked.packet_id, tuple((self._meant(written), qos) for written, qos in asked.requests)
        )
        changes: list[Subscribed | Unsubscribed] = []
        codes = [self._subscribe(*request, changes) for request in asked.requests]
        self._durably(changes, partial(self._subscribed, asked, codes))

    def unsubscribe(self, asked: Unsubscribe) -> None:
        """UNSUBACK, whatever there was [MQTT-3.10.4-5]."""
        changes: list[Subscribed | Unsubscribed] = []
        for topic_filter in map(self._meant, asked.filters):
            self._outgoing.cease(topic_filter)
            if self._exchange.subscriptions.remove(self._session, topic_filter) and isinstance(
                self._session, DurableSession
            ):
                changes.append(Unsubscribed(self._session.number, topic_filter))
        self._durably(changes, partial(self._unsubscribed, asked.packet_id))

    def end(self) -> None:
        """The connection is over."""
        if not isinstance(self._session, DurableSession):
            self._exchange.subscriptions.leave(self._session)

    def _meant(self, written: str) -> str:
        return self._exchange.terms.gatekeeper.meant_filter(self._who, written)

    def _subscribe(
        self, topic_filter: str, wished: int, changes: list[Subscribed | Unsubscribed]
    ) -> int:
        exchange, session = self._exchange, self._session
        before = exchange.subscriptions.granted(session, topic_filter)
        if before is None and not exchange.may_subscribe(session.namespace):
            exchange.terms.counters.ungranted += 1
            return FAILURE
        exchange.subscriptions.add(session, topic_filter, wished)
        if isinstance(session, DurableSession) and before != wished:
            changes.append(Subscribed(session.number, topic_filter, wished))
        return wished

    def _subscribed(self, asked: Subscribe, codes: Sequence[int]) -> None:
        if not self._wire.open:
            return
        self._wire.write(self._machine.suback(asked.packet_id, codes))
        self._outgoing.begin()
        for (topic_filter, _), code in zip(asked.requests, codes, strict=True):
            if code != FAILURE:
                found = self._exchange.retained(topic_filter)
                self._outgoing.replay(topic_filter, code, found)

    def _unsubscribed(self, packet_id: int) -> None:
        self._wire.write(self._machine.unsuback(packet_id))

    def _durably(
        self, changes: Sequence[Subscribed | Unsubscribed], then: Callable[[], None]
    ) -> None:
        if not changes:
            then()
            return
        self._exchange.ledger.record(
            (), changes, then, partial(self._unstored, changes=changes, then=then)
        )

    def _unstored(
        self,
        failure: Failure,
        changes: Sequence[Subscribed | Unsubscribed],
        then: Callable[[], None],
    ) -> None:
        if failure.check(Unavailable) is None:
            self.log.failure("a subscription could not be stored", failure)
        for change in changes:
            self._exchange.ledger.later(partial(self._still, change))
        then()

    def _still(self, change: Subscribed | Unsubscribed) -> Subscribed | Unsubscribed | None:
        """The change, unless it has been changed again."""
        granted = self._exchange.subscriptions.granted(self._session, change.topic_filter)
        wished = change.qos if isinstance(change, Subscribed) else None
        return change if granted == wished else None
