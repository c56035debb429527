"""The page `/profile/` as a whole, and what becomes of the forms on it.

Each of its sections has forms of its own. A form that is taken leads back to the page, which says
once what was done; one that is not is answered by the page again, with the field named.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Unavailable
from mytracks.people.build import People
from mytracks.people.ports import Account, DevicePassword, Factor, Token, WebSession
from mytracks.people.profile import THEMES, UNITS
from mytracks.sharing.identity import Scope
from mytracks.tracks.devices import Devices
from mytracks.tracks.ports import DeviceState
from mytracks.web.answers import Answer, Header, see_other
from mytracks.web.pages import notices
from mytracks.web.pages.frame import Frame
from mytracks.web.pages.profile import zones
from mytracks.web.pages.profile.agents import in_words
from mytracks.web.problems import RETRY_AFTER, retry_after
from mytracks.web.routes import Audience, Operation, Route, Visit

HOME: Final = "/profile/"

Errors = Mapping[str, Sequence[str]]
Do = Callable[..., Coroutine[Any, Any, Answer]]

_FACTORS: Final[Mapping[Factor, str]] = {
    Factor.PASSWORD: "password",
    Factor.TOTP: "code",
    Factor.PASSKEY: "passkey",
    Factor.RECOVERY: "recovery code",
}


@frozen(kw_only=True)
class SignedIn:
    """A browser that is signed in. `by`: with what, in words; `current`: the one that asks."""

    session: WebSession
    agent: str
    by: str
    current: bool


@frozen(kw_only=True)
class KnownToken:
    """An API token. `scopes`: their names, in words."""

    token: Token
    scopes: str
    expired: bool


@frozen(kw_only=True)
class Phone:
    """A device. `state`: None: it has a password and nothing else yet."""

    name: str
    state: DeviceState | None
    password: DevicePassword | None


class Sheet:
    """Renders the page. `second_factor`, `certificates`: what their fragments want."""

    def __init__(
        self,
        frame: Frame,
        people: People,
        devices: Devices,
        second_factor: Callable[[Visit], dict[str, Any]],
        certificates: Callable[[Visit], dict[str, Any]],
    ) -> None:
        self._frame = frame
        self._people = people
        self._devices = devices
        self._second_factor = second_factor
        self._certificates = certificates
        self._zones = zones.names()

    async def show(self, visit: Visit) -> Answer:
        """GET /profile/"""
        return self.page(visit)

    def page(
        self,
        visit: Visit,
        status: int = 200,
        sent: Mapping[str, str] | None = None,
        errors: Errors | None = None,
        headers: Sequence[Header] = (),
    ) -> Answer:
        """The page; `sent`: what was typed into the form that is not taken because of `errors`."""
        notice, cookies = notices.take(visit)
        account = self.account(visit)
        return self._frame.page(
            visit,
            "profile.html",
            status=status,
            headers=[*headers, *cookies],
            notice=notice,
            account=account,
            sent=told(account) | dict(sent or {}),
            errors=errors or {},
            zones=self._zones,
            units=UNITS,
            themes=THEMES,
            scopes=[scope.name.lower() for scope in scopes_for(account)],
            sessions=self._sessions(visit),
            tokens=self._tokens(account),
            phones=self._phones(account),
            second_factor=self._second_factor(visit),
            certificates=self._certificates(visit),
        )

    def once(self, visit: Visit, template: str, **context: Any) -> Answer:
        """A page with something that is shown this once."""
        return self._frame.page(visit, f"profile/{template}", **context)

    def done(self, visit: Visit, notice: str) -> Answer:
        """Something was done: back to the page, which says so once."""
        return notices.done(visit, HOME, notice)

    def account(self, visit: Visit) -> Account:
        """The viewer's. Raises NotFound when it was just deleted."""
        account = self._people.accounts.numbered(visit.who.user)
        if account is None:
            raise NotFound("The account is gone.")
        return account

    async def tried(
        self,
        visit: Visit,
        sent: Mapping[str, str],
        names: Mapping[str, str],
        work: Coroutine[Any, Any, Answer],
    ) -> Answer:
        """What `work` answers, or the page again. `names`: what the form calls the fields of
        services; under the empty name: the field of what is wrong with none of them."""
        try:
            return await work
        except (Invalid, Conflict) as wrong:
            whole = {names.get("", ""): [str(wrong)]}
            errors = {names.get(name, name): texts for name, texts in wrong.errors.items()}
            return self.page(visit, 422, sent, errors or whole)
        except Forbidden as refused:
            return self.page(visit, 422, sent, {names.get("", ""): [str(refused)]})
        except Busy as busy:
            headers = [retry_after(busy.retry_after)]
            return self.page(visit, 429, sent, {"": [str(busy)]}, headers)
        except Unavailable as trouble:
            return self.page(visit, 503, sent, {"": [str(trouble)]}, [retry_after(RETRY_AFTER)])

    def route(self, path: str, do: Do) -> Route:
        """The path of a form, below the page's. Whoever asks for it by its address, after a form
        that was not taken, is shown the page."""

        async def show(_visit: Visit, **_parts: str) -> Answer:
            return see_other(HOME)

        return Route(
            HOME + path,
            [
                Operation(handler=show, audience=Audience.BROWSER),
                Operation(method="POST", handler=do, audience=Audience.BROWSER),
            ],
        )

    def _sessions(self, visit: Visit) -> Sequence[SignedIn]:
        found = [
            SignedIn(
                session=one,
                agent=in_words(one.agent),
                by=_by(one.factors),
                current=one.token_hash == visit.who.session,
            )
            for one in self._people.sessions.of(visit.who.user)
        ]
        return sorted(found, key=lambda one: not one.current)

    def _tokens(self, account: Account) -> Sequence[KnownToken]:
        return [
            KnownToken(
                token=one,
                scopes=", ".join(scope.value for scope in Scope if scope in one.scopes),
                expired=self._people.tokens.expired(one),
            )
            for one in self._people.tokens.of(account.number)
        ]

    def _phones(self, account: Account) -> Sequence[Phone]:
        states = {state.device.name: state for state in self._devices.of(account.number)}
        found = self._people.device_passwords.of(account.number)
        passwords = {one.device_name: one for one in found}
        return [
            Phone(name=name, state=states.get(name), password=passwords.get(name))
            for name in sorted(states.keys() | passwords.keys())
        ]


def _by(factors: Factor) -> str:
    return " and ".join(words for factor, words in _FACTORS.items() if factor & factors)


def told(account: Account) -> dict[str, str]:
    """What the account's owner tells of themselves, as the form has it."""
    profile, home = account.profile, account.profile.home
    return {
        "email": account.email,
        "display_name": account.display,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "units": profile.units,
        "time_zone": profile.time_zone,
        "language": profile.language,
        "theme": profile.theme,
        "home_label": "" if home is None else home.label,
        "home_latitude": "" if home is None else str(home.latitude),
        "home_longitude": "" if home is None else str(home.longitude),
    }


def scopes_for(account: Account) -> Sequence[Scope]:
    """What a token of this account may be for."""
    kept = (Scope.ADMIN, Scope.METRICS)
    return [scope for scope in Scope if account.admin or scope not in kept]
