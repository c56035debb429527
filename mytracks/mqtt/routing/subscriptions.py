"""Who subscribed to what, and how many subscriptions each user has."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeAlias

from mytracks.mqtt.protocol.topics import SubscriptionTree
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.ports import Who
from mytracks.mqtt.routing.session import CleanSession

Session: TypeAlias = CleanSession[Who] | DurableSession[Who]


class Subscriptions(Generic[Who]):
    """Those of clean sessions and of durable ones, which are there while nobody is connected.

    `durables`: how many of the latter there are.
    """

    def __init__(self) -> None:
        self._clean: SubscriptionTree[CleanSession[Who]] = SubscriptionTree()
        self._durable: SubscriptionTree[DurableSession[Who]] = SubscriptionTree()
        self._count: dict[str, int] = {}
        self.durables = 0

    def __len__(self) -> int:
        """How many there are."""
        return sum(self._count.values())

    def of(self, namespace: str) -> int:
        """How many subscriptions this user has, all sessions together."""
        return self._count.get(namespace, 0)

    def granted(self, session: Session[Who], topic_filter: str) -> int | None:
        """The QoS of the session's subscription to exactly this filter; None: there is none."""
        if isinstance(session, DurableSession):
            return self._durable.of(session).get(topic_filter)
        return self._clean.of(session).get(topic_filter)

    def of_durable(self, session: DurableSession[Who]) -> Mapping[str, int]:
        """The filters of a durable session, and their QoS."""
        return self._durable.of(session)

    def count(self, session: Session[Who]) -> int:
        """How many one session has."""
        if isinstance(session, DurableSession):
            return len(self._durable.of(session))
        return len(self._clean.of(session))

    def add(self, session: Session[Who], topic_filter: str, qos: int) -> None:
        """Subscribe, or replace the QoS [MQTT-3.8.4-3]."""
        if isinstance(session, DurableSession):
            new = self._durable.add(topic_filter, session, qos)
            self.durables += new
        else:
            new = self._clean.add(topic_filter, session, qos)
        if new:
            self._change(session.namespace, 1)

    def remove(self, session: Session[Who], topic_filter: str) -> bool:
        """End one, compared character by character. False: there was none."""
        if isinstance(session, DurableSession):
            removed = self._durable.remove(topic_filter, session)
            self.durables -= removed
        else:
            removed = self._clean.remove(topic_filter, session)
        if removed:
            self._change(session.namespace, -1)
        return removed

    def leave(self, session: Session[Who]) -> None:
        """End all of a session that is no more."""
        if isinstance(session, DurableSession):
            ended = len(self._durable.of(session))
            self._durable.discard(session)
            self.durables -= ended
        else:
            ended = len(self._clean.of(session))
            self._clean.discard(session)
        if ended:
            self._change(session.namespace, -ended)

    def clean(self, topic: str) -> Iterable[tuple[CleanSession[Who], int]]:
        """The clean sessions that get a message, each with its highest QoS [MQTT-3.3.5-1]."""
        return self._clean.match(topic).items()

    def durable(self, topic: str) -> Iterable[tuple[DurableSession[Who], int]]:
        """The same for durable sessions."""
        return self._durable.match(topic).items()

    def _change(self, namespace: str, change: int) -> None:
        count = self._count.get(namespace, 0) + change
        if count:
            self._count[namespace] = count
        else:
            del self._count[namespace]
