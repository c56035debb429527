"""The last retained message of each topic, in memory: how many are kept, and for whom they count.

What a topic is to hold is planned when the message is recorded and comes true when it is handed on;
in between the topic still holds what it held. Who may see one is asked when it is sent, elsewhere.
"""

from collections.abc import Iterator
from typing import Final

from attrs import define

from mytracks.mqtt.protocol.topics import TopicTree
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message

OVERHEAD: Final = 500
"""Bytes that a retained message costs beyond its topic and payload, about."""


@define(eq=False)
class Plan:
    """What a topic will hold; `message`: None: nothing. `fits`: False: `owner` had their fill."""

    topic: str
    owner: Owner
    message: Message | None
    fits: bool = True


class Retained:
    """At most `most` messages and `most_bytes` for each owner, which is whoever published them."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self._tree: TopicTree[tuple[Message, Owner]] = TopicTree()
        self._plans: dict[str, list[Plan]] = {}

    def __len__(self) -> int:
        return len(self._tree)

    def restore(self, owner: Owner, message: Message) -> None:
        """What was retained before we started, whatever the limits are now."""
        _count(owner, message, 1)
        self._tree.put(message.topic, (message, owner))

    def plan(self, owner: Owner, message: Message) -> Plan:
        """What the topic of `message` holds once that is stored: the message [MQTT-3.3.1-5, -7];
        nothing when it is empty [MQTT-3.3.1-10, -11] or `owner` has their fill.

        It counts from now on; `fulfil` or `drop` has to follow.
        """
        topic = message.topic
        self._uncount(topic)
        plan = Plan(topic, owner, message if message.payload else None)
        if plan.message is not None:
            _count(owner, message, 1)
            if owner.retained > self.most or owner.retained_bytes > self.most_bytes:
                _count(owner, message, -1)
                plan.message, plan.fits = None, False
        self._plans.setdefault(topic, []).append(plan)
        return plan

    def fulfil(self, plan: Plan) -> None:
        """It is stored: the topic holds it. Of an owner who is gone it holds nothing."""
        self._unplan(plan)
        if plan.message is None or plan.owner.gone:
            self._tree.remove(plan.topic)
        else:
            self._tree.put(plan.topic, (plan.message, plan.owner))

    def drop(self, plan: Plan) -> None:
        """It could not be stored: the topic holds what it would hold without it."""
        newest = self._plans[plan.topic][-1] is plan
        if newest:
            self._uncount(plan.topic)
        self._unplan(plan)
        if newest:
            message, owner = self._coming(plan.topic)
            if message is not None and owner is not None:
                _count(owner, message, 1)

    def holds(self, topic: str) -> bool:
        """Whether the topic holds anything, or could when all that is planned came true or not."""
        plans = self._plans.get(topic, ())
        return self._tree.get(topic) is not None or any(plan.message for plan in plans)

    def matching(self, topic_filter: str) -> Iterator[tuple[Message, Owner] | None]:
        """The topics that `topic_filter` finds now, each with what it holds when its turn comes;
        None for one deleted meanwhile.
        """
        for topic, _ in self._tree.match(topic_filter):
            yield self._tree.get(topic)

    def forget(self, owner: Owner) -> int:
        """Delete all that `owner` published; how many there were."""
        theirs = [topic for topic, held in self._tree.match("#") if held[1] is owner]
        for topic in theirs:
            self._tree.remove(topic)
        owner.retained = owner.retained_bytes = 0
        return len(theirs)

    def withdraw(self, owner: Owner, topic_filter: str) -> int:
        """Delete what `owner` published to these topics; how many there were. What is planned comes
        true all the same."""
        theirs = [t for t, held in self._tree.match(topic_filter) if held[1] is owner]
        for topic in theirs:
            held = self._tree.get(topic)
            if held is not None and topic not in self._plans:
                _count(owner, held[0], -1)
            self._tree.remove(topic)
        return len(theirs)

    def _coming(self, topic: str) -> tuple[Message | None, Owner | None]:
        plans = self._plans.get(topic)
        if plans:
            return plans[-1].message, plans[-1].owner
        held = self._tree.get(topic)
        return (None, None) if held is None else held

    def _uncount(self, topic: str) -> None:
        message, owner = self._coming(topic)
        if message is not None and owner is not None:
            _count(owner, message, -1)

    def _unplan(self, plan: Plan) -> None:
        plans = self._plans[plan.topic]
        plans.remove(plan)
        if not plans:
            del self._plans[plan.topic]


def _count(owner: Owner, message: Message, change: int) -> None:
    owner.retained += change
    owner.retained_bytes += change * (len(message.topic) + len(message.payload) + OVERHEAD)
