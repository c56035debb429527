"""A request's JSON body as a typed value: the same msgspec type checks it and describes it.

Every field that is wrong is named, not only the first. Only `application/json` is taken: no form of
another site can send that without the browser asking us first.
"""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import NODEFAULT

from mytracks.errors import Invalid
from mytracks.web.problems import WrongMedia
from mytracks.web.query import located
from mytracks.web.request import Request

B = TypeVar("B", bound="Body")

_MEDIA: Final = "application/json"
_UNUSABLE: Final = "The body cannot be used."


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all: members that nobody knows are refused, so that a mistyped one is not lost."""


def read(request: Request, kind: type[B]) -> B:
    """The body of `request` as a `kind`; no body at all is an empty object.

    Raises Invalid naming the fields, WrongMedia.
    """
    sent = _object(request)
    found: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in sent:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                errors[field.encode_name] = ["This is required."]
            continue
        value = sent.pop(field.encode_name)
        try:
            found[field.name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            errors[field.encode_name] = [_told(error)]
        if _holds_zero(value):
            errors[field.encode_name] = ["A character that cannot be used."]
    for name in list(sent)[:_MOST_UNKNOWN]:
        errors[name[:_LONGEST_NAME]] = ["There is no such field."]
    if errors:
        raise Invalid(_UNUSABLE, errors)
    return kind(**found)


_MOST_UNKNOWN: Final = 20
_LONGEST_NAME: Final = 64


def _object(request: Request) -> dict[str, Any]:
    body = request.body.content.getvalue()
    media = request.text_header("Content-Type")
    if media is None and not body:
        return {}
    if media is None or media.partition(";")[0].strip().lower() != _MEDIA:
        raise WrongMedia(f"The body must be {_MEDIA}.")
    if not body:
        return {}
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body is not JSON.") from error
    if not isinstance(sent, dict):
        raise Invalid("The body must be a JSON object.")
    return sent


def _told(error: msgspec.ValidationError) -> str:
    place, text = located(str(error))
    return f"`{place}`: {text}" if place else text


def _holds_zero(value: Any) -> bool:
    """Not every database holds a zero character in a text."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_zero(key) or _holds_zero(each) for key, each in value.items())
    return isinstance(value, list) and any(_holds_zero(each) for each in value)
