"""What can be asked of the web door: paths, methods, who may, and how a refusal is told.

The one table that the router, the OpenAPI document and the tests are made from.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, field, frozen

from mytracks.errors import Forbidden
from mytracks.sharing.identity import Actor, Principal, Scope
from mytracks.web.answers import Answer, HandOver

if TYPE_CHECKING:
    from mytracks.web.request import Request

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Audience(Enum):
    """Who uses an operation, which decides how it tells its refusals."""

    SCRIPT = "script"
    """Problem documents; 401 when nobody is signed in."""
    BROWSER = "browser"
    """Pages; a redirect to the sign-in page when nobody is signed in."""
    PHONE = "phone"
    """Problem documents, and 503 where others get 429 (owntracks.md 9.3)."""


class Entry(Enum):
    """Who may come in."""

    SIGNED_IN = "signed in"
    ANYBODY = "anybody"
    """Whoever they are; a page may look different to somebody who is signed in."""
    NOBODY = "nobody"
    """The same to all: who asks is not even looked at."""
    BEFORE_SIGN_IN = "before sign-in"
    """Anybody, but a form that is posted must carry the token of the pre-session cookie."""


@frozen
class Visit:
    """A request on its way to a handler. `viewer`: who asks; a Principal wherever the operation is
    for those signed in. `session`: the token of the web session by which they came, if so."""

    request: "Request"
    viewer: Principal | None
    session: str | None = None

    @property
    def who(self) -> Principal:
        """The viewer of an operation that has one for certain."""
        if self.viewer is None:
            raise TypeError("this operation is open: nobody need be signed in")
        return self.viewer

    @property
    def actor(self) -> Actor:
        """Who is noted in the audit log for what this visit changes."""
        return Actor.of(self.who)


Handler = Callable[..., Coroutine[Any, Any, Answer | HandOver]]
"""Takes a Visit and the variable parts of the path, by name."""


@frozen(kw_only=True)
class Operation:
    """One method of one path. For the document: `summary`; `query`, the msgspec type that checks
    the query string; `result`, the type of the JSON that a success answers with, and its `status`.
    `files`: the media types of a success that is, or may be, a file. `refusals`: statuses of
    problem documents beyond those that any operation may give.

    `scope`: what whoever comes must be in for. None: it is the person's own business, for which
    neither a token nor a device's password will do, nor an account password alone where a second
    factor is on. If not given: to read for what scripts read, else None."""

    handler: Handler
    method: str = "GET"
    summary: str = ""
    audience: Audience = Audience.SCRIPT
    entry: Entry = Entry.SIGNED_IN
    query: type[Any] | None = None
    body: Any = None
    result: Any = None
    status: int = 200
    files: Sequence[str] = ()
    refusals: Sequence[int] = ()
    scope: Scope | None = field(
        default=Factory(lambda self: _usual_scope(self.method, self.audience), takes_self=True)
    )

    @property
    def safe(self) -> bool:
        """Whether it changes nothing [RFC 9110 9.2.1]."""
        return self.method in SAFE_METHODS

    def check(self, who: Principal) -> None:
        """Whether `who` came with enough for this. Raises Forbidden."""
        if self.scope is None:
            if who.token is not None or who.device is not None or who.scopes is not None:
                raise Forbidden("This needs somebody who is signed in as a person.")
        elif self.scope is Scope.ADMIN and not who.admin:
            raise Forbidden("This is for administrators.")
        elif not who.may(self.scope):
            raise Forbidden(f"This needs the scope {self.scope.value!r}.")


def _usual_scope(method: str, audience: Audience) -> Scope | None:
    reads = method in SAFE_METHODS and audience is Audience.SCRIPT
    return Scope.READ if reads else None


@frozen
class Route:
    """A path, with `<name>` for its variable parts, and what can be done there. It is found with
    and without a final slash."""

    path: str
    operations: Sequence[Operation]

    def operation(self, method: str) -> Operation | None:
        """The one for `method`; HEAD is GET without the body."""
        wanted = "GET" if method == "HEAD" else method
        return next((one for one in self.operations if one.method == wanted), None)

    @property
    def methods(self) -> Sequence[str]:
        """All methods that are answered here, for an Allow header."""
        given = [one.method for one in self.operations]
        return [*given, "HEAD"] if "GET" in given else given

    @property
    def spellings(self) -> Iterator[str]:
        """The path without and with its final slash."""
        bare = self.path.rstrip("/")
        if bare:
            yield bare
        yield bare + "/"
