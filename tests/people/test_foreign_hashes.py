"""Passwords that Django stored."""

import base64
import hashlib

from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.people.foreign_hashes import is_foreign, verified

KNOWN = (
    # Published by Django's own tests, which hash "lètmein" with the salt "seasalt".
    "pbkdf2_sha256$1$seasalt$"
    + base64.b64encode(hashlib.pbkdf2_hmac("sha256", "lètmein".encode(), b"seasalt", 1)).decode()
)


def pbkdf2(password: str, iterations: int = 1000) -> str:
    """As Django 2 to 6 write it."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", iterations)
    return f"pbkdf2_sha256${iterations}$salt${base64.b64encode(digest).decode()}"


class ForeignHashesTests(SynchronousTestCase):
    """Right, wrong and damaged."""

    def test_the_right_password_is_right_and_no_other_is(self) -> None:
        """Whatever letters it has."""
        for password in ("secret", "lètmein", "🦉" * 100):
            encoded = pbkdf2(password)
            self.assertTrue(is_foreign(encoded))
            self.assertTrue(verified(encoded, password.encode()))
            self.assertFalse(verified(encoded, password.encode() + b" "))
            self.assertFalse(verified(encoded, b""))
        self.assertTrue(verified(KNOWN, "lètmein".encode()))

    def test_djangos_argon2_is_the_encoded_hash_behind_a_word(self) -> None:
        """With its own costs."""
        hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=2)
        encoded = "argon2" + hasher.hash("secret")
        self.assertTrue(is_foreign(encoded))
        self.assertTrue(verified(encoded, b"secret"))
        self.assertFalse(verified(encoded, b"other"))

    def test_ours_is_not_foreign(self) -> None:
        """Nor is what Django writes for an account without a password."""
        for encoded in ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "!unusable", ""):
            self.assertFalse(is_foreign(encoded))

    def test_a_hash_that_costs_too_much_is_not_even_tried(self) -> None:
        """A file that somebody brought must not keep a thread busy for an hour."""
        for encoded in (
            "pbkdf2_sha256$999999999$salt$aGFzaA==",
            "pbkdf2_sha256$5000001$salt$aGFzaA==",
            "argon2$argon2id$v=19$m=4194304,t=2,p=8$c2FsdHNhbHQ$aGFzaGhhc2g",
            "argon2$argon2id$v=19$m=8,t=9999,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
            "argon2$argon2id$v=19$m=9999,t=1,p=999$c2FsdHNhbHQ$aGFzaGhhc2g",
        ):
            self.assertFalse(verified(encoded, b"secret"))

    def test_a_damaged_one_lets_nobody_in(self) -> None:
        """And raises nothing."""
        for encoded in (
            "pbkdf2_sha256$",
            "pbkdf2_sha256$0$salt$aGFzaA==",
            "pbkdf2_sha256$-1$salt$aGFzaA==",
            "pbkdf2_sha256$²$salt$aGFzaA==",
            "pbkdf2_sha256$x$salt$aGFzaA==",
            "pbkdf2_sha256$1$salt$not base64",
            "pbkdf2_sha256$1$salt$é",
            "pbkdf2_sha256$1$salt$",
            "pbkdf2_sha256$1$a$b$c",
            "argon2$",
            "argon2$argon2id$broken",
        ):
            self.assertFalse(verified(encoded, b"secret"), encoded)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.text(max_size=40), st.binary(max_size=20))
    def test_nothing_that_is_stored_raises(self, rest: str, password: bytes) -> None:
        """It is a row of somebody's old database."""
        self.assertFalse(verified("argon2$" + rest, password))
        self.assertFalse(verified("pbkdf2_sha256$" + rest, password))
