"""A location's name for the outside."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.tracks.identifiers import Unknown, decode, encode
from mytracks.tracks.ports import Position

POSITIONS = st.builds(
    Position,
    at=st.integers(-(2**39), 2**39 - 1),
    device=st.integers(0, 2**63 - 1),
    seq=st.integers(-(2**31), 2**31 - 1),
)


class IdentifierTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None)
    @given(POSITIONS)
    def test_it_says_the_position_and_fits_a_url(self, position: Position) -> None:
        """Links to a location work for ever, in any browser."""
        text = encode(position)
        self.assertIsNotNone(re.fullmatch(r"[A-Za-z0-9_-]{1,24}", text))
        self.assertEqual(position, decode(text))

    def test_it_stays_the_same(self) -> None:
        """A page that was kept for a year still means the same location."""
        position = Position(at=1_767_225_600, device=7, seq=-2)
        self.assertEqual("AGlVuQD____-Bw", encode(position))

    @settings(derandomize=True, deadline=None)
    @given(st.text(max_size=26))
    def test_any_other_text_is_unknown(self, text: str) -> None:
        """There is one spelling only, and no text is an error of ours."""
        try:
            position = decode(text)
        except Unknown:
            return
        self.assertEqual(text, encode(position))

    def test_near_misses_are_unknown(self) -> None:
        """Cut, padded or zero-filled: not one of ours."""
        good = encode(Position(at=1_767_225_600, device=7, seq=-2))
        for text in ("", "=", "1", good[:-1], good + "==", "AGlVuQD____-AAc", good + "é"):
            self.assertRaises(Unknown, decode, text)
        self.assertRaises(Unknown, decode, encode(Position(at=1, device=2**63, seq=1)))
