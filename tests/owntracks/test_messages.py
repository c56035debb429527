"""Which message a payload is; nothing but Unreadable is raised whatever it holds."""

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.location import LocationMessage
from mytracks.owntracks.messages import LastWill, Other, answer, parse
from mytracks.owntracks.reading import Unreadable

NOW = 1_767_229_200


class ParseTests(SynchronousTestCase):
    def test_a_last_will_is_known_with_and_without_a_time(self) -> None:
        """New Android sends none, iOS that of its CONNECT (OwnTracks 7.3)."""
        for body in (b'{"_type":"lwt"}', b'{"_type":"lwt","tst":1700000000}'):
            self.assertEqual(LastWill(), parse(body, now=NOW))

    def test_other_messages_keep_their_kind_and_members(self) -> None:
        """Transitions, cards and what nobody knows yet are kept for later."""
        for kind in ("transition", "card", "status", "waypoints", "brand-new"):
            said = parse(orjson.dumps({"_type": kind, "a": 1}), now=NOW)
            self.assertEqual(Other(kind, {"_type": kind, "a": 1}), said)

    def test_a_position_without_a_type_is_a_location(self) -> None:
        """Scripts written for the server before us leave the type out."""
        said = parse(b'{"lat":1,"lon":2,"tst":1700000000}', now=NOW)
        self.assertIsInstance(said, LocationMessage)

    def test_a_message_that_does_not_say_what_it_is_is_refused(self) -> None:
        """Nothing is guessed."""
        for kind in (None, 1, "", ["location"], "x" * 65, "a\x00b"):
            body = json.dumps({"_type": kind}).encode()
            self.assertRaises(Unreadable, parse, body, now=NOW)
        self.assertRaises(Unreadable, parse, b"{}", now=NOW)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.binary(max_size=80) | st.binary(max_size=40).map(lambda b: b'{"_type":"location"' + b)
    )
    def test_any_bytes_are_understood_or_refused(self, body: bytes) -> None:
        """One phone's junk is never another phone's trouble."""
        try:
            parse(body, now=NOW)
        except Unreadable as refused:
            self.assertTrue(str(refused))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.dictionaries(
            st.sampled_from(["_type", "lat", "lon", "long", "tst", "acc", "batt", "t", "tid", "x"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=9)
            | st.sampled_from(["location", "lwt", "cmd", 48.5, "48.5"])
            | st.lists(st.integers(), max_size=2),
        )
    )
    def test_any_object_is_understood_or_refused(self, members: dict[str, Any]) -> None:
        """The same where it is JSON, with every member odd at once."""
        try:
            said = parse(json.dumps(members).encode(), now=NOW)
        except Unreadable:
            return
        if isinstance(said, LocationMessage):
            self.assertTrue(-90 <= said.latitude <= 90 and -180 <= said.longitude <= 180)


class AnswerTests(SynchronousTestCase):
    def test_nothing_to_say_is_an_empty_array(self) -> None:
        """Android repeats a message for ever when the answer is no array (OwnTracks 9.3)."""
        self.assertEqual(b"[]", answer([]))
        self.assertEqual(b'[{"_type":"card"}]', answer([{"_type": "card"}]))
