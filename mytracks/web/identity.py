"""What a request shows of who sends it, and whether one of our own pages made a browser send it.

Credentials themselves are judged by `people.signin`, the same for every door. An Authorization
header is the only thing that counts where there is one: a cookie beside it is not even looked at.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from mytracks.errors import Forbidden, Invalid, Unauthenticated
from mytracks.people import csrf
from mytracks.people.signin import SignIn
from mytracks.sharing.identity import Door, Principal
from mytracks.web.answers import Header
from mytracks.web.origins import comes_from_us
from mytracks.web.request import Request
from mytracks.web.routes import SAFE_METHODS, Entry, Operation, Visit

SESSION: Final = "mytracks"
PRE_SESSION: Final = "mytracks-start"
PRE_SESSION_SECONDS: Final = 60 * 60
SESSION_SECONDS: Final = 30 * 24 * 60 * 60
"""How long a browser keeps its cookie; the session itself may end sooner (people/sessions.py)."""
TOKEN_FIELD: Final = "csrf_token"
TOKEN_HEADER: Final = "X-CSRF-Token"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 100


@frozen
class Shown:
    """Credentials from an Authorization header."""

    name: str
    password: bytes


class Identity:
    """Judges requests; holds nothing of its own."""

    def __init__(self, signin: SignIn, public_url: Callable[[], str | None]) -> None:
        self._signin = signin
        self._public_url = public_url

    def check_intent(self, request: Request) -> None:
        """Whether the request may be meant by whoever's credentials it carries. Asked before
        anything else is looked at, the path included. Raises Forbidden."""
        if request.method.decode("ascii", "replace") in SAFE_METHODS:
            return
        if self.says_it_is_ours(request) is False:
            raise Forbidden("This came from another site, or `public_url` is not set rightly.")
        session = session_token(request)
        if session is not None and request.text_header("Authorization") is None:
            _check_token(request, session, cookie(request, PRE_SESSION))

    async def enter(self, request: Request, operation: Operation) -> Visit:
        """Who asks for `operation`; `check_intent` came before.

        Raises Forbidden when a form was not ours or they may not, and as `signin` does
        Unauthenticated, Busy, Unavailable.
        """
        if not operation.safe and request.text_header("Authorization") is None:
            session = session_token(request)
            if operation.entry is Entry.BEFORE_SIGN_IN:
                _check_token(request, session, cookie(request, PRE_SESSION))
            elif session is not None:
                _check_token(request, session)
        if operation.entry is Entry.SIGNED_IN:
            viewer, session = await self.required(request)
            operation.check(viewer)
            return Visit(request, viewer, session)
        if operation.entry is Entry.NOBODY:
            return Visit(request, None)
        found = self.by_cookie(request)
        return Visit(request, *found) if found is not None else Visit(request, None)

    async def required(self, request: Request) -> tuple[Principal, str | None]:
        """Who asks, and the session's token if it was a cookie that told. Raises as `enter`."""
        authorization = request.text_header("Authorization")
        if authorization is not None:
            return await self._by_header(authorization, request.hop.address), None
        found = self.by_cookie(request)
        if found is None:
            raise Unauthenticated("Sign in first.")
        return found

    async def _by_header(self, authorization: str, address: str) -> Principal:
        """Who shows this Authorization header, from `address`."""
        token = read_bearer(authorization)
        if token is not None:
            return await self._signin.bearer(token, door=Door.HTTP, address=address)
        shown = read_basic(authorization)
        return await self._signin.password(
            shown.name, shown.password, door=Door.HTTP, address=address
        )

    def by_cookie(self, request: Request) -> tuple[Principal, str] | None:
        """Who is signed in in this browser, and the session's token."""
        token = session_token(request)
        if token is None or request.text_header("Authorization") is not None:
            return None
        try:
            who, _ = self._signin.session(token)
        except Unauthenticated:
            return None
        return evolve(who, address=request.hop.address), token

    def own_hosts(self, request: Request) -> list[str]:
        """Hosts under which our own pages are seen: the request's own, and the public one."""
        return [host for host in (request.host_name, host_of(self._public_url())) if host]

    def says_it_is_ours(self, request: Request) -> bool | None:
        """What the browser says about where the request comes from; see `comes_from_us`."""
        return comes_from_us(
            self.own_hosts(request),
            request.text_header("Origin"),
            request.text_header("Sec-Fetch-Site"),
        )


def read_bearer(header: str) -> str | None:
    """The token of `Authorization: Bearer` [RFC 6750 2.1]; None: it is another scheme."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def read_basic(header: str) -> Shown:
    """The credentials of `Authorization: Basic` [RFC 7617]. Raises Unauthenticated."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthenticated("Only Basic and Bearer are understood here.")
    try:
        name, colon, password = b64decode(encoded.strip(), validate=True).partition(b":")
        decoded = name.decode("utf-8")
    except (binascii.Error, ValueError):
        raise Unauthenticated("The Authorization header cannot be read.") from None
    if not colon:
        raise Unauthenticated("The Authorization header cannot be read.")
    return Shown(decoded, password)


def cookie_name(name: str, secure: bool) -> str:
    """By TLS the browser itself guards that the cookie is ours, whole host and no other."""
    return f"__Host-{name}" if secure else name


def cookie(request: Request, name: str) -> str | None:
    """The value of our cookie `name` as this scheme spells it."""
    spelled = cookie_name(name, request.hop.secure)
    value = request.received_cookies.get(spelled.encode("ascii"))
    return value.decode("ascii", "replace") if value else None


def session_token(request: Request) -> str | None:
    """The token of the session that the browser claims to be signed in by."""
    return cookie(request, SESSION)


def set_cookie(request: Request, name: str, value: str, max_age: int) -> Header:
    """The header that gives the browser our cookie; `max_age` 0 takes it away."""
    secure = request.hop.secure
    attributes = f"Max-Age={max_age}; Path=/; HttpOnly; SameSite=Lax" + "; Secure" * secure
    return b"Set-Cookie", f"{cookie_name(name, secure)}={value}; {attributes}".encode("ascii")


def form(request: Request) -> dict[str, str]:
    """The fields of a posted form, the last of each name; empty when it is none."""
    content_type = (request.text_header("Content-Type") or "").partition(";")[0]
    if content_type.strip().lower() != _FORM:
        return {}
    text = request.body.content.getvalue().decode("utf-8", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Invalid("The form has too many fields.") from error
    return {name: values[-1] for name, values in fields.items()}


def host_of(url: str | None) -> str | None:
    """Host with port of a URL, in lower case."""
    return urlsplit(url).netloc.lower() if url else None


def _check_token(request: Request, *holders: str | None) -> None:
    """Raises Forbidden unless the CSRF token shown belongs to one of these cookies."""
    shown = request.text_header(TOKEN_HEADER) or form(request).get(TOKEN_FIELD, "")
    if not any(csrf.verify(holder, shown) for holder in holders if holder is not None):
        raise Forbidden("The page has expired. Go back, load it again and repeat.")
