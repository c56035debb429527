"""Bytes as people can read them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.web.raw_bytes import as_text, beginning, dump, is_readable


class RawBytesTests(SynchronousTestCase):
    """Text where it is text, else numbers."""

    def test_text_that_was_cut_within_a_character_is_still_text(self) -> None:
        """The beginning of a message ends wherever it ends."""
        whole = "Zoë 🚲".encode()
        for cut in range(len(whole)):
            text = as_text(whole[:cut], cut=True)
            assert text is not None
            self.assertTrue("Zoë 🚲".startswith(text))
        self.assertIsNone(as_text(whole[:-1]))
        self.assertIsNone(as_text(b"\xff", cut=True))

    def test_what_has_control_characters_is_shown_as_numbers(self) -> None:
        """Nobody sees a zero or an escape in a text."""
        self.assertEqual(("a\nb", True), beginning(b"a\nb", cut=False))
        self.assertEqual(("61 00", False), beginning(b"a\0", cut=False))
        self.assertEqual(("ff fe", False), beginning(b"\xff\xfe", cut=True))
        self.assertFalse(is_readable("\u202etxt"), "a text that turns round")

    def test_a_dump_has_three_columns(self) -> None:
        """As everybody knows them."""
        first, second = dump(bytes(range(0x3A, 0x4C))).split("\n")
        self.assertEqual(
            "00000000  3a 3b 3c 3d 3e 3f 40 41  42 43 44 45 46 47 48 49  :;<=>?@ABCDEFGHI", first
        )
        self.assertEqual("00000010  4a 4b" + " " * 45 + "JK", second)
        self.assertEqual("", dump(b""))

    @given(st.binary(max_size=300))
    def test_anything_can_be_shown(self, body: bytes) -> None:
        """And nothing is lost of it."""
        text, readable = beginning(body, cut=False)
        self.assertEqual(body, text.encode() if readable else bytes.fromhex(text))
        told = b"".join(bytes.fromhex(line[10:58]) for line in dump(body).split("\n") if line)
        self.assertEqual(body, told)
