"""Refusals -> RFC 9457 `application/problem+json`: the one table of the web door.

Decides status, headers and shape; which text is shown was decided where the refusal was raised.
What nobody foresaw becomes a bare 500, to phones a 503, that tells nothing.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from mytracks.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    kind,
)
from mytracks.web.answers import NO_STORE, Answer, Header

PROBLEM_JSON: Final = b"application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a phone or script may try again when we were the trouble."""
CHALLENGE: Final[Header] = (b"WWW-Authenticate", b'Basic realm="mytracks", charset="UTF-8"')

HTTP_STATUS: Final[Mapping[type[Refused], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Busy: 429,
    Unavailable: 503,
}


class TooLarge(Exception):
    """The body is larger than this path takes; told before any handler runs."""


class WrongMedia(Exception):
    """The body is of a media type that this path does not take; the text may be shown."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not carried out (RFC 9457). `errors`: what is wrong with which field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] = {}


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    headers: Sequence[Header] = (),
) -> Answer:
    """The answer that tells `detail` and, field by field, `errors`."""
    told = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors={name: list(texts) for name, texts in (errors or {}).items()},
    )
    return Answer(status, msgspec.json.encode(told), PROBLEM_JSON, (NO_STORE, *headers))


def refusal(refused: Refused, *, challenge: bool, phone: bool) -> Answer:
    """What `refused` becomes. `challenge`: say that Basic is a way in. `phone`: it is a phone
    that asks, which gives up its points at a 429 but keeps them at a 503 (owntracks.md 9.3)."""
    status = HTTP_STATUS[kind(refused)]
    headers: list[Header] = []
    if isinstance(refused, Busy):
        headers.append(retry_after(refused.retry_after))
        status = 503 if phone else status
    elif isinstance(refused, Unavailable):
        headers.append(retry_after(RETRY_AFTER))
    elif isinstance(refused, Unauthenticated) and challenge:
        headers.append(CHALLENGE)
    errors = refused.errors if isinstance(refused, Invalid | Conflict) else None
    return problem(status, str(refused), errors=errors, headers=headers)


def broken(*, phone: bool) -> Answer:
    """Our own mistake: the log knows what it was, the asker learns only that it was ours. `phone`:
    as in `refusal`; what it keeps is stored once we have been mended."""
    told = "The server made a mistake; its log says which."
    if phone:
        return problem(503, told, headers=[retry_after(RETRY_AFTER)])
    return problem(500, told)


def retry_after(seconds: float) -> Header:
    """The header that says when to try again: whole seconds, at least one."""
    return (b"Retry-After", b"%d" % max(1, math.ceil(seconds)))
