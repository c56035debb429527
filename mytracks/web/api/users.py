"""`/api/admin/users`: all accounts, for administrators.

Whoever asks cannot lock themselves out here, and somebody always remains who can let others in.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from attrs import evolve
from msgspec import UNSET, UnsetType

from mytracks.clock import iso
from mytracks.errors import Forbidden, Invalid, NotFound
from mytracks.people.build import People
from mytracks.people.changes import Edit
from mytracks.people.ports import Account
from mytracks.people.profile import Profile
from mytracks.sharing.identity import Scope
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.account import Display, Email, Name, Password, given
from mytracks.web.api.naming import named, number
from mytracks.web.api.paging import Page, PageQuery, part, place
from mytracks.web.query import read
from mytracks.web.routes import Operation, Route, Visit

_FIELDS: Final = {
    "display": "display_name",
    "name": "username",
    "admin": "is_staff",
    "disabled": "is_active",
}
_ONE: Final = "/api/admin/users/<identifier>"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account as administrators see it. `last_login`: by the web. `devices`: how many."""

    id: int
    username: str
    display_name: str
    email: str
    first_name: str
    last_name: str
    is_active: bool
    is_staff: bool
    date_joined: str
    last_login: str | None
    second_factor: bool
    devices: int


class UserPage(Page, frozen=True, kw_only=True):
    """One page of accounts, by name."""

    results: list[User]


class NewUser(json_body.Body, frozen=True, kw_only=True):
    """An account to be made."""

    username: Name
    password: Password
    email: Email = ""
    first_name: Name = ""
    last_name: Name = ""
    display_name: Display = ""
    is_staff: bool = False


class UserChange(json_body.Body, frozen=True, kw_only=True):
    """What is to change; what is not named stays."""

    email: Email | UnsetType = UNSET
    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    display_name: Display | UnsetType = UNSET
    is_staff: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class NewPassword(json_body.Body, frozen=True, kw_only=True):
    """A password that somebody else will use."""

    password: Password


