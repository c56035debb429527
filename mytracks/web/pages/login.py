"""`/login/` and `/logout/`: a browser becomes signed in, and is no longer."""

from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

from mytracks.errors import Busy, Unauthenticated, Unavailable
from mytracks.people.build import People
from mytracks.sharing.identity import Door
from mytracks.web import passkey_site
from mytracks.web.answers import Answer, Header, see_other
from mytracks.web.entrance import Entrance
from mytracks.web.identity import SESSION, form, set_cookie
from mytracks.web.pages.frame import Frame
from mytracks.web.pages.second_step import SecondStep
from mytracks.web.problems import RETRY_AFTER, retry_after
from mytracks.web.redirects import local_path
from mytracks.web.request import Request
from mytracks.web.routes import Audience, Entry, Operation, Route, Visit


class Login:
    """Signs browsers in and out."""

    def __init__(
        self,
        people: People,
        frame: Frame,
        entrance: Entrance,
        second_step: SecondStep,
        public_url: Callable[[], str | None],
    ) -> None:
        self._people = people
        self._frame = frame
        self._entrance = entrance
        self._second_step = second_step
        self._public_url = public_url

    async def show(self, visit: Visit) -> Answer:
        """GET /login/"""
        wanted = local_path(_query(visit.request, "next"))
        if visit.viewer is not None:
            return see_other(wanted)
        return self._form(visit, 200, None, wanted, "")

    async def enter(self, visit: Visit) -> Answer:
        """POST /login/"""
        request, sent = visit.request, form(visit.request)
        wanted = local_path(sent.get("next") or _query(request, "next"))
        name = sent.get("username", "").strip()
        try:
            who = await self._people.signin.password(
                name, sent.get("password", ""), door=Door.WEB, address=request.hop.address
            )
            account = self._people.accounts.numbered(who.user)
            if account is not None and account.totp is not None:
                return self._second_step.begin(request, account, wanted)
            cookies = await self._entrance.begin(request, who.user)
        except Unauthenticated:
            text = "The user name or the password is wrong."
            return self._form(visit, 401, text, wanted, name)
        except Busy as busy:
            later = [retry_after(busy.retry_after)]
            return self._form(visit, 429, str(busy), wanted, name, later)
        except Unavailable as trouble:
            later = [retry_after(RETRY_AFTER)]
            return self._form(visit, 503, str(trouble), wanted, name, later)
        return see_other(wanted, cookies)

    async def leave(self, visit: Visit) -> Answer:
        """POST /logout/"""
        if visit.session is not None:
            await self._people.sessions.end(visit.session)
        return see_other("/login/", [set_cookie(visit.request, SESSION, "", 0)])

    def routes(self) -> Sequence[Route]:
        """The paths of this page."""
        show = Operation(handler=self.show, audience=Audience.BROWSER, entry=Entry.BEFORE_SIGN_IN)
        enter = Operation(
            method="POST",
            handler=self.enter,
            audience=Audience.BROWSER,
            entry=Entry.BEFORE_SIGN_IN,
        )
        leave = Operation(
            method="POST", handler=self.leave, audience=Audience.BROWSER, entry=Entry.ANYBODY
        )
        return [Route("/login/", [show, enter]), Route("/logout/", [leave])]

    def _form(
        self,
        visit: Visit,
        status: int,
        error: str | None,
        wanted: str,
        name: str,
        headers: Sequence[Header] = (),
    ) -> Answer:
        return self._frame.page(
            visit,
            "login.html",
            status=status,
            headers=headers,
            entry=Entry.BEFORE_SIGN_IN,
            next=wanted,
            error=error,
            username=name,
            unclaimed=not self._people.accounts.has_admin(),
            passkeys=passkey_site.obstacle(visit.request, self._public_url()) is None,
        )


def _query(request: Request, name: str) -> str | None:
    """The last value of a query parameter of a GET or a POST."""
    query = request.uri.partition(b"?")[2].decode("utf-8", "replace")
    values = parse_qs(query, max_num_fields=100).get(name, [])
    return values[-1] if values else None
