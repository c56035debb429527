"""Bytes to members: sloppy payloads are read, junk is refused with a reason."""

import json

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.reading import (
    DEEPEST,
    LARGEST_SLOPPY,
    LARGEST_TEXT,
    MOST_BRACKETS,
    TOO_DEEP,
    Unreadable,
    canonical,
    crowded,
    members,
    without_long_texts,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


class MembersTests(SynchronousTestCase):
    def test_sloppy_wrapping_is_looked_through(self) -> None:
        """Trackers send byte order marks, zero bytes and line ends around good JSON."""
        for body in (
            b'{"a":1}',
            b' {"a":1}\r\n',
            b'\xef\xbb\xbf{"a":1}',
            b'{"a":1}\x00',
            b'\xef\xbb\xbf\x00 {"a":1}\x00\x00\n',
        ):
            self.assertEqual({"a": 1}, members(body), body)

    def test_odd_values_become_text_and_cost_nothing_else(self) -> None:
        """One member that JSON has no word for must not lose the others."""
        read = members(b'{"a":NaN,"b":-Infinity,"c":1e999,"d":2,"e":"\\ud800x"}')
        self.assertEqual({"a": "NaN", "b": "-Infinity", "c": "1e999", "d": 2, "e": "�x"}, read)

    def test_text_that_is_not_utf_8_is_read_as_far_as_it_goes(self) -> None:
        """A network name in another encoding is no reason to lose a place."""
        self.assertEqual({"SSID": "Caf�", "lat": 1}, members(b'{"SSID":"Caf\xe9","lat":1}'))

    def test_endless_numbers_are_kept_without_harm(self) -> None:
        """Converting digits without end would stop the server for everybody."""
        read = members(b'{"a":' + b"9" * 50_000 + b',"b":NaN}')
        self.assertEqual("NaN", read["b"])
        self.assertEqual("9" * 50_000, read["a"])

    def test_the_last_of_two_equal_names_counts(self) -> None:
        """Phones and readers agree on it, so rights are checked on what is used."""
        self.assertEqual({"a": 2}, members(b'{"a":1,"a":2}'))

    def test_what_is_no_object_is_refused_in_words(self) -> None:
        """The administrator reads the reason in quarantine."""
        for body, words in (
            (b"", "blanks"),
            (b" \x00\n", "blanks"),
            (b"[1]", "an array"),
            (b"null", "null"),
            (b"true", "true or false"),
            (b"12", "a number"),
            (b'"x"', "a text"),
            (b"hello", "not a JSON object"),
            (b"\xff\xfe{\x00}\x00", "not a JSON object"),
            (b'{"a":', "not JSON"),
            (b"{'a':1}", "not JSON"),
            (b'{"a":1}{"b":2}', "not JSON"),
        ):
            with self.assertRaises(Unreadable) as refused:
                members(body)
            self.assertIn(words, str(refused.exception), body)

    def test_bottomless_nesting_is_refused(self) -> None:
        """A few kilobytes of brackets must not end the process."""
        for depth in (1_100, 100_000):
            body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
            self.assertRaises(Unreadable, members, body)

    def test_a_very_large_payload_must_be_proper_json(self) -> None:
        """The tolerant reader is slow: it would hold up everybody else."""
        filler = b"x" * LARGEST_SLOPPY
        self.assertEqual({"a"}, set(members(b'{"a":"' + filler + b'"}\x00')))
        self.assertRaises(Unreadable, members, b'{"a":NaN,"b":"' + filler + b'"}')

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, body: bytes) -> None:
        """Whatever arrives, nothing but Unreadable comes out."""
        try:
            read = members(body)
        except Unreadable:
            return
        canonical(read)

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
    def test_what_is_read_can_always_be_written(self, value: dict[str, object]) -> None:
        """What goes into the store must come out of it as JSON again."""
        read = members(json.dumps(value).encode())
        writable, spelled = canonical(read)
        self.assertEqual(spelled, orjson.dumps(writable, option=orjson.OPT_SORT_KEYS))


