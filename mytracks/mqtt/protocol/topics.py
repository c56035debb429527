"""Topic names and filters (MQTT 3.1.1, 4.7): which are allowed, which match, and two trees.

Nothing is normalised: `/a`, `a`, `a/` and `A` are four topics [MQTT-4.7.3-4]. Nothing here calls
itself, so that a topic of tens of thousands of levels costs time and never the stack.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from mytracks.mqtt.protocol.fields import MalformedPacket

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SINGLE: Final = "+"
"""Fills exactly one level."""
MULTI: Final = "#"
"""Fills all levels that follow, and none."""


def check_name(topic: str) -> None:
    """Raise MalformedPacket unless a message can be published to `topic`."""
    if not topic:
        raise MalformedPacket("MQTT-4.7.3-1", "the topic name is empty")
    if SINGLE in topic or MULTI in topic:
        raise MalformedPacket("MQTT-3.3.2-2", "the topic name holds a wildcard")


def check_filter(topic_filter: str) -> None:
    """Raise MalformedPacket unless `topic_filter` can be subscribed to."""
    if not topic_filter:
        raise MalformedPacket("MQTT-4.7.3-1", "the topic filter is empty")
    if MULTI in topic_filter:
        before = topic_filter[:-1]
        if MULTI in before or (topic_filter[-1] != MULTI) or (before and before[-1] != "/"):
            raise MalformedPacket("MQTT-4.7.1-2", "# is not a whole level or not the last one")
    if SINGLE in topic_filter:
        for level in topic_filter.split("/"):
            if SINGLE in level and level != SINGLE:
                raise MalformedPacket("MQTT-4.7.1-3", "+ does not fill a whole level")


def check_depth(topic: str, max_levels: int) -> None:
    """Raise MalformedPacket when a name or filter has more than `max_levels` levels."""
    if topic.count("/") >= max_levels:
        raise MalformedPacket("max_topic_levels", "the topic has too many levels")


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a subscription to `topic_filter` gets what is published to `topic`."""
    if topic[0] == "$" and topic_filter[0] in (SINGLE, MULTI):
        return False  # [MQTT-4.7.2-1]
    wished = topic_filter.split("/")
    levels = topic.split("/")
    if wished[-1] == MULTI:
        wished.pop()
        del levels[len(wished) :]
    return len(wished) == len(levels) and all(
        wish in (SINGLE, level) for wish, level in zip(wished, levels, strict=True)
    )


class _Branch(Generic[K]):
    """One level of a filter: what may follow, and who subscribed to the filter that ends here."""

    __slots__ = ("branches", "subscribers")

    def __init__(self) -> None:
        self.branches: dict[str, _Branch[K]] = {}
        self.subscribers: dict[K, int] = {}


class SubscriptionTree(Generic[K]):
    """Who subscribed to what. A key subscribes to a filter once, with one QoS."""

    def __init__(self) -> None:
        self._root: _Branch[K] = _Branch()
        self._filters: dict[K, dict[str, int]] = {}

    def __len__(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._filters.values()))

    def of(self, key: K) -> Mapping[str, int]:
        """The filters of `key` and their QoS, oldest first."""
        return self._filters.get(key, {})

    def add(self, topic_filter: str, key: K, qos: int) -> bool:
        """Subscribe, or replace the QoS [MQTT-3.8.4-3]. False: `key` had this filter before."""
        branch = self._root
        for level in topic_filter.split("/"):
            following = branch.branches.get(level)
            if following is None:
                following = branch.branches[level] = _Branch()
            branch = following
        branch.subscribers[key] = qos
        own = self._filters.setdefault(key, {})
        new = topic_filter not in own
        own[topic_filter] = qos
        return new

    def remove(self, topic_filter: str, key: K) -> bool:
        """End one subscription, compared character by character. False: there was none."""
        own = self._filters.get(key)
        if own is None or topic_filter not in own:
            return False
        del own[topic_filter]
        if not own:
            del self._filters[key]
        self._unhang(topic_filter, key)
        return True

    def discard(self, key: K) -> None:
        """End all subscriptions of `key`."""
        for topic_filter in self._filters.pop(key, {}):
            self._unhang(topic_filter, key)

    def match(self, topic: str) -> dict[K, int]:
        """Who gets a message published to `topic`, each with its highest QoS [MQTT-3.3.5-1]."""
        levels = topic.split("/")
        found: dict[K, int] = {}
        reached: list[_Branch[K]] = [self._root]
        for depth, level in enumerate(levels):
            wild = depth > 0 or level[:1] != "$"  # [MQTT-4.7.2-1]
            following: list[_Branch[K]] = []
            for branch in reached:
                branches = branch.branches
                if wild:
                    if (rest := branches.get(MULTI)) is not None:
                        _raise_to(found, rest.subscribers)
                    if (any_level := branches.get(SINGLE)) is not None:
                        following.append(any_level)
                if (same := branches.get(level)) is not None:
                    following.append(same)
            reached = following
        for branch in reached:
            _raise_to(found, branch.subscribers)
            # `sport/#` gets `sport` as well (4.7.1.2).
            if (rest := branch.branches.get(MULTI)) is not None:
                _raise_to(found, rest.subscribers)
        return found

    def _unhang(self, topic_filter: str, key: K) -> None:
        path: list[tuple[_Branch[K], str]] = []
        branch = self._root
        for level in topic_filter.split("/"):
            path.append((branch, level))
            branch = branch.branches[level]
        del branch.subscribers[key]
        while path and not branch.branches and not branch.subscribers:
            branch, level = path.pop()
            del branch.branches[level]


