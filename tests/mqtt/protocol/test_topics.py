"""Topic names and filters: rules, matching and the two trees."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.topics import (
    SubscriptionTree,
    TopicTree,
    check_depth,
    check_filter,
    check_name,
    matches,
)

quick = settings(derandomize=True, deadline=None, max_examples=200)

# Few distinct levels, so that filters and topics meet often.
_levels = st.sampled_from(["", "a", "b", "$a"])
names = st.lists(_levels, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(_levels | st.just("+"), max_size=4),
    st.lists(st.just("#"), max_size=1),
).filter(bool)


def naive(topic_filter: str, topic: str) -> bool:
    """What the specification says, as slowly and plainly as it can be written (4.7)."""
    if topic.startswith("$") and topic_filter.startswith(("+", "#")):
        return False
    wished, levels = topic_filter.split("/"), topic.split("/")
    while wished and levels:
        wish, level = wished.pop(0), levels.pop(0)
        if wish == "#":
            return True
        if wish not in ("+", level):
            return False
    return not levels and wished in ([], ["#"])


MATCHES = {
    ("sport/tennis/player1/#", "sport/tennis/player1"): True,
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"): True,
    ("sport/#", "sport"): True,
    ("sport/#", "sports"): False,
    ("#", "sport/tennis"): True,
    ("sport/tennis/+", "sport/tennis/player1"): True,
    ("sport/tennis/+", "sport/tennis/player1/ranking"): False,
    ("sport/+", "sport"): False,
    ("sport/+", "sport/"): True,
    ("+/+", "/finance"): True,
    ("/+", "/finance"): True,
    ("+", "/finance"): False,
    ("#", "$SYS/a"): False,
    ("+/monitor/Clients", "$SYS/monitor/Clients"): False,
    ("$SYS/#", "$SYS/a"): True,
    ("$SYS/monitor/+", "$SYS/monitor/Clients"): True,
    ("a/+", "a/$b"): True,
    ("a/#", "a/$b"): True,
    ("/a", "a"): False,
    ("a/", "a"): False,
    ("a//b", "a/b"): False,
    ("A", "a"): False,
    ("+/#", "a"): True,
    ("+/+/#", "a/b"): True,
    ("#", "/"): True,
}
"""Filter and topic: the specification's own examples, and what they leave open."""


class RuleTests(SynchronousTestCase):
    """Which names and filters are allowed."""

    def assert_breaks(self, rule: str, check: object, *arguments: object) -> None:
        """Calling `check` raises for exactly this rule."""
        assert callable(check)
        broken = self.assertRaises(MalformedPacket, check, *arguments)
        self.assertEqual(rule, broken.rule)

    def test_names_are_not_empty_and_hold_no_wildcard(self) -> None:
        """[MQTT-4.7.3-1], [MQTT-4.7.1-1], [MQTT-3.3.2-2]: a message goes to one topic."""
        for name in ("a", "/", "//", " ", "$SYS", "a/b/c", "ä/\ufeff"):
            check_name(name)
        self.assert_breaks("MQTT-4.7.3-1", check_name, "")
        for name in ("+", "#", "a+", "a/#", "#a"):
            self.assert_breaks("MQTT-3.3.2-2", check_name, name)

    def test_wildcards_of_filters_fill_whole_levels_and_hash_is_last(self) -> None:
        """[MQTT-4.7.1-2], [MQTT-4.7.1-3]: others would match who knows what."""
        for topic_filter in ("a", "#", "/#", "a/#", "+", "+/+", "+/#", "a/+/b", "/+/", "//"):
            check_filter(topic_filter)
        self.assert_breaks("MQTT-4.7.3-1", check_filter, "")
        for topic_filter in ("a#", "##", "#/", "#/a", "a/#/b", "a/b#", "+#", "#+"):
            self.assert_breaks("MQTT-4.7.1-2", check_filter, topic_filter)
        for topic_filter in ("a+", "+a", "++", "a/+b/c", "a/b+/#"):
            self.assert_breaks("MQTT-4.7.1-3", check_filter, topic_filter)

    def test_a_topic_of_the_limit_of_levels_is_allowed_and_one_more_is_not(self) -> None:
        """Limit `max_topic_levels`: slashes are cheap to send and dear to route."""
        check_depth("/" * 199, 200)
        self.assert_breaks("max_topic_levels", check_depth, "/" * 200, 200)


