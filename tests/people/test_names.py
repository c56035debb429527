"""What a person may be called (contract 3)."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.people.names import check_display, check_email, check_name

ALLOWED = string.ascii_lowercase + string.digits + "._-@"


class NameTests(SynchronousTestCase):
    """A name is a topic level, a path segment and a key."""

    def refused(self, name: str) -> None:
        """The name is refused, and the form's field is named."""
        with self.assertRaises(Invalid) as caught:
            check_name(name)
        self.assertEqual(["username"], list(caught.exception.errors))

    def test_names_are_kept_in_lower_case(self) -> None:
        """Phones capitalise the first letter of everything."""
        self.assertEqual("ana.b@example.org", check_name("Ana.B@Example.org"))

    def test_the_length_is_one_to_sixty_four(self) -> None:
        """At the limit, and one past it."""
        self.assertEqual("a", check_name("a"))
        self.assertEqual("a" * 64, check_name("a" * 64))
        self.refused("a" * 65)
        self.refused("")

    def test_user_is_reserved_however_it_is_written(self) -> None:
        """Android's default topic says `user` where a name belongs."""
        self.refused("user")
        self.refused("User")

    def test_names_that_could_be_read_as_something_else_are_refused(self) -> None:
        """Separators, wildcards, controls and look-alikes."""
        for name in (
            "a/b",
            "a+b",
            "#",
            "-a",
            ".a",
            "@a",
            "a b",
            "a\n",
            "ana\x00",
            "\u0430na",
            "\u017f",
            "\u212a",
        ):
            self.refused(name)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.text(max_size=70))
    def test_whatever_is_accepted_consists_of_the_promised_characters(self, text: str) -> None:
        """Case folding must not smuggle anything in."""
        try:
            name = check_name(text)
        except Invalid:
            return
        self.assertTrue(set(name) <= set(ALLOWED), name)
        self.assertEqual(name, check_name(name))


class ProfileTests(SynchronousTestCase):
    """What else is told of a person."""

    def test_an_address_has_two_sides_and_may_be_missing(self) -> None:
        """Not more is checked: the mail server knows the rest."""
        self.assertEqual("ana@example.org", check_email(" ana@example.org "))
        self.assertEqual("", check_email(""))
        for wrong in (
            "ana",
            "@example.org",
            "ana@",
            "a na@example.org",
            "a@b\r\nBcc: c",
            "a@" + "b" * 254,
        ):
            with self.assertRaises(Invalid):
                check_email(wrong)

    def test_a_display_name_is_printable_and_short(self) -> None:
        """It stands on a map."""
        self.assertEqual("Ana María", check_display("Ana María"))
        for wrong in ("a" * 101, "a\x1b[31m", "a\nb"):
            with self.assertRaises(Invalid):
                check_display(wrong)
