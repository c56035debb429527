"""What the `mytracks` command can have done, by name. The same table serves with and without a
daemon; rules are the services' own.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from twisted.logger import Logger

from mytracks import errors
from mytracks.control import second_factors, tokens
from mytracks.control.taking import Strict, Work, taking
from mytracks.control.wire import Answer, Arguments, Refusal
from mytracks.health import Health
from mytracks.people import passwords
from mytracks.people.build import People
from mytracks.people.ports import Account
from mytracks.sharing.identity import COMMAND_LINE

KINDS: Final[Mapping[type[errors.Refused], str]] = {
    errors.Invalid: "invalid",
    errors.Unauthenticated: "unauthenticated",
    errors.Forbidden: "forbidden",
    errors.NotFound: "not_found",
    errors.Conflict: "conflict",
    errors.Busy: "busy",
    errors.Unavailable: "unavailable",
}


class Nothing(Strict):
    """An operation without arguments."""


class NewUser(Strict):
    """`password` None: one is made and told once."""

    name: str
    password: str | None = None
    admin: bool = False
    email: str = ""
    display: str = ""


class UserName(Strict):
    """An account that is there already."""

    name: str


class NewPassword(Strict):
    """`password` None: one is made and told once."""

    name: str
    password: str | None = None


class DevicePath(Strict):
    """`user/device`."""

    device: str


class Operations:
    """Carries out operations on the people room; tells of the `health` of all, and which
    `database` (`sqlite` or a URL) is in use. `more`: operations on other rooms, by name."""

    log = Logger()

    def __init__(
        self,
        people: People,
        health: Callable[[], Health],
        database: str,
        more: Mapping[str, Work] | None = None,
    ) -> None:
        self._people = people
        self._health = health
        self._database = database
        self._table: Mapping[str, Work] = {
            "user.add": taking(NewUser, self._add_user),
            "user.list": taking(Nothing, self._list_users),
            "user.show": taking(UserName, self._show_user),
            "user.disable": taking(UserName, self._disable_user),
            "user.enable": taking(UserName, self._enable_user),
            "user.password": taking(NewPassword, self._set_password),
            "user.delete": taking(UserName, self._delete_user),
            "health": taking(Nothing, self._tell_health),
            "store.state": taking(Nothing, self._tell_store),
            "device.credential": taking(DevicePath, self._issue_device_password),
            **tokens.table(people),
            **second_factors.table(people),
            **(more or {}),
        }

    async def run(self, operation: str, arguments: Arguments) -> Answer:
        """Do it; what a service refuses comes back as a refusal, our own bugs are raised."""
        work = self._table.get(operation)
        if work is None:
            return Answer(refusal=Refusal("unknown_operation", f"Unknown: {operation[:64]!r}."))
        try:
            result = await work(arguments)
        except errors.Refused as error:
            self.log.info("{operation} was refused: {error}", operation=operation, error=str(error))
            return Answer(refusal=refusal_of(error))
        self.log.info("{operation} was done", operation=operation)
        return Answer(result)

    async def _add_user(self, asked: NewUser) -> dict[str, Any]:
        password = asked.password if asked.password is not None else passwords.generate()
        account = await self._people.accounts.add(
            asked.name,
            password,
            by=COMMAND_LINE,
            admin=asked.admin,
            email=asked.email,
            display=asked.display,
        )
        return _with_password(described(account), password, asked.password is None)

    async def _list_users(self, _: Nothing) -> list[dict[str, Any]]:
        return [described(account) for account in self._people.accounts.all()]

    async def _show_user(self, asked: UserName) -> dict[str, Any]:
        return described(self._people.accounts.named(asked.name))

    async def _disable_user(self, asked: UserName) -> dict[str, Any]:
        accounts = self._people.accounts
        number = accounts.named(asked.name).number
        return described(await accounts.disable(number, by=COMMAND_LINE))

    async def _enable_user(self, asked: UserName) -> dict[str, Any]:
        accounts = self._people.accounts
        number = accounts.named(asked.name).number
        return described(await accounts.enable(number, by=COMMAND_LINE))

    async def _set_password(self, asked: NewPassword) -> dict[str, Any]:
        accounts = self._people.accounts
        password = asked.password if asked.password is not None else passwords.generate()
        number = accounts.named(asked.name).number
        account = await accounts.set_password(number, password, by=COMMAND_LINE)
        return _with_password({"name": account.name}, password, asked.password is None)

    async def _delete_user(self, asked: UserName) -> dict[str, Any]:
        accounts = self._people.accounts
        account = accounts.named(asked.name)
        await accounts.delete(account.number, by=COMMAND_LINE)
        return {"name": account.name}

    async def _tell_health(self, _: Nothing) -> dict[str, Any]:
        """As `/api/health` tells it."""
        told: dict[str, Any] = msgspec.to_builtins(self._health())
        return told

    async def _tell_store(self, _: Nothing) -> dict[str, Any]:
        """The URL holds a password: whoever opens our socket may read our settings as well."""
        return {"database": self._database, "health": await self._tell_health(_)}

    async def _issue_device_password(self, asked: DevicePath) -> dict[str, Any]:
        user, slash, device = asked.device.partition("/")
        if not slash:
            wrong = "A device is written user/device."
            raise errors.Invalid(wrong, {"device": [wrong]})
        account = self._people.accounts.named(user)
        issued = await self._people.device_passwords.issue(account, device, by=COMMAND_LINE)
        return {"username": issued.username, "device": issued.device, "password": issued.password}


def described(account: Account) -> dict[str, Any]:
    """What is told of an account: never its hash."""
    return {
        "name": account.name,
        "display": account.display,
        "email": account.email,
        "admin": account.admin,
        "disabled": account.disabled,
        "created": account.created,
        "last_login": account.last_login,
        "second_factor": account.totp is not None,
    }


def refusal_of(error: errors.Refused) -> Refusal:
    """A refused error as the command is told of it."""
    fields = error.errors if isinstance(error, errors.Invalid | errors.Conflict) else {}
    return Refusal(KINDS[errors.kind(error)], str(error), fields)


def _with_password(told: dict[str, Any], password: str, made: bool) -> dict[str, Any]:
    return {**told, "password": password} if made else told
