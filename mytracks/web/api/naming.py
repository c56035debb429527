"""Fields of a refusal under the names that the API gives them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mytracks.errors import Conflict, Invalid, NotFound


@contextmanager
def named(names: Mapping[str, str]) -> Iterator[None]:
    """A service's refusal of a field becomes one of the field as it was sent: `names` maps the
    service's names to those of the body."""
    try:
        yield
    except (Invalid, Conflict) as wrong:
        errors: dict[str, Sequence[str]] = {
            names.get(name, name): texts for name, texts in wrong.errors.items()
        }
        raise type(wrong)(str(wrong), errors) from wrong


def number(text: str) -> int:
    """The number in a path. Raises NotFound for anything else: there is nothing of that name."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("There is nothing at this address.")
    return int(text)
