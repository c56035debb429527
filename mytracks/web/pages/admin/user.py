"""One account's page: what it is called, whether it is open, what it may do, and its end."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from mytracks.errors import Forbidden, Invalid, NotFound
from mytracks.people.build import People
from mytracks.people.names import canonical
from mytracks.people.passwords import generate
from mytracks.people.ports import Account
from mytracks.people.profile import Profile
from mytracks.phones.ports import Which
from mytracks.phones.quarantine import Quarantine
from mytracks.tracks.devices import Devices
from mytracks.web.answers import Answer
from mytracks.web.api.naming import number
from mytracks.web.identity import form
from mytracks.web.pages.admin.desk import HOME, Desk
from mytracks.web.pages.admin.users import TAB, USERS, Users, errors_of
from mytracks.web.routes import Route, Visit

_OWN: Final = "Change your own account in your profile."


@frozen(kw_only=True)
class Goods:
    """What goes with an account, and how many of each."""

    devices: int
    locations: int
    set_aside: int
    sessions: int
    tokens: int
    device_passwords: int


class User:
    """Shows and changes one account."""

    def __init__(
        self,
        desk: Desk,
        users: Users,
        people: People,
        devices: Devices,
        quarantine: Quarantine,
    ) -> None:
        self._desk = desk
        self._users = users
        self._people = people
        self._accounts = people.accounts
        self._devices = devices
        self._quarantine = quarantine

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET /admin-panel/users/{id}/"""
        return self._page(visit, self._present(identifier), 200, {}, {})

    async def change(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/"""
        account, sent = self._present(identifier), form(visit.request)

        def renamed(profile: Profile) -> Profile:
            return evolve(
                profile,
                first_name=sent.get("first_name", profile.first_name),
                last_name=sent.get("last_name", profile.last_name),
            )

        try:
            await self._accounts.set_profile(
                account.number,
                by=visit.actor,
                email=sent.get("email"),
                display=sent.get("display_name"),
                profile=renamed,
            )
        except Invalid as refused:
            return self._page(visit, account, 422, sent, errors_of(refused))
        return self._done(visit, account, "Saved.")

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/deactivate/"""
        account = self._present(identifier)
        try:
            await self._accounts.disable(account.number, by=visit.actor)
        except Forbidden as refused:
            return await self._refused(visit, account, refused)
        return self._done(visit, account, f"{account.name} is out of every door.")

    async def reactivate(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/reactivate/"""
        account = self._present(identifier)
        await self._accounts.enable(account.number, by=visit.actor)
        return self._done(visit, account, f"{account.name} can sign in again.")

    async def promote(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/make-admin/"""
        account = self._present(identifier)
        await self._accounts.promote(account.number, by=visit.actor)
        return self._done(visit, account, f"{account.name} is an administrator now.")

    async def demote(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/remove-admin/"""
        account = self._present(identifier)
        try:
            await self._accounts.demote(account.number, by=visit.actor)
        except Forbidden as refused:
            return await self._refused(visit, account, refused)
        return self._done(visit, account, f"{account.name} is an ordinary user now.")

    async def forget_factor(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/second-factor-off/"""
        account = self._present(identifier)
        if account.number == visit.who.user:
            return await self._refused(visit, account, Forbidden(_OWN))
        await self._people.second_factor.turn_off(account.number, by=visit.actor)
        return self._done(visit, account, f"{account.name} signs in without a code now.")

    async def set_password(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/password/"""
        account, sent = self._present(identifier), form(visit.request)
        if account.number == visit.who.user:
            return await self._refused(visit, account, Forbidden(_OWN))
        made_up = "generate" in sent
        password = generate() if made_up else sent.get("password", "")
        try:
            await self._accounts.set_password(account.number, password, by=visit.actor)
        except Invalid as refused:
            return self._page(visit, account, 422, {}, errors_of(refused))
        if made_up:
            return self._desk.page(visit, "password.html", TAB, account=account, password=password)
        told = f"{account.name} has a new password and is signed out everywhere."
        return self._done(visit, account, told)

    async def farewell(self, visit: Visit, identifier: str) -> Answer:
        """GET /admin-panel/users/{id}/delete/"""
        return await self._farewell(visit, self._present(identifier), 200, {})

    async def delete(self, visit: Visit, identifier: str) -> Answer:
        """POST /admin-panel/users/{id}/delete/"""
        account = self._present(identifier)
        typed = form(visit.request).get("typed", "")
        if canonical(typed) != account.name:
            wrong = {"typed": [f"Type {account.name} to say that you mean it."]}
            return await self._farewell(visit, account, 422, wrong)
        try:
            await self._accounts.delete(account.number, by=visit.actor)
        except Forbidden as refused:
            return await self._farewell(visit, account, 422, {"": [str(refused)]})
        return self._desk.done(visit, HOME, f"{account.name} is deleted, with all there was.")

    def routes(self) -> Sequence[Route]:
        """The paths of one account."""
        route, one = self._desk.route, "users/<identifier>/"
        return [
            route(one, self.show, self.change),
            route(f"{one}deactivate/", None, self.deactivate),
            route(f"{one}reactivate/", None, self.reactivate),
            route(f"{one}make-admin/", None, self.promote),
            route(f"{one}remove-admin/", None, self.demote),
            route(f"{one}second-factor-off/", None, self.forget_factor),
            route(f"{one}password/", None, self.set_password),
            route(f"{one}delete/", self.farewell, self.delete),
        ]

    def _page(
        self,
        visit: Visit,
        account: Account,
        status: int,
        sent: Mapping[str, str],
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        return self._desk.page(
            visit,
            "user.html",
            TAB,
            status=status,
            row=self._users.row(visit, account),
            sent={**_names(account), **sent},
            errors=errors,
        )

    async def _farewell(
        self,
        visit: Visit,
        account: Account,
        status: int,
        errors: Mapping[str, Sequence[str]],
    ) -> Answer:
        return self._desk.page(
            visit,
            "user_delete.html",
            TAB,
            status=status,
            row=self._users.row(visit, account),
            goods=await self._goods(account.number),
            errors=errors,
        )

    async def _refused(self, visit: Visit, account: Account, refused: Forbidden) -> Answer:
        return self._page(visit, account, 422, {}, {"": [str(refused)]})

    async def _goods(self, user: int) -> Goods:
        devices, people = self._devices.of(user), self._people
        aside = await self._quarantine.page(Which(user=user), limit=1)
        return Goods(
            devices=len(devices),
            locations=sum(state.locations for state in devices),
            set_aside=aside.count,
            sessions=len(people.sessions.of(user)),
            tokens=len(people.tokens.of(user)),
            device_passwords=len(people.device_passwords.of(user)),
        )

    def _done(self, visit: Visit, account: Account, notice: str) -> Answer:
        return self._desk.done(visit, f"{USERS}{account.number}/", notice)

    def _present(self, identifier: str) -> Account:
        account = self._accounts.numbered(number(identifier))
        if account is None:
            raise NotFound("There is no such user; somebody may have deleted the account.")
        return account


def _names(account: Account) -> dict[str, str]:
    """What can be changed of an account by a form, as it is."""
    return {
        "email": account.email,
        "display_name": account.display,
        "first_name": account.profile.first_name,
        "last_name": account.profile.last_name,
    }
