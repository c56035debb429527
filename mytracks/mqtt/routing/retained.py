"""The last retained message of each topic, in memory: how many are kept, and for whom they count.

Who may see one is asked when it is sent, elsewhere.
"""

from collections.abc import Iterator

from mytracks.mqtt.protocol.topics import TopicTree
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message


class Retained:
    """At most `most` messages for each owner, which is whoever published them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tree: TopicTree[tuple[Message, Owner]] = TopicTree()

    def __len__(self) -> int:
        return len(self._tree)

    def keep(self, owner: Owner, message: Message) -> bool:
        """Replace what the topic held [MQTT-3.3.1-5, -7]; an empty payload only deletes it
        [MQTT-3.3.1-10, -11]. False: `owner` has its fill, so it is not kept.
        """
        held = self._tree.get(message.topic)
        if not message.payload:
            if held is not None:
                held[1].retained -= 1
                self._tree.remove(message.topic)
            return True
        if held is None or held[1] is not owner:
            if owner.retained >= self._most:
                return False
            owner.retained += 1
            if held is not None:
                held[1].retained -= 1
        self._tree.put(message.topic, (message, owner))
        return True

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
            owner.retained = 0
        return forgotten