class LargeTests(SynchronousTestCase):
    """Reading one large payload holds up everybody else, so most of it is not read."""

    def test_a_picture_is_replaced_by_a_remark_and_the_rest_is_read(self) -> None:
        """iPhones send pictures of megabytes with a place (OwnTracks 7.2)."""
        for picture in (b"x" * 7_000_000, rb"ab\/+" * 20_000):
            body = b'{"lat":1,"image":"' + picture + b'","poi":"Lake","t":"p"}'
            read = members(body, 200)
            self.assertEqual((1, "Lake", "p"), (read["lat"], read["poi"], read["t"]))
            self.assertIn(f"left out: {len(picture)} bytes", read["image"])

    def test_two_pictures_of_one_size_stay_two(self) -> None:
        """Else the second place would be taken for the first one, sent again."""
        one, other = (members(b'{"image":"' + c * 70_000 + b'"}') for c in (b"x", b"y"))
        self.assertNotEqual(canonical(one)[1], canonical(other)[1])

    def test_a_text_up_to_the_limit_is_kept(self) -> None:
        """At the limit and one past it."""
        for size, kept in ((LARGEST_TEXT, True), (LARGEST_TEXT + 1, False)):
            read = members(b'{"a":"' + b"x" * size + b'"}')
            self.assertEqual(kept, read["a"] == "x" * size)

    def test_what_is_still_too_large_is_refused_unread(self) -> None:
        """Numbers without end, a text full of quotes, brackets as far as the eye can see."""
        for body in (
            b'{"a":[' + b"1," * 200_000 + b'1],"b":2}',
            b'{"a":"' + rb"\"" * 200_000 + b'"}',
            b'{"a":' + b" " * 400_000 + b"1}",
        ):
            with self.assertRaises(Unreadable) as refused:
                members(body, 256 * 1024)
            self.assertIn("too large", str(refused.exception))

    def test_a_crowd_of_brackets_is_refused_unread(self) -> None:
        """They cost the most by far, byte by byte. At the limit and one past it."""
        for number, refused in ((MOST_BRACKETS - 2, False), (MOST_BRACKETS - 1, True)):
            body = b'{"a":[' + b"[]," * (number - 1) + b"[]]}"
            self.assertEqual(refused, crowded(body))
        self.assertRaises(Unreadable, members, body)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(
        st.recursive(
            st.integers() | st.text(max_size=5) | st.sampled_from(["x\\", '"', ":", ",1]"]),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from("abc") | st.text(max_size=3), inner, max_size=4)
            ),
            max_leaves=12,
        ),
        st.sampled_from(["long", "", '"', "\\", ":", ",", "\n", "\\u0022"]),
        st.sampled_from(["", '"', "\\", "]", "}"]),
        st.booleans(),
    )
    def test_shortening_changes_nothing_but_long_texts(
        self, value: object, first: str, last: str, inside: bool
    ) -> None:
        """Else a command could be hidden from the judge, or a place moved."""
        long = first + "x" * (LARGEST_TEXT + 1) + last
        whole = {"a": [long, value] if inside else value, "b": long, "c": value}
        for separators in ((",", ":"), (", ", " : ")):
            body = json.dumps(whole, separators=separators).encode()
            read = json.loads(without_long_texts(body))
            self.assertEqual(_masked(whole), _masked(read))


def _masked(value: object) -> object:
    if isinstance(value, str):
        return "(long)" if len(value) > LARGEST_TEXT or "left out: " in value else value
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    return value


class CanonicalTests(SynchronousTestCase):
    def test_the_order_of_members_and_blanks_do_not_matter(self) -> None:
        """A phone that repeats itself is recognised."""
        _, one = canonical(members(b'{"a":1,"b":{"d":1,"c":2}}'))
        _, other = canonical(members(b' { "b" : {"c":2, "d":1}, "a":1 }'))
        self.assertEqual(one, other)

    def test_what_lies_too_deep_is_replaced_by_a_remark(self) -> None:
        """The store can write what is kept, and the rest of the message is."""
        body = b'{"a":1,"b":' + b"[" * 300 + b"]" * 300 + b"}"
        value, _ = canonical(members(body))
        self.assertEqual(1, value["a"])
        inner, depth = value["b"], 1
        while isinstance(inner, list):
            inner, depth = inner[0], depth + 1
        self.assertEqual((TOO_DEEP, DEEPEST), (inner, depth))
