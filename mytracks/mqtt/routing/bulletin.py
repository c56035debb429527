"""Publishes what the broker tells of itself: from time to time, what has changed.

It is held like retained messages, but in memory only, and is nobody's: neither stored nor counted.
Who may have it is asked of the gatekeeper as of any other message.
"""

from collections.abc import Callable, Iterator

from mytracks.clock import Clock, Repeating
from mytracks.mqtt.protocol.topics import TopicTree
from mytracks.mqtt.routing.counters import Counters
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message
from mytracks.mqtt.routing.statistics import Statistics


class Bulletin:
    """`publish`: hands a message of this owner to whoever subscribed. `interval`: seconds between
    two tellings; 0: nothing is told.
    """

    def __init__(
        self,
        statistics: Statistics,
        counters: Callable[[], Counters],
        publish: Callable[[Owner, Message], None],
        clock: Clock,
        interval: float,
    ) -> None:
        self._statistics = statistics
        self._counters = counters
        self._publish = publish
        self._clock = clock
        self._owner = Owner("$SYS")
        self._held: TopicTree[tuple[Message, Owner]] = TopicTree()
        self._telling = Repeating(clock, interval, self._tell, "telling how the broker fares")
        self._started = False

    def start(self) -> None:
        """Tell at once, and then every interval."""
        self._started = True
        if self._telling.interval:
            self._tell()
            self._telling.start()

    def adopt(self, interval: float) -> None:
        """Tell so often from now on; what was told is gone if nothing is told any more."""
        if interval == self._telling.interval:
            return
        self._telling.stop()
        self._telling.interval = interval
        if not interval:
            self._held = TopicTree()
        if self._started:
            self.start()

    def stop(self) -> None:
        """Tell nothing more."""
        self._started = False
        self._telling.stop()

    def matching(self, topic_filter: str) -> Iterator[tuple[Message, Owner] | None]:
        """What was told last on the topics that `topic_filter` finds."""
        for topic, _ in self._held.match(topic_filter):
            yield self._held.get(topic)

    def _tell(self) -> None:
        told = self._statistics.tell(self._counters(), self._clock.seconds())
        for topic, payload in list(told):
            held = self._held.get(topic)
            if held is None or held[0].payload != payload:
                message = Message(topic, payload, 0, False)
                self._held.put(topic, (message, self._owner))
                self._publish(self._owner, message)
