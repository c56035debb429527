"""What a person may be called (contract 3). Pure."""

import re

from mytracks.errors import Invalid

RESERVED = frozenset({"user"})
"""Android's default topic has `user` where a name belongs; nobody can be called so."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)
_LONGEST_DISPLAY = 100
_LONGEST_EMAIL = 254
"""[RFC 5321 4.5.3.1.3], less the brackets."""


def canonical(name: str) -> str:
    """The form in which names are stored and compared. Only ASCII has cases here: a Kelvin sign
    must not become a k."""
    return name.lower() if name.isascii() else name


def check_name(name: str) -> str:
    """The canonical form of a new account's name. Raises Invalid."""
    made = canonical(name)
    if _NAME.fullmatch(made) is None:
        raise _invalid(
            "username",
            "A user name has 1 to 64 of a-z 0-9 . _ - @ and begins with a letter or digit.",
        )
    if made in RESERVED:
        raise _invalid("username", f"The name {made!r} is reserved.")
    return made


def check_display(display: str) -> str:
    """A name as the person writes it; may be empty. Raises Invalid."""
    made = display.strip()
    if len(made) > _LONGEST_DISPLAY or not made.isprintable():
        raise _invalid("display", f"A name has at most {_LONGEST_DISPLAY} printable characters.")
    return made


def check_email(email: str) -> str:
    """An address that mail could go to; may be empty. Raises Invalid."""
    made = email.strip()
    name, at, host = made.rpartition("@")
    plain = made.isprintable() and not any(char.isspace() for char in made)
    if made and not (plain and at and name and host and len(made) <= _LONGEST_EMAIL):
        raise _invalid("email", "This is not an e-mail address.")
    return made


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(text, {field: [text]})
