"""An HTTP answer as a value: handlers return one, the request carries it away."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from attrs import evolve, frozen
from twisted.web.resource import IResource

Header = tuple[bytes, bytes]

JSON: Final = b"application/json"
HTML: Final = b"text/html; charset=utf-8"
NO_STORE: Final[Header] = (b"Cache-Control", b"no-store")


@frozen
class Answer:
    """`status`, `body` and its media type; `headers` come on top of those that every answer has."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Sequence[Header] = (NO_STORE,)

    def with_headers(self, headers: Sequence[Header]) -> "Answer":
        """The same with these headers as well."""
        return evolve(self, headers=(*self.headers, *headers))


@frozen
class HandOver:
    """The connection is no longer ours: `resource` takes it from here."""

    resource: IResource


def as_json(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> Answer:
    """`value` (whatever msgspec can write) as a JSON answer that nobody may cache."""
    return Answer(status, msgspec.json.encode(value), JSON, (NO_STORE, *headers))


def see_other(location: str, headers: Sequence[Header] = ()) -> Answer:
    """303: go there with GET. `location` is one of our own paths, never what somebody sent."""
    where = (b"Location", location.encode("ascii"))
    return Answer(303, b"", HTML, (NO_STORE, where, *headers))
