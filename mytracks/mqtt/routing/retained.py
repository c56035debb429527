"""The last retained message of each topic, in memory: how many are kept, and for whom they count.

Who may see one is asked when it is sent, elsewhere.
"""

from collections.abc import Iterator

from mytracks.mqtt.protocol.topics import TopicTree
from mytracks.mqtt.routing.ports import Message


class Retained:
    """At most `most` messages for each namespace of publishers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tree: TopicTree[tuple[Message, str]] = TopicTree()
        self._owned: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._tree)

    def keep(self, owner: str, message: Message) -> bool:
        """Replace what the topic held [MQTT-3.3.1-5, -7]; an empty payload only deletes it
        [MQTT-3.3.1-10, -11]. False: the namespace `owner` has its fill, so it is not kept.
        """
        held = self._tree.get(message.topic)
        if not message.payload:
            if held is not None:
                self._disown(held[1])
                self._tree.remove(message.topic)
            return True
        if held is None or held[1] != owner:
            if self._owned.get(owner, 0) >= self._most:
                return False
            self._owned[owner] = self._owned.get(owner, 0) + 1
            if held is not None:
                self._disown(held[1])
        self._tree.put(message.topic, (message, owner))
        return True

    def matching(self, topic_filter: str) -> Iterator[Message | None]:
        """The topics that `topic_filter` finds now, each with what it holds when its turn comes;
        None for one deleted meanwhile.
        """
        for topic, _ in self._tree.match(topic_filter):
            held = self._tree.get(topic)
            yield None if held is None else held[0]

    def forget(self, owner: str) -> int:
        """Delete all that the namespace `owner` published; how many there were."""
        if owner not in self._owned:
            return 0
        owned = [topic for topic, held in self._tree.match("#") if held[1] == owner]
        for topic in owned:
            self._tree.remove(topic)
        del self._owned[owner]
        return len(owned)

    def _disown(self, owner: str) -> None:
        self._owned[owner] -= 1
        if not self._owned[owner]:
            del self._owned[owner]
