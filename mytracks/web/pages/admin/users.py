"""The tab Users: everybody who has an account, and a form for one more."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.errors import Conflict, Invalid
from mytracks.people.build import People
from mytracks.people.passwords import generate
from mytracks.people.ports import Account
from mytracks.people.profile import Profile
from mytracks.tracks.devices import Devices
from mytracks.web.answers import Answer
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import A_PAGE, HOME, Desk, address, asked, offset_of, part_of
from mytracks.web.pages.admin.pki.clients import Pills
from mytracks.web.pages.admin.pki.facts import Facts
from mytracks.web.routes import Route, Visit

TAB: Final = "users"
USERS: Final = f"{HOME}users/"

SORTS: Final = {"name": "User", "signed-in": "Last sign-in", "seen": "Last seen"}
"""What the table can be sorted by: the word in the address, and that of the column."""

_SERVICES_NAMES: Final = {"name": "username", "display": "display_name"}
_NEVER: Final = -1


@frozen(kw_only=True)
class Row:
    """An account in the table. `phones`: how many devices it has; `seen`: when one of them was
    last heard of. `own`: it is whoever looks. `certificate`: the newest that lets it in."""

    account: Account
    second_factor: bool
    phones: int
    seen: int | None
    own: bool
    certificate: Facts | None


class Users:
    """Lists accounts and makes them. `pills`: of their certificates."""

    def __init__(self, desk: Desk, people: People, devices: Devices, pills: Pills) -> None:
        self._desk = desk
        self._people = people
        self._devices = devices
        self._pills = pills

    async def show(self, visit: Visit) -> Answer:
        """GET /admin-panel/"""
        request = visit.request
        text, sort = asked(request, "q"), asked(request, "sort")
        sort = sort if sort in SORTS else "name"
        found = [
            self.row(visit, account)
            for account in self._people.accounts.all()
            if _matches(account, text.lower())
        ]
        _sort(found, sort)
        offset = offset_of(request)
        rows = found[offset : offset + A_PAGE]
        filters = {"q": text, "sort": "" if sort == "name" else sort}
        return self._desk.page(
            visit,
            "users.html",
            TAB,
            rows=rows,
            text=text,
            sort=sort,
            can_issue=self._pills.can_issue,
            sorts={
                name: (title, address(HOME, {"q": text, "sort": name}))
                for name, title in SORTS.items()
            },
            part=part_of(HOME, filters, offset, len(rows), len(found)),
        )

    async def form(self, visit: Visit) -> Answer:
        """GET /admin-panel/users/new/"""
        return self._form(visit, 200, {}, {})

    async def make(self, visit: Visit) -> Answer:
        """POST /admin-panel/users/new/"""
        sent = form(visit.request)
        given = sent.get("password", "")
        password = given or generate()
        try:
            account = await self._people.accounts.add(
                sent.get("username", "").strip(),
                password,
                by=visit.actor,
                admin="is_staff" in sent,
                email=sent.get("email", ""),
                display=sent.get("display_name", ""),
                profile=Profile(
                    first_name=sent.get("first_name", ""), last_name=sent.get("last_name", "")
                ),
            )
        except (Invalid, Conflict) as refused:
            return self._form(visit, 422, sent, errors_of(refused))
        if given:
            return self._desk.done(visit, HOME, f"{account.name} can sign in now.")
        return self._desk.page(visit, "password.html", TAB, account=account, password=password)

    def row(self, visit: Visit, account: Account) -> Row:
        """What is told of an account."""
        devices = self._devices.of(account.number)
        return Row(
            account=account,
            second_factor=self._people.second_factor.is_on(account.number)
            or bool(self._people.passkeys.of(account.number)),
            phones=len(devices),
            seen=max((state.seen for state in devices), default=None),
            own=account.number == visit.who.user,
            certificate=self._pills.of(account.number),
        )

    def routes(self) -> Sequence[Route]:
        """The paths of the list and of the form."""
        return [
            self._desk.route("", self.show),
            self._desk.route("users/new/", self.form, self.make),
        ]

    def _form(
        self,
        visit: Visit,
        status: int,
        sent: Mapping[str, str],
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        return self._desk.page(visit, "user_new.html", TAB, status=status, sent=sent, errors=errors)


def errors_of(refused: Invalid | Conflict) -> dict[str, list[str]]:
    """What is wrong with which field, as forms name them; what is wrong with none: under the
    empty name."""
    told = {_SERVICES_NAMES.get(name, name): list(texts) for name, texts in refused.errors.items()}
    return told or {"": [str(refused)]}


def _matches(account: Account, text: str) -> bool:
    profile = account.profile
    names = (account.name, account.display, account.email, profile.first_name, profile.last_name)
    return any(text in name.lower() for name in names)


def _sort(rows: list[Row], by: str) -> None:
    """By name, or the latest first; they come by name."""
    if by == "name":
        return

    def latest(row: Row) -> Any:
        at = row.account.last_login if by == "signed-in" else row.seen
        return _NEVER if at is None else at

    rows.sort(key=latest, reverse=True)
