"""Who asks the API in tests: by Basic, by a token, by a session, or nobody."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mytracks.people.ports import Account
from mytracks.sharing.identity import COMMAND_LINE, Scope
from tests.people.room import GOOD
from tests.web.door import Browser, Door, Reply, basic

ADMIN = "root"
PROBLEM = "application/problem+json"


class Caller:
    """Somebody with these headers; `name`: for messages of failures."""

    def __init__(self, door: Door, name: str, headers: Mapping[str, str]) -> None:
        self.door = door
        self.name = name
        self.headers = dict(headers)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; a `body` goes as JSON, bytes as they are."""
        sent = self.headers | headers
        if body is not None and "Content-Type" not in headers:
            sent["Content-Type"] = "application/json"
        if body is not None and not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        return await self._ask(method, path, sent, body)

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        return await self.door.ask(method, path, headers, body)


class SignedIn(Caller):
    """Somebody's browser, whose scripts show the CSRF token of the page."""

    def __init__(self, door: Door, name: str) -> None:
        super().__init__(door, f"session of {name}", {})
        self.browser = Browser(door)

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        return await self.browser.ask(method, path, headers, body)


async def signed_in(door: Door, name: str = "ana") -> SignedIn:
    """A browser of theirs."""
    caller = SignedIn(door, name)
    reply = await caller.browser.sign_in(name)
    assert reply.status == 303, reply.body
    page = await caller.browser.get("/")
    caller.headers["X-CSRF-Token"] = page.body.split(b'content="')[1].split(b'"')[0].decode()
    return caller


async def by_token(door: Door, name: str, scopes: Sequence[Scope]) -> Caller:
    """A script with a new token of theirs."""
    account = door.people.accounts.named(name)
    issued = await door.people.tokens.issue(account, "script", scopes, None, by=COMMAND_LINE)
    told = f"token of {name} for {', '.join(scope.value for scope in scopes)}"
    return Caller(door, told, {"Authorization": f"Bearer {issued.text}"})


async def by_device(door: Door, name: str = "ana", device: str = "phone") -> Caller:
    """A phone with its own password."""
    account = door.people.accounts.named(name)
    issued = await door.people.device_passwords.issue(account, device, by=COMMAND_LINE)
    return Caller(door, f"device of {name}", basic(name, issued.password))


def by_password(door: Door, name: str = "ana", password: str = GOOD) -> Caller:
    """A script with the account's password."""
    return Caller(door, f"password of {name}", basic(name, password))


async def administrator(door: Door) -> Account:
    """The account `root`."""
    return await door.people.accounts.add(ADMIN, GOOD, by=COMMAND_LINE, admin=True)


def audited(door: Door) -> list[tuple[str, str, str]]:
    """Who did what to what, as it is in the log."""
    return [(row.actor, row.action, row.what) for row in door.room.store.audit.rows]
