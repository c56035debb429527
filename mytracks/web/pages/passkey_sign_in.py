"""`/login/passkey/...`: a browser's script signs in with a passkey. Both factors in one."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mytracks.people.build import People
from mytracks.people.ports import Factor
from mytracks.people.sessions import digest
from mytracks.web import json_body, passkey_site
from mytracks.web.answers import Answer, as_json
from mytracks.web.entrance import Entrance
from mytracks.web.identity import PRE_SESSION, cookie, session_token
from mytracks.web.redirects import local_path
from mytracks.web.request import Request
from mytracks.web.routes import Entry, Operation, Route, Visit


class Signed(json_body.Body, frozen=True, kw_only=True):
    """The browser's answer (`PublicKeyCredential` as JSON), and where to go on to."""

    credential: dict[str, Any]
    next: Annotated[str, Meta(max_length=2000)] = "/"


class Onward(msgspec.Struct, frozen=True):
    """Where to go on to: a path of ours."""

    next: str


class PasskeySignIn:
    """Asks for a passkey, and lets its owner in."""

    def __init__(
        self, people: People, entrance: Entrance, public_url: Callable[[], str | None]
    ) -> None:
        self._people = people
        self._entrance = entrance
        self._public_url = public_url

    async def options(self, visit: Visit) -> Answer:
        """POST /login/passkey/options"""
        site = passkey_site.site(visit.request, self._public_url())
        return as_json(self._people.passkeys.begin_sign_in(site, _holder(visit.request)))

    async def finish(self, visit: Visit) -> Answer:
        """POST /login/passkey/finish"""
        request = visit.request
        sent = json_body.read(request, Signed)
        account = await self._people.passkeys.sign_in(
            sent.credential,
            site=passkey_site.site(request, self._public_url()),
            holder=_holder(request),
            address=request.hop.address,
        )
        cookies = await self._entrance.begin(request, account.number, Factor.PASSKEY)
        return as_json(Onward(local_path(sent.next)), headers=cookies)

    def routes(self) -> Sequence[Route]:
        """The paths of this way in."""
        options = Operation(method="POST", handler=self.options, entry=Entry.BEFORE_SIGN_IN)
        finish = Operation(method="POST", handler=self.finish, entry=Entry.BEFORE_SIGN_IN)
        return [
            Route("/login/passkey/options", [options]),
            Route("/login/passkey/finish", [finish]),
        ]


def _holder(request: Request) -> str:
    """The browser, by the cookie that its token was checked against."""
    return digest(session_token(request) or cookie(request, PRE_SESSION) or "").hex()