def _raise_to(found: dict[K, int], subscribers: dict[K, int]) -> None:
    for key, qos in subscribers.items():
        if qos >= found.get(key, 0):
            found[key] = qos


class _Level(Generic[V]):
    """One level of a topic name: what follows, and the value of the topic that ends here."""

    __slots__ = ("held", "levels")

    def __init__(self) -> None:
        self.levels: dict[str, _Level[V]] = {}
        self.held: tuple[str, V] | None = None


class TopicTree(Generic[V]):
    """One value for each topic name, found again by filter: the shape of the retained messages."""

    def __init__(self) -> None:
        self._root: _Level[V] = _Level()
        self._values: dict[str, V] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, topic: str) -> V | None:
        """The value of exactly this topic."""
        return self._values.get(topic)

    def put(self, topic: str, value: V) -> None:
        """Keep `value` for `topic`, instead of what was there."""
        self._values[topic] = value
        here = self._root
        for level in topic.split("/"):
            following = here.levels.get(level)
            if following is None:
                following = here.levels[level] = _Level()
            here = following
        here.held = (topic, value)

    def remove(self, topic: str) -> bool:
        """Forget the value of `topic`. False: there was none."""
        if topic not in self._values:
            return False
        del self._values[topic]
        path: list[tuple[_Level[V], str]] = []
        here = self._root
        for level in topic.split("/"):
            path.append((here, level))
            here = here.levels[level]
        here.held = None
        while path and not here.levels and here.held is None:
            here, level = path.pop()
            del here.levels[level]
        return True

    def match(self, topic_filter: str) -> list[tuple[str, V]]:
        """All topics that `topic_filter` matches, with their values. In no promised order."""
        wished = topic_filter.split("/")
        whole_branches = wished[-1] == MULTI
        if whole_branches:
            wished.pop()
        reached = [self._root]
        for depth, wish in enumerate(wished):
            reached = [
                following for level in reached for following in _following(level, wish, depth == 0)
            ]
        if whole_branches:
            reached = _all_below(reached, hide_dollar=not wished)
        return [level.held for level in reached if level.held is not None]


def _following(level: _Level[V], wish: str, top: bool) -> Iterable[_Level[V]]:
    if wish == SINGLE:
        return _visible(level, hide_dollar=top)
    same = level.levels.get(wish)
    return () if same is None else (same,)


def _visible(level: _Level[V], hide_dollar: bool) -> Iterable[_Level[V]]:
    """The levels below, without those a leading wildcard does not match [MQTT-4.7.2-1]."""
    if not hide_dollar:
        return level.levels.values()
    return [below for name, below in level.levels.items() if name[:1] != "$"]


def _all_below(levels: list[_Level[V]], hide_dollar: bool) -> list[_Level[V]]:
    found = list(levels)
    if hide_dollar:
        (root,) = levels
        found += _visible(root, hide_dollar=True)
        unseen = found[1:]
    else:
        unseen = list(found)
    while unseen:
        below = list(unseen.pop().levels.values())
        found += below
        unseen += below
    return found
