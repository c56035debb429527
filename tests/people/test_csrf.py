"""Proof that a request comes from our own page."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.people import csrf


class CSRFTests(SynchronousTestCase):
    """Another site can make the browser ask, but never show this."""

    def test_every_token_of_a_session_is_good_and_none_is_like_another(self) -> None:
        """Masked anew for each answer, so that compression tells nothing."""
        tokens = {csrf.issue("session") for _ in range(20)}
        self.assertEqual(20, len(tokens))
        self.assertTrue(all(csrf.verify("session", token) for token in tokens))

    def test_a_token_of_another_session_is_refused(self) -> None:
        """An attacker has an account of his own."""
        self.assertFalse(csrf.verify("hers", csrf.issue("his")))

    def test_the_session_token_is_not_in_it(self) -> None:
        """The page must not give away what the cookie hides from scripts."""
        self.assertNotIn("session", csrf.issue("session"))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.text(max_size=100))
    def test_anything_else_is_refused_and_never_fails(self, shown: str) -> None:
        """It comes from strangers."""
        self.assertFalse(csrf.verify("session", shown))

    @settings(derandomize=True, deadline=None, max_examples=50)
    @given(st.integers(0, 10_000), st.integers(1, 255))
    def test_a_token_that_was_changed_is_refused(self, place: int, change: int) -> None:
        """No bit of it is decoration."""
        token = csrf.issue("session")
        place %= len(token) - 1  # the last letter of base64 has bits to spare
        changed = chr((ord(token[place]) + change) % 128)
        self.assertEqual(
            changed == token[place],
            csrf.verify("session", token[:place] + changed + token[place + 1 :]),
        )
