"""What every page is made of: its template, who looks at it and how they want to see things, and
the token of its forms."""

import secrets
from collections.abc import Sequence
from typing import Any

from mytracks.clock import iso
from mytracks.people import csrf
from mytracks.people.accounts import Accounts
from mytracks.people.profile import Profile
from mytracks.sharing.identity import Principal
from mytracks.web.answers import HTML, NO_STORE, Answer, Header
from mytracks.web.assets import Assets
from mytracks.web.identity import PRE_SESSION, PRE_SESSION_SECONDS, cookie, set_cookie
from mytracks.web.pages.times import Times
from mytracks.web.routes import Entry, Visit


class Frame:
    """Renders pages for visits."""

    def __init__(self, assets: Assets, accounts: Accounts, version: str) -> None:
        self._assets = assets
        self._accounts = accounts
        self._version = version

    def page(
        self,
        visit: Visit,
        template: str,
        *,
        status: int = 200,
        headers: Sequence[Header] = (),
        entry: Entry = Entry.ANYBODY,
        **context: Any,
    ) -> Answer:
        """The page. `entry`: BEFORE_SIGN_IN where it has a form that is posted before sign-in."""
        token, cookies = self._token(visit, entry)
        profile = self.profile(visit.viewer)
        whole = {
            "viewer": self.viewer(visit.viewer),
            "csrf_token": token,
            "theme": profile.theme,
            "iso": iso,
            "times": self.times(visit),
            "path": visit.request.path.decode("utf-8", "replace"),
            "version": self._version,
            "status": status,
            **context,
        }
        body = self._assets.render(template, whole)
        return Answer(status, body, HTML, (NO_STORE, *headers, *cookies))

    def viewer(self, who: Principal | None) -> dict[str, Any] | None:
        """Who looks, as templates and scripts know them."""
        account = self._accounts.numbered(who.user) if who is not None else None
        if who is None or account is None:
            return None
        return {"name": who.name, "display": account.display or who.name, "admin": who.admin}

    def profile(self, who: Principal | None) -> Profile:
        """What the viewer tells of themselves; before sign-in as if it were nothing."""
        account = self._accounts.numbered(who.user) if who is not None else None
        return account.profile if account is not None else Profile()

    def times(self, visit: Visit) -> Times:
        """Times as this visit's page tells them: what is typed into it is of the same zone."""
        return Times(self.profile(visit.viewer).time_zone)

    def _token(self, visit: Visit, entry: Entry) -> tuple[str, list[Header]]:
        """A CSRF token for the page's forms, and the cookie it belongs to where that is new."""
        if visit.session is not None:
            return csrf.issue(visit.session), []
        if entry is not Entry.BEFORE_SIGN_IN:
            return "", []
        started = cookie(visit.request, PRE_SESSION) or secrets.token_urlsafe(32)
        kept = set_cookie(visit.request, PRE_SESSION, started, PRE_SESSION_SECONDS)
        return csrf.issue(started), [kept]