class MatchingTests(SynchronousTestCase):
    """One filter against one topic."""

    def test_the_examples_match_as_the_specification_says(self) -> None:
        """[MQTT-4.7.2-1], [MQTT-4.7.3-4] and section 4.7.1."""
        for (topic_filter, topic), expected in MATCHES.items():
            self.assertEqual(expected, matches(topic_filter, topic), msg=f"{topic_filter} {topic}")
            self.assertEqual(expected, naive(topic_filter, topic), msg=f"{topic_filter} {topic}")

    @quick
    @given(filters, names)
    def test_matching_agrees_with_the_naive_matcher(self, topic_filter: str, topic: str) -> None:
        """Who may get what is decided by this."""
        self.assertEqual(naive(topic_filter, topic), matches(topic_filter, topic))


class SubscriptionTreeTests(SynchronousTestCase):
    """Who gets what is published."""

    def test_the_examples_match_in_the_tree(self) -> None:
        """The tree and the plain matcher agree on the specification's own examples."""
        for (topic_filter, topic), expected in MATCHES.items():
            tree: SubscriptionTree[str] = SubscriptionTree()
            tree.add(topic_filter, "me", 1)
            self.assertEqual({"me": 1} if expected else {}, tree.match(topic), msg=topic_filter)

    def test_overlapping_subscriptions_give_the_highest_qos_once(self) -> None:
        """[MQTT-3.3.5-1] A phone that follows `#` and its own topic gets one good copy."""
        tree: SubscriptionTree[str] = SubscriptionTree()
        for topic_filter, qos in (("#", 0), ("a/+", 2), ("a/b", 1), ("a/b/#", 0)):
            tree.add(topic_filter, "me", qos)
        tree.add("a/b", "you", 0)
        self.assertEqual({"me": 2, "you": 0}, tree.match("a/b"))

    def test_the_same_filter_again_replaces_its_qos(self) -> None:
        """[MQTT-3.8.4-3] Also downwards; and the tree says whether it was new."""
        tree: SubscriptionTree[str] = SubscriptionTree()
        self.assertTrue(tree.add("a", "me", 2))
        self.assertFalse(tree.add("a", "me", 0))
        self.assertEqual({"me": 0}, tree.match("a"))
        self.assertEqual(1, len(tree))
        self.assertEqual({"a": 0}, tree.of("me"))

    def test_removing_compares_filters_character_by_character(self) -> None:
        """[MQTT-3.10.4-1] `#` does not end a subscription to `a`."""
        tree: SubscriptionTree[str] = SubscriptionTree()
        tree.add("a/b", "me", 1)
        for other in ("#", "a/+", "a", "a/b/", "A/b"):
            self.assertFalse(tree.remove(other, "me"))
        self.assertFalse(tree.remove("a/b", "you"))
        self.assertTrue(tree.remove("a/b", "me"))
        self.assertEqual({}, tree.match("a/b"))
        self.assertEqual({}, tree.of("me"))

    def test_nothing_is_left_of_who_is_gone(self) -> None:
        """Sessions come and go for months; what they leave would fill the memory."""
        tree: SubscriptionTree[str] = SubscriptionTree()
        for topic_filter in ("a/b/c", "a/b", "a/#", "+/x"):
            tree.add(topic_filter, "me", 1)
        tree.add("a/b", "you", 1)
        tree.discard("me")
        tree.discard("me")
        self.assertEqual({"you": 1}, tree.match("a/b"))
        self.assertEqual(1, len(tree))
        tree.remove("a/b", "you")
        self.assertEqual({}, tree._root.branches)

    def test_tens_of_thousands_of_levels_do_not_exhaust_the_stack(self) -> None:
        """65,535 slashes ended other brokers."""
        deep = "/" * 65_000
        tree: SubscriptionTree[str] = SubscriptionTree()
        tree.add(deep, "me", 1)
        tree.add("#", "you", 1)
        self.assertEqual({"me": 1, "you": 1}, tree.match(deep))
        self.assertTrue(tree.remove(deep, "me"))
        tree.add(deep, "me", 1)
        del tree

    @quick
    @given(
        st.lists(
            st.tuples(st.sampled_from(["add", "remove", "discard"]), filters, st.integers(0, 3))
        ),
        names,
    )
    def test_the_tree_agrees_with_a_list_of_subscriptions(
        self, steps: list[tuple[str, str, int]], topic: str
    ) -> None:
        """After any changes, exactly those who asked for it get it, at their highest QoS."""
        tree: SubscriptionTree[int] = SubscriptionTree()
        plain: dict[tuple[int, str], int] = {}
        for number, (step, topic_filter, key) in enumerate(steps):
            if step == "add":
                tree.add(topic_filter, key, number % 3)
                plain[key, topic_filter] = number % 3
            elif step == "remove":
                had = plain.pop((key, topic_filter), None) is not None
                self.assertEqual(had, tree.remove(topic_filter, key))
            else:
                tree.discard(key)
                plain = {at: qos for at, qos in plain.items() if at[0] != key}
        expected: dict[int, int] = {}
        for (key, topic_filter), qos in plain.items():
            if naive(topic_filter, topic):
                expected[key] = max(qos, expected.get(key, 0))
        self.assertEqual(expected, tree.match(topic))
        self.assertEqual(len(plain), len(tree))
        for key in {key for key, _ in plain}:
            tree.discard(key)
        self.assertEqual({}, tree._root.branches)


