"""Numbers as phones write them: also as text, also with a fraction."""

import math
from typing import Any, Final

_LONGEST: Final = 32
"""Characters of a number in quotes."""


def number_of(value: Any) -> int | float | None:
    """The finite number that `value` is, or spells; None: it is not one."""
    if type(value) is int or type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is str and len(value) <= _LONGEST and value.isascii() and "_" not in value:
        return _spelled(value)
    return None


def _spelled(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
