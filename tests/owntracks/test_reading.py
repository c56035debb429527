"""Bytes to members: sloppy payloads are read, junk is refused with a reason."""

import json

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.reading import (
    DEEPEST,
    LARGEST_SLOPPY,
    TOO_DEEP,
    Unreadable,
    canonical,
    members,
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
        read = members(b'{"a":' + b"9" * 100_000 + b',"b":NaN}')
        self.assertEqual("NaN", read["b"])
        self.assertEqual("9" * 100_000, read["a"])

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
