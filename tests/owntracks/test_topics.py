"""Topics: whose and which device's they are, and what a device may be called."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks import topics
from mytracks.owntracks.topics import Place


class PlaceTests(SynchronousTestCase):
    def test_a_topic_says_user_device_and_what_lies_below(self) -> None:
        """Rights and storage both hang on this one reading of a topic."""
        self.assertEqual(Place("jane", "pixel8", ""), topics.place("owntracks/jane/pixel8"))
        self.assertEqual(Place("jane", "p", "event"), topics.place("owntracks/jane/p/event"))
        self.assertEqual(Place("jane", "p", "a/b"), topics.place("owntracks/jane/p/a/b"))

    def test_the_user_is_compared_without_regard_to_case_and_the_device_exactly(self) -> None:
        """Phones write the name as their owner typed it (contract 3)."""
        self.assertEqual(Place("jane", "Pixel", ""), topics.place("owntracks/JANE/Pixel"))

    def test_what_is_no_devices_topic_has_no_place(self) -> None:
        """Nothing outside the tree may be mistaken for somebody's."""
        for topic in ("", "owntracks", "owntracks/jane", "/owntracks/jane/p", "Owntracks/j/p", "a"):
            self.assertIsNone(topics.place(topic), topic)

    def test_only_cmd_itself_is_where_commands_belong(self) -> None:
        """A command is carried out wherever this is wrong."""
        for topic, commands in (
            ("owntracks/j/p/cmd", True),
            ("owntracks/j/p", False),
            ("owntracks/j/cmd", False),
            ("owntracks/j/p/cmd/x", False),
            ("owntracks/j/p/x/cmd", False),
            ("owntracks/j/p/CMD", False),
        ):
            place = topics.place(topic)
            self.assertIsNotNone(place)
            self.assertEqual(commands, place is not None and place.commands, topic)

    def test_the_owner_needs_no_device_level(self) -> None:
        """A receiver is asked about topics of any depth."""
        self.assertEqual("jane", topics.owner("owntracks/Jane"))
        self.assertEqual("jane", topics.owner("owntracks/jane/p/event"))
        self.assertIsNone(topics.owner("owntracks"))
        self.assertIsNone(topics.owner("home/jane/p"))

    def test_each_kind_has_the_topic_that_phones_use(self) -> None:
        """What comes by HTTP must be found where MQTT clients look for it."""
        self.assertEqual("owntracks/j/p", topics.of_kind("j", "p", "location"))
        self.assertEqual("owntracks/j/p/event", topics.of_kind("j", "p", "transition"))
        self.assertEqual("owntracks/j/p/info", topics.of_kind("j", "p", "card"))
        self.assertEqual("owntracks/j/p", topics.of_kind("j", "p", "never heard of"))


class DeviceNameTests(SynchronousTestCase):
    def test_usual_and_unusual_names_are_good(self) -> None:
        """iPhones send identifiers in capitals, people write what they like."""
        for name in ("pixel8", "5A1B-22", "Mutters Händi", "電話", "a" * 64, "x.y_z@w", "📱"):
            self.assertIsNone(topics.device_name_problem(name), name)

    def test_names_that_break_the_rules_are_told_in_words(self) -> None:
        """The administrator reads why a message was set aside."""
        for name in ("", "a" * 65, "a/b", "a+", "#", "a\nb", "a\x7f", "a\x85b", "a\x00", "\ud800"):
            self.assertIsNotNone(topics.device_name_problem(name), repr(name))

    @settings(derandomize=True, deadline=None)
    @given(st.text(max_size=70))
    def test_a_good_name_makes_a_topic_that_says_the_same_name(self, name: str) -> None:
        """Otherwise a device could be stored under one name and published under another."""
        if topics.device_name_problem(name) is None:
            self.assertEqual(Place("j", name, ""), topics.place(topics.base("j", name)))
