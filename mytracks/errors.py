"""What a service refuses with.

Each class names one kind of refusal; which HTTP status, CONNACK code or exit code it becomes is
decided once, in the table of the door that answers. `str(error)` may be shown to whoever asked.
"""

from collections.abc import Mapping, Sequence


class Refused(Exception):
    """A request that is not carried out; the text may be shown to the asker."""


class Invalid(Refused):
    """What was sent is not usable. `errors` maps a field's name to what is wrong with it."""

    def __init__(self, detail: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.errors: Mapping[str, Sequence[str]] = errors or {}


class Unauthenticated(Refused):
    """Nobody that we know is asking: credentials are missing or wrong."""


class Forbidden(Refused):
    """We know who asks, and they may not."""


class NotFound(Refused):
    """There is no such thing, or it was not shared with the asker: both are told alike."""


class Conflict(Refused):
    """It would contradict what is there already. `errors` as in `Invalid`."""

    def __init__(self, detail: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.errors: Mapping[str, Sequence[str]] = errors or {}


class Busy(Refused):
    """Too many attempts. `retry_after`: seconds to wait."""

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(Refused):
    """Our own trouble (store full, down, overloaded): the same request may work later."""


def kind(refused: Refused) -> type[Refused]:
    """Which of the classes above `refused` is of: what the doors' tables know. The rooms refine
    them, and no door has to learn of that. One that is none of them is our own trouble: whoever
    asked keeps what they have and tries again."""
    found = (each for each in type(refused).__mro__ if Refused in each.__bases__)
    return next(found, Unavailable)
