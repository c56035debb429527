"""The last retained message of each topic, in memory: how many are kept, and for whom they count.

Who may see one is asked when it is sent, elsewhere.
"""

from collections.abc import Iterator
from typing import Final

from mytracks.mqtt.protocol.topics import TopicTree
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message

OVERHEAD: Final = 500
"""Bytes that a retained message costs beyond its topic and payload, about."""


class Retained:
    """At most `most` messages and `most_bytes` for each owner, which is whoever published them."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self._tree: TopicTree[tuple[Message, Owner]] = TopicTree()

    def __len__(self) -> int:
        return len(self._tree)

    def keep(self, owner: Owner, message: Message) -> bool:
        """Replace what the topic held [MQTT-3.3.1-5, -7]; an empty payload only deletes it
        [MQTT-3.3.1-10, -11]. False: `owner` has its fill, so the topic holds nothing now.
        """
        held = self._tree.get(message.topic)
        if held is not None:
            _count(held[1], held[0], -1)
        if message.payload:
            _count(owner, message, 1)
            if owner.retained <= self.most and owner.retained_bytes <= self.most_bytes:
                self._tree.put(message.topic, (message, owner))
                return True
            _count(owner, message, -1)
        if held is not None:
            self._tree.remove(message.topic)
        return not message.payload

    def matching(self, topic_filter: str) -> Iterator[Message | None]:
        """The topics that `topic_filter` finds now, each with what it holds when its turn comes;
        None for one deleted meanwhile.
        """
        for topic, _ in self._tree.match(topic_filter):
            held = self._tree.get(topic)
            yield None if held is None else held[0]

    def forget(self, owner: Owner) -> int:
        """Delete all that `owner` published; how many there were."""
        forgotten = owner.retained
        if forgotten:
            for topic in [topic for topic, held in self._tree.match("#") if held[1] is owner]:
                self._tree.remove(topic)
            owner.retained = owner.retained_bytes = 0
        return forgotten


def _count(owner: Owner, message: Message, change: int) -> None:
    owner.retained += change
    owner.retained_bytes += change * (len(message.topic) + len(message.payload) + OVERHEAD)