class Users:
    """Lists and changes accounts. `devices`: how many the account with a number has."""

    def __init__(self, people: People, devices: Callable[[int], int]) -> None:
        self._people = people
        self._accounts = people.accounts
        self._devices = devices

    async def list(self, visit: Visit) -> Answer:
        """GET /api/admin/users"""
        query = read(visit.request, PageQuery)
        found = self._accounts.all()
        page = UserPage(
            **place(visit, query, len(found)),
            results=[self._shown(one) for one in part(found, query)],
        )
        return as_json(page)

    async def add(self, visit: Visit) -> Answer:
        """POST /api/admin/users"""
        sent = json_body.read(visit.request, NewUser)
        with named(_FIELDS):
            made = await self._accounts.add(
                sent.username,
                sent.password,
                by=visit.actor,
                admin=sent.is_staff,
                email=sent.email,
                display=sent.display_name,
                profile=Profile(first_name=sent.first_name, last_name=sent.last_name),
            )
        return as_json(self._shown(made), 201)

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET /api/admin/users/{id}"""
        return as_json(self._shown(self._present(identifier)))

    async def change(self, visit: Visit, identifier: str) -> Answer:
        """PATCH /api/admin/users/{id}"""
        account = self._present(identifier)
        sent = json_body.read(visit.request, UserChange)
        edit = Edit(
            email=given(sent.email),
            display=given(sent.display_name),
            profile=lambda profile: _changed(profile, sent),
            admin=None if sent.is_staff is UNSET else sent.is_staff,
            disabled=None if sent.is_active is UNSET else not sent.is_active,
        )
        with named(_FIELDS), _refusal_of_a_field():
            changed = await self._accounts.edit(account.number, edit, by=visit.actor)
        return as_json(self._shown(changed))

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/users/{id}"""
        user = self._present(identifier).number
        with _refusal_of_a_field():
            await self._accounts.disable(user, by=visit.actor)
        return Answer(204)

    async def reactivate(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/admin/users/{id}/reactivate"""
        account = self._present(identifier)
        return as_json(self._shown(await self._accounts.enable(account.number, by=visit.actor)))

    async def toggle_admin(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/admin/users/{id}/toggle-admin"""
        account = self._present(identifier)
        with _refusal_of_a_field():
            change = self._accounts.demote if account.admin else self._accounts.promote
            changed = await change(account.number, by=visit.actor)
        return as_json(self._shown(changed))

    async def set_password(self, visit: Visit, identifier: str) -> Answer:
        """POST /api/admin/users/{id}/set-password"""
        account = self._present(identifier)
        sent = json_body.read(visit.request, NewPassword)
        own = account.number == visit.who.user
        if own and visit.who.token is not None:
            raise Forbidden("A token does not change its owner's password.")
        changed = await self._accounts.set_password(
            account.number,
            sent.password,
            by=visit.actor,
            keep=visit.who.session if own else None,
        )
        return as_json(self._shown(changed))

    async def delete(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/users/{id}/hard-delete"""
        user = self._present(identifier).number
        with _refusal_of_a_field():
            await self._accounts.delete(user, by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        several = _operation(
            self.list, "All accounts.", query=PageQuery, result=UserPage, refusals=(400,)
        )
        add = _operation(
            self.add,
            "Makes an account.",
            "POST",
            body=NewUser,
            result=User,
            status=201,
            refusals=(409,),
        )
        show = _operation(self.show, "One account.", result=User, refusals=(404,))
        change = _operation(
            self.change,
            "Changes what is given of an account.",
            "PATCH",
            body=UserChange,
            result=User,
            refusals=(404,),
        )
        deactivate = _operation(
            self.deactivate,
            "Closes every door to a person, live connections included; nothing is lost.",
            "DELETE",
            status=204,
            refusals=(400, 404),
        )
        return [
            Route("/api/admin/users", [several, add]),
            Route(_ONE, [show, change, deactivate]),
            *self._deeds(),
        ]

    def _deeds(self) -> Iterator[Route]:
        reactivate = _operation(
            self.reactivate, "Opens the doors again.", "POST", result=User, refusals=(404,)
        )
        toggle = _operation(
            self.toggle_admin,
            "Makes an administrator of somebody, or no longer.",
            "POST",
            result=User,
            refusals=(400, 404),
        )
        password = _operation(
            self.set_password,
            "Gives somebody another password; they are signed out everywhere.",
            "POST",
            body=NewPassword,
            result=User,
            refusals=(404,),
        )
        delete = _operation(
            self.delete,
            "Removes an account for good, with its devices, locations and credentials.",
            "DELETE",
            status=204,
            refusals=(400, 404),
        )
        yield Route(f"{_ONE}/reactivate", [reactivate])
        yield Route(f"{_ONE}/toggle-admin", [toggle])
        yield Route(f"{_ONE}/set-password", [password])
        yield Route(f"{_ONE}/hard-delete", [delete])

    def _present(self, identifier: str) -> Account:
        account = self._accounts.numbered(number(identifier))
        if account is None:
            raise NotFound("There is no such user.")
        return account

    def _shown(self, account: Account) -> User:
        return User(
            id=account.number,
            username=account.name,
            display_name=account.display or account.name,
            email=account.email,
            first_name=account.profile.first_name,
            last_name=account.profile.last_name,
            is_active=not account.disabled,
            is_staff=account.admin,
            date_joined=iso(account.created),
            last_login=None if account.last_login is None else iso(account.last_login),
            second_factor=account.totp is not None,
            devices=self._devices(account.number),
        )


def _operation(
    handler: Callable[..., Coroutine[Any, Any, Answer]],
    summary: str,
    method: str = "GET",
    **told: Any,
) -> Operation:
    """One that takes an administrator."""
    return Operation(handler=handler, summary=summary, method=method, scope=Scope.ADMIN, **told)


@contextmanager
def _refusal_of_a_field() -> Iterator[None]:
    """What nobody may do, for nobody would be left, or to themselves, is a mistake in what was
    asked for (original 1.6: 400): the same person may do it to others."""
    try:
        yield
    except Forbidden as refused:
        raise Invalid(str(refused)) from refused


def _changed(profile: Profile, sent: UserChange) -> Profile:
    names = {
        name: value
        for name in ("first_name", "last_name")
        if (value := getattr(sent, name)) is not UNSET
    }
    return evolve(profile, **names)
