"""`/setup/<token>`: the first administrator is made, once, by whoever reads the server's log."""

import hmac
import secrets
from collections.abc import Sequence

from attrs import define, field

from mytracks.errors import Conflict, Forbidden, Invalid, NotFound
from mytracks.people.accounts import Accounts
from mytracks.sharing.identity import Actor
from mytracks.web.answers import Answer, see_other
from mytracks.web.entrance import Entrance
from mytracks.web.identity import form
from mytracks.web.pages.frame import Frame
from mytracks.web.routes import Audience, Entry, Operation, Route, Visit


@define
class SetupToken:
    """The secret part of the set-up address; in memory only, made anew at each start."""

    text: str = field(factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def path(self) -> str:
        """The address of the page on this server."""
        return f"/setup/{self.text}"

    def is_it(self, shown: str) -> bool:
        """Whether `shown` is the token; takes equally long for any wrong one."""
        return hmac.compare_digest(shown.encode("utf-8"), self.text.encode("utf-8"))


class Setup:
    """Open only while nobody can administrate; afterwards as if it had never been."""

    def __init__(
        self, token: SetupToken, accounts: Accounts, entrance: Entrance, frame: Frame
    ) -> None:
        self._token = token
        self._accounts = accounts
        self._entrance = entrance
        self._frame = frame

    async def show(self, visit: Visit, token: str) -> Answer:
        """GET /setup/{token}"""
        self._check_open(token)
        return self._form(visit, 200, {}, "")

    async def make(self, visit: Visit, token: str) -> Answer:
        """POST /setup/{token}"""
        self._check_open(token)
        sent = form(visit.request)
        name = sent.get("username", "").strip()
        try:
            account = await self._accounts.add(
                name,
                sent.get("password", ""),
                by=Actor(None, "set-up", visit.request.hop.address),
                admin=True,
                first=True,
            )
        except (Invalid, Conflict) as refused:
            errors = {key: list(texts) for key, texts in refused.errors.items()}
            return self._form(visit, 422, errors or {"": [str(refused)]}, name)
        except Forbidden as late:  # somebody else was quicker
            raise NotFound("There is nothing at this address.") from late
        return see_other("/", await self._entrance.begin(visit.request, account.number))

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        show = Operation(handler=self.show, audience=Audience.BROWSER, entry=Entry.BEFORE_SIGN_IN)
        make = Operation(
            method="POST",
            handler=self.make,
            audience=Audience.BROWSER,
            entry=Entry.BEFORE_SIGN_IN,
        )
        return [Route("/setup/<token>", [show, make])]

    def _check_open(self, shown: str) -> None:
        if not self._token.is_it(shown) or self._accounts.has_admin():
            raise NotFound("There is nothing at this address.")

    def _form(self, visit: Visit, status: int, errors: dict[str, list[str]], name: str) -> Answer:
        return self._frame.page(
            visit,
            "setup.html",
            status=status,
            entry=Entry.BEFORE_SIGN_IN,
            errors=errors,
            username=name,
        )
