"""One line to ask, one line to answer."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.control.wire import (
    Answer,
    BadLine,
    Refusal,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
RESULT = JSON.filter(lambda value: value is not None)


class WireTests(SynchronousTestCase):
    """Two programs, perhaps of two versions, read the same lines."""

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), JSON, max_size=4))
    def test_a_request_comes_over_as_it_was(
        self, operation: str, arguments: dict[str, object]
    ) -> None:
        """Passwords with line ends in them included."""
        line = encode_request(Request(operation, arguments))
        self.assertEqual(1, line.count(b"\n"))
        self.assertEqual(Request(operation, arguments), decode_request(line[:-1]))

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(RESULT, st.text(max_size=20), st.dictionaries(st.text(max_size=8), st.lists(st.text())))
    def test_an_answer_comes_over_as_it_was(
        self, result: object, text: str, fields: dict[str, list[str]]
    ) -> None:
        """A result or a refusal, never both."""
        for answer in (Answer(result), Answer(refusal=Refusal("invalid", text, fields))):
            line = encode_answer(answer)
            self.assertEqual(1, line.count(b"\n"))
            self.assertEqual(answer, decode_answer(line))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.binary(max_size=60))
    def test_garbage_is_a_bad_line_and_nothing_else(self, line: bytes) -> None:
        """Whatever connects may say whatever it likes."""
        for decode in (decode_request, decode_answer):
            with self.assertRaises(BadLine):
                decode(line + b"}")

    def test_what_lacks_its_parts_is_a_bad_line(self) -> None:
        """Well-formed is not well-meant."""
        for line in (b"[]", b"{}", b'{"operation": 1}', b'{"operation": "a", "arguments": []}',
                     b"[" * 100_000):  # fmt: skip
            with self.assertRaises(BadLine):
                decode_request(line)
        for line in (b"[]", b'{"refusal": {}}', b'{"refusal": "no"}'):
            with self.assertRaises(BadLine):
                decode_answer(line)

    def test_no_value_shows_its_secrets(self) -> None:
        """They end up in logs and tracebacks."""
        self.assertNotIn("hunter2", repr(Request("user.add", {"password": "hunter2"})))
        self.assertNotIn("hunter2", repr(Answer({"password": "hunter2"})))
