"""The query string as a typed value: the same msgspec type checks it and describes it."""

import re
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

import msgspec

from mytracks.errors import Invalid
from mytracks.web.request import Request

Q = TypeVar("Q", bound="Query")

_FIELD: Final = re.compile(r" - at `\$\.([A-Za-z_]+)")
_KIND: Final = re.compile(r"^Expected `(\w+)[^`]*`(, got `\w+`)?")
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all: parameters that nobody knows are ignored, empty ones are absent."""

    @classmethod
    def means_something_empty(cls) -> frozenset[str]:
        """The parameters whose empty value is a value."""
        return frozenset()


def read(request: Request, kind: type[Q]) -> Q:
    """The query string of `request` as a `kind`. Raises Invalid naming the parameter."""
    sent = request.args or {}
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        values = [_text(field.name, value) for value in sent.get(field.name.encode("ascii"), [])]
        if field.name not in kind.means_something_empty():
            values = [value for value in values if value]
        if not values:
            continue
        found[field.name] = values if _is_list(field.type) else values[-1]
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise wrong(*located(str(error))) from error


def wrong(field: str, text: str) -> Invalid:
    """The refusal of a question because of one of its parameters."""
    return Invalid(f"The parameter {field!r} cannot be used.", {field: [text]})


def _is_list(kind: Any) -> bool:
    """Whether a parameter may be repeated; every other one means its last value."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_origin(kind) is list


def located(message: str) -> tuple[str, str]:
    """Which member msgspec complains about, if it says so, and what it says."""
    place = _FIELD.search(message)
    said = message.partition(" - at `")[0]
    return (place[1] if place else "", _KIND.sub(_in_words, said) + ".")


def _in_words(kind: re.Match[str]) -> str:
    """A type as people call it."""
    return f"Expected {_WORDS.get(kind[1], 'a text')}"


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise wrong(name, "Not UTF-8.") from None
    if "\0" in text:
        raise wrong(name, "A character that cannot be used.")
    return text
