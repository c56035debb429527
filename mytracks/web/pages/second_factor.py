"""`/profile/second-factor/...`: the second factor and passkeys, by plain forms.

The first of these pages shows how things stand; the profile page can show the same with the
fragment `templates/profile/second_factor.html`, which wants `second_factor` =
`SecondFactorPages.facts(visit)`. From there it goes on to pages of one form each. Recovery codes
are shown by the answer to the form that made them, and never again. Adding a passkey takes script
(static/src/passkeys/).
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from mytracks.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from mytracks.people.build import People
from mytracks.people.factor_ports import Passkey
from mytracks.web import passkey_site, qr
from mytracks.web.answers import Answer, Header, see_other
from mytracks.web.confirmation import check_fresh, confirm
from mytracks.web.identity import form
from mytracks.web.pages.frame import Frame
from mytracks.web.problems import RETRY_AFTER, retry_after
from mytracks.web.routes import Audience, Operation, Route, Visit

HERE: Final = "/profile/second-factor"
_OVERVIEW: Final = f"{HERE}/"
_SET_UP: Final = f"{HERE}/set-up/"


class SecondFactorPages:
    """Pages of one form each, and what the profile shows of it."""

    def __init__(self, people: People, frame: Frame, public_url: Callable[[], str | None]) -> None:
        self._people = people
        self._factor = people.second_factor
        self._frame = frame
        self._public_url = public_url

    def facts(self, visit: Visit) -> dict[str, Any]:
        """How things stand, for the fragment."""
        user = visit.who.user
        return {
            "on": self._factor.is_on(user),
            "codes_left": self._factor.codes_left(user),
            "passkeys": [_shown(one) for one in self._people.passkeys.of(user)],
            "obstacle": passkey_site.obstacle(visit.request, self._public_url()),
        }

    async def show(self, visit: Visit) -> Answer:
        """GET /profile/second-factor/"""
        return self._frame.page(
            visit, "profile/second_factor_page.html", second_factor=self.facts(visit)
        )

    async def begin(self, visit: Visit) -> Answer:
        """POST /profile/second-factor/begin/"""
        check_fresh(self._people, visit)
        try:
            self._factor.begin(visit.who.user)
        except Conflict:
            return see_other(_OVERVIEW)
        return see_other(_SET_UP)

    async def show_set_up(self, visit: Visit) -> Answer:
        """GET /profile/second-factor/set-up/"""
        return self._set_up(visit, 200, {})

    async def set_up(self, visit: Visit) -> Answer:
        """POST /profile/second-factor/set-up/"""

        async def confirmed() -> Answer:
            code = form(visit.request).get("code", "")
            codes = await self._factor.confirm(visit.who.user, code, by=visit.actor)
            return self._codes(visit, codes, first=True)

        return await self._tried(confirmed, lambda *told: self._set_up(visit, *told))

    async def show_off(self, visit: Visit) -> Answer:
        """GET /profile/second-factor/off/"""
        return self._confirmation(visit, "off", 200, {})

    async def turn_off(self, visit: Visit) -> Answer:
        """POST /profile/second-factor/off/"""

        async def confirmed() -> Answer:
            await self._confirmed(visit)
            await self._factor.turn_off(visit.who.user, by=visit.actor)
            return see_other(_OVERVIEW)

        return await self._tried(confirmed, lambda *told: self._confirmation(visit, "off", *told))

    async def show_codes(self, visit: Visit) -> Answer:
        """GET /profile/second-factor/recovery-codes/"""
        return self._confirmation(visit, "codes", 200, {})

    async def new_codes(self, visit: Visit) -> Answer:
        """POST /profile/second-factor/recovery-codes/"""

        async def confirmed() -> Answer:
            await self._confirmed(visit)
            codes = await self._factor.new_codes(visit.who.user, by=visit.actor)
            return self._codes(visit, codes, first=False)

        return await self._tried(confirmed, lambda *told: self._confirmation(visit, "codes", *told))

    async def show_remove(self, visit: Visit, passkey: str) -> Answer:
        """GET /profile/second-factor/passkeys/{id}/remove/"""
        found = self._passkey(visit, passkey)
        return self._frame.page(visit, "profile/passkey_remove.html", passkey=_shown(found))

    async def remove(self, visit: Visit, passkey: str) -> Answer:
        """POST /profile/second-factor/passkeys/{id}/remove/"""
        found = self._passkey(visit, passkey)
        await self._people.passkeys.remove(visit.who.user, found.number, by=visit.actor)
        return see_other(_OVERVIEW)

    def routes(self) -> Sequence[Route]:
        """The paths of these pages."""
        return [
            Route(_OVERVIEW, [_get(self.show)]),
            Route(f"{HERE}/begin/", [_post(self.begin)]),
            Route(_SET_UP, [_get(self.show_set_up), _post(self.set_up)]),
            Route(f"{HERE}/off/", [_get(self.show_off), _post(self.turn_off)]),
            Route(f"{HERE}/recovery-codes/", [_get(self.show_codes), _post(self.new_codes)]),
            Route(
                f"{HERE}/passkeys/<passkey>/remove/",
                [_get(self.show_remove), _post(self.remove)],
            ),
        ]

    async def _confirmed(self, visit: Visit) -> None:
        sent = form(visit.request)
        password, code = sent.get("current_password", ""), sent.get("code", "")
        await confirm(self._people, visit, password=password, code=code)

    async def _tried(
        self,
        work: Callable[[], Coroutine[Any, Any, Answer]],
        again: Callable[[int, dict[str, list[str]], Sequence[Header]], Answer],
    ) -> Answer:
        """What `work` answers, or the page `again`, with what was wrong."""
        try:
            return await work()
        except Invalid as wrong:
            errors = {name: list(texts) for name, texts in wrong.errors.items()}
            return again(422, errors or {"": [str(wrong)]}, ())
        except Conflict:
            # It was turned on or off meanwhile, or took too long: the overview shows how it stands.
            return see_other(_OVERVIEW)
        except Busy as busy:
            return again(429, {"": [str(busy)]}, [retry_after(busy.retry_after)])
        except Unavailable as trouble:
            return again(503, {"": [str(trouble)]}, [retry_after(RETRY_AFTER)])

    def _set_up(
        self,
        visit: Visit,
        status: int,
        errors: dict[str, list[str]],
        headers: Sequence[Header] = (),
    ) -> Answer:
        pending = self._factor.pending(visit.who.user)
        if pending is None:
            return see_other(_OVERVIEW)
        return self._frame.page(
            visit,
            "profile/second_factor_set_up.html",
            status=status,
            headers=headers,
            errors=errors,
            secret=" ".join(_groups(pending.secret)),
            uri=pending.uri,
            qr=qr.picture(pending.uri),
        )

    def _confirmation(
        self,
        visit: Visit,
        what: str,
        status: int,
        errors: dict[str, list[str]],
        headers: Sequence[Header] = (),
    ) -> Answer:
        if not self._factor.is_on(visit.who.user):
            return see_other(_OVERVIEW)
        return self._frame.page(
            visit,
            "profile/second_factor_confirm.html",
            status=status,
            headers=headers,
            errors=errors,
            what=what,
        )

    def _codes(self, visit: Visit, codes: Sequence[str], *, first: bool) -> Answer:
        return self._frame.page(visit, "profile/recovery_codes.html", codes=codes, first=first)

    def _passkey(self, visit: Visit, identifier: str) -> Passkey:
        for one in self._people.passkeys.of(visit.who.user):
            if str(one.number) == identifier:
                return one
        raise NotFound("There is no such passkey.")


def _get(handler: Any) -> Operation:
    return Operation(handler=handler, audience=Audience.BROWSER)


def _post(handler: Any) -> Operation:
    return Operation(method="POST", handler=handler, audience=Audience.BROWSER)


def _shown(passkey: Passkey) -> dict[str, Any]:
    """A passkey, as templates know it."""
    return {
        "number": passkey.number,
        "name": passkey.label,
        "created": passkey.created,
        "used": passkey.last_used,
        "backed_up": passkey.backed_up,
    }


def _groups(secret: str) -> Sequence[str]:
    """Four letters each: so people type it."""
    return [secret[at : at + 4] for at in range(0, len(secret), 4)]