class TopicTreeTests(SynchronousTestCase):
    """One value for each topic, found by filter."""

    def test_the_examples_are_found_in_the_tree(self) -> None:
        """A new subscription gets the retained messages that it matches [MQTT-3.3.1-6]."""
        for (topic_filter, topic), expected in MATCHES.items():
            tree: TopicTree[int] = TopicTree()
            tree.put(topic, 7)
            self.assertEqual([(topic, 7)] if expected else [], tree.match(topic_filter))

    def test_a_topic_keeps_its_newest_value_only(self) -> None:
        """As retained messages do [MQTT-3.3.1-7]."""
        tree: TopicTree[int] = TopicTree()
        tree.put("a/b", 1)
        tree.put("a/b", 2)
        self.assertEqual([("a/b", 2)], tree.match("#"))
        self.assertEqual((2, None, 1), (tree.get("a/b"), tree.get("a"), len(tree)))

    def test_nothing_is_left_of_a_removed_topic(self) -> None:
        """Topics of phones long gone would fill the memory; those below and above it stay."""
        tree: TopicTree[int] = TopicTree()
        for number, topic in enumerate(("a", "a/b", "a/b/c")):
            tree.put(topic, number)
        self.assertTrue(tree.remove("a/b"))
        self.assertFalse(tree.remove("a/b"))
        self.assertFalse(tree.remove("never/there"))
        self.assertEqual({"a": 0, "a/b/c": 2}, dict(tree.match("#")))
        tree.remove("a/b/c")
        tree.remove("a")
        self.assertEqual({}, tree._root.levels)

    def test_tens_of_thousands_of_levels_do_not_exhaust_the_stack(self) -> None:
        """As for the subscriptions."""
        deep = "/" * 65_000
        tree: TopicTree[int] = TopicTree()
        tree.put(deep, 1)
        self.assertEqual([(deep, 1)], tree.match("#"))
        self.assertEqual([(deep, 1)], tree.match(deep))
        self.assertTrue(tree.remove(deep))

    @quick
    @given(st.lists(st.tuples(names, st.booleans())), filters)
    def test_the_tree_agrees_with_a_list_of_topics(
        self, steps: list[tuple[str, bool]], topic_filter: str
    ) -> None:
        """After any changes, a filter finds exactly what it matches."""
        tree: TopicTree[int] = TopicTree()
        plain: dict[str, int] = {}
        for number, (topic, put) in enumerate(steps):
            if put:
                tree.put(topic, number)
                plain[topic] = number
            else:
                self.assertEqual(plain.pop(topic, None) is not None, tree.remove(topic))
        expected = sorted(item for item in plain.items() if naive(topic_filter, item[0]))
        self.assertEqual(expected, sorted(tree.match(topic_filter)))
        for topic in plain:
            tree.remove(topic)
        self.assertEqual({}, tree._root.levels)
