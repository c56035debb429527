"""How hard a password is to guess."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.people.guessing import COUNTED, is_common, strength


class CommonTests(SynchronousTestCase):
    """What anybody would try first."""

    def test_lists_rows_and_repetitions_are_common(self) -> None:
        """In any case, backwards and with a digit behind."""
        for password in (
            *("password", "PASSWORD1", "iloveyou", "trustno1!", "drowssap", "1drowssap"),
            *("12345678", "87654321", "qwertyuiop", "aaaaaaaa", "abcdefgh", "12341234"),
            *("owntracks", "mytracks", "mosquitto", "raspberry", "administrator"),
        ):
            self.assertTrue(is_common(password), password)

    def test_what_is_near_the_person_is_common(self) -> None:
        """Their name backwards or twice, their address's first part."""
        others = ("annabelle", "bella.m@example.org", "")
        for password in ("annabelle", "ellebanna", "annabelle1", "annabelleannabelle", "bella.m1"):
            self.assertTrue(is_common(password, others), password)
        self.assertFalse(is_common("ellebanna-42"))

    def test_what_a_person_would_choose_with_care_is_not(self) -> None:
        """No rule about kinds of characters [ASVS 5.0 6.2.5]."""
        for password in (
            *("a3k9x2f8", "four plain words here", "correct horse battery", "hello world"),
            *("wrong-password", "secret-password", "s3cret-pass", "test-password-1"),
        ):
            self.assertFalse(is_common(password, ("ana",)), password)

    def test_long_ones_are_looked_up_in_the_list_only(self) -> None:
        """Counting takes time that grows; nobody tries these."""
        self.assertTrue(is_common("x" * COUNTED))
        for length in (COUNTED + 1, 128, 1024):
            self.assertFalse(is_common("x" * length))


class StrengthTests(SynchronousTestCase):
    """In a word."""

    def test_it_grows_with_what_has_to_be_guessed(self) -> None:
        """From the list's first to words that nobody put together before."""
        told = [
            strength(password)
            for password in (
                "password",
                "monkey99",
                "s3cret-pass",
                "hello world",
                "gräßlich 9 Uhren",
            )
        ]
        self.assertEqual(["weak", "weak", "fair", "good", "strong"], told)

    def test_ones_own_name_adds_nothing(self) -> None:
        """An attacker knows it."""
        self.assertEqual("good", strength("annabelle-riviera"))
        self.assertNotEqual("good", strength("annabelle", ("annabelle",)))

    def test_a_very_long_one_takes_no_longer(self) -> None:
        """Only its beginning is counted, and that is enough."""
        self.assertEqual("strong", strength("gräßlich 9 Uhren " * 1000))
