"""How many tries it takes to guess a password, as zxcvbn counts them.

zxcvbn knows 30,000 passwords that people use, names, words, keyboard rows, dates and repetitions,
also backwards and with digits behind. There are no rules about kinds of characters: they make
passwords worse [ASVS 5.0 6.2.5]. A password is common when it is on the list, or when twelve
thousand tries would find it: from one network that is nearly two weeks at the sign-in page.
zxcvbn begins at ten thousand for what has two parts, so that one's own name, or another common
word, with a digit or two behind is just within. Long ones are looked up in the list only: counting
takes time that grows with the length, and nobody tries what is so long.

The lists are large and needed only when somebody chooses a password: they are read then.
"""

from collections.abc import Collection
from functools import cache
from typing import Any, Final

COUNTED: Final = 32
"""Characters of the longest password that is counted, which takes some 5 ms."""
_TRIES: Final = 12_000
_STRENGTHS: Final = ("weak", "weak", "fair", "good", "strong")
"""By zxcvbn's score."""
_NEAR: Final = (
    *("mytracks", "owntracks", "homeassistant", "mosquitto", "raspberry", "raspberrypi", "debian"),
    *("ubuntu", "admin", "administrator", "guest", "root", "toor", "demo", "user", "tester"),
    *("passwort", "geheim", "qwertz", "haslo", "contraseña", "changeme", "letmein"),
)
"""What somebody thinks of in front of this server, and zxcvbn does not know well."""


def is_common(password: str, others: Collection[str] = ()) -> bool:
    """Whether it is one of the first that anybody would try who knows `others`, the person's names
    and addresses."""
    if password.casefold() in _listed():
        return True
    return len(password) <= COUNTED and _judged(password, others)["guesses"] < _TRIES


def strength(password: str, others: Collection[str] = ()) -> str:
    """In a word: weak, fair, good or strong."""
    return _STRENGTHS[_judged(password[:COUNTED], others)["score"]]


def _judged(password: str, others: Collection[str]) -> dict[str, Any]:
    from zxcvbn import zxcvbn

    known = [part for other in others for part in (other, other.partition("@")[0]) if part]
    found: dict[str, Any] = zxcvbn(password, user_inputs=[*known, *_NEAR])
    return found


@cache
def _listed() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    # Shorter ones are refused for their length.
    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8)
