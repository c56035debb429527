"""The last step of every way in through a browser: a session begins, and it is noted."""

from mytracks.people.build import People
from mytracks.people.ports import Factor
from mytracks.sharing.identity import Actor
from mytracks.web.answers import Header
from mytracks.web.identity import PRE_SESSION, SESSION, SESSION_SECONDS, session_token, set_cookie
from mytracks.web.request import Request

_SPOKEN = {
    Factor.PASSWORD: "password",
    Factor.TOTP: "code",
    Factor.PASSKEY: "passkey",
    Factor.RECOVERY: "recovery code",
}


class Entrance:
    """Begins sessions of people whose credentials were just checked."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def begin(
        self, request: Request, user: int, factors: Factor = Factor.PASSWORD
    ) -> list[Header]:
        """A new session in this browser, in place of any that it has; the cookies that make it so.

        Raises Unauthenticated, Unavailable.
        """
        agent, address = request.text_header("User-Agent") or "", request.hop.address
        before = session_token(request)
        token, _ = await self._people.sessions.begin(user, address, agent, factors)
        if before is not None:
            await self._people.sessions.end(before)
        self._note(user, address, factors)
        return [
            set_cookie(request, SESSION, token, SESSION_SECONDS),
            set_cookie(request, PRE_SESSION, "", 0),
        ]

    def _note(self, user: int, address: str, factors: Factor) -> None:
        account = self._people.accounts.numbered(user)
        if account is None:
            return
        self._people.accounts.note_sign_in(user)
        by = Actor(user, account.name, address)
        how = " and ".join(spoken for factor, spoken in _SPOKEN.items() if factor in factors)
        self._people.audit.note_later(by, "sign-in", f"user:{account.name}", f"by {how}")
