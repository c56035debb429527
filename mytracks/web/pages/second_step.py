"""`/login/second/`: after the right password, a code of the app or a recovery code.

Between the two steps the browser holds a cookie of five minutes, and we remember whose password was
right; nobody is signed in yet. A password that is changed meanwhile ends it.
"""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from mytracks.clock import Clock
from mytracks.errors import Busy, Unauthenticated, Unavailable
from mytracks.people.build import People
from mytracks.people.ports import Account, Factor
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.sessions import digest
from mytracks.web.answers import Answer, Header, see_other
from mytracks.web.entrance import Entrance
from mytracks.web.identity import cookie, form, set_cookie
from mytracks.web.pages.frame import Frame
from mytracks.web.problems import RETRY_AFTER, retry_after
from mytracks.web.request import Request
from mytracks.web.routes import Audience, Entry, Operation, Route, Visit

PATH: Final = "/login/second/"
COOKIE: Final = "mytracks-second"
SECONDS: Final = 5 * 60
_VOID: Final = frozenset({Reason.PASSWORD, Reason.DISABLED, Reason.DELETED})
_MOST: Final = 10_000
"""Sign-ins between their steps at one time; the oldest is forgotten first."""


@frozen
class _HalfWay:
    """Somebody whose password was right. `user`: the account's number. `wanted`: the path they go
    on to. `until`: `Clock.seconds`."""

    user: int
    wanted: str
    until: float


class SecondStep:
    """Asks for the second factor."""

    def __init__(self, people: People, entrance: Entrance, frame: Frame, clock: Clock) -> None:
        self._people = people
        self._entrance = entrance
        self._frame = frame
        self._clock = clock
        self._half_way: OrderedDict[bytes, _HalfWay] = OrderedDict()
        people.accounts.watch(self._revoked)

    def begin(self, request: Request, account: Account, wanted: str) -> Answer:
        """The password of `account` was right: on to the second step."""
        token = secrets.token_urlsafe(32)
        until = self._clock.seconds() + SECONDS
        self._half_way[digest(token)] = _HalfWay(account.number, wanted, until)
        while len(self._half_way) > _MOST:
            self._half_way.popitem(last=False)
        return see_other(PATH, [set_cookie(request, COOKIE, token, SECONDS)])

    async def show(self, visit: Visit) -> Answer:
        """GET /login/second/"""
        if self._found(visit.request) is None:
            return self._begin_again(visit.request)
        return self._form(visit, 200, None)

    async def enter(self, visit: Visit) -> Answer:
        """POST /login/second/"""
        request = visit.request
        half_way = self._found(request)
        if half_way is None:
            return self._begin_again(request)
        user, code = half_way.user, form(request).get("code", "")
        try:
            shown = await self._people.second_factor.check(user, code, address=request.hop.address)
            if self._found(request) is None:
                return self._begin_again(request)
            cookies = await self._entrance.begin(request, user, Factor.PASSWORD | shown)
        except Unauthenticated as error:
            return self._form(visit, 401, str(error))
        except Busy as busy:
            return self._form(visit, 429, str(busy), [retry_after(busy.retry_after)])
        except Unavailable as trouble:
            return self._form(visit, 503, str(trouble), [retry_after(RETRY_AFTER)])
        self._forget(request)
        return see_other(half_way.wanted, [*cookies, set_cookie(request, COOKIE, "", 0)])

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        show = Operation(handler=self.show, audience=Audience.BROWSER, entry=Entry.BEFORE_SIGN_IN)
        enter = Operation(
            method="POST",
            handler=self.enter,
            audience=Audience.BROWSER,
            entry=Entry.BEFORE_SIGN_IN,
        )
        return [Route(PATH, [show, enter])]

    def _found(self, request: Request) -> _HalfWay | None:
        """Who is half way in, in this browser; see `_revoked`."""
        token = cookie(request, COOKIE)
        half_way = None if token is None else self._half_way.get(digest(token))
        if half_way is None or half_way.until <= self._clock.seconds():
            return None
        return half_way

    def _revoked(self, revocation: Revocation) -> None:
        """What let them so far does so no more. The same password under another hash still does."""
        if revocation.reason not in _VOID:
            return
        gone = [key for key, each in self._half_way.items() if each.user == revocation.user]
        for key in gone:
            del self._half_way[key]

    def _forget(self, request: Request) -> None:
        token = cookie(request, COOKIE)
        if token is not None:
            self._half_way.pop(digest(token), None)

    def _begin_again(self, request: Request) -> Answer:
        self._forget(request)
        return see_other("/login/", [set_cookie(request, COOKIE, "", 0)])

    def _form(
        self, visit: Visit, status: int, error: str | None, headers: Sequence[Header] = ()
    ) -> Answer:
        return self._frame.page(
            visit,
            "login_second.html",
            status=status,
            headers=headers,
            entry=Entry.BEFORE_SIGN_IN,
            error=error,
        )
