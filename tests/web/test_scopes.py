"""Who comes in where: every operation for scripts and phones, asked by everybody there is.

What is expected is said here once more, by the paths alone, and not taken from the operations.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from twisted.trial.unittest import TestCase

from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.web.request import PUBLISHING_PATHS
from mytracks.web.routes import SAFE_METHODS, Audience, Entry, Operation, Route
from tests.people.room import GOOD
from tests.web.callers import (
    ADMIN,
    Caller,
    administrator,
    by_device,
    by_password,
    by_token,
    signed_in,
)
from tests.web.door import Door, basic

VARIABLE: Final = re.compile(r"<[^>]+>")
PERSON: Final = "a person"
"""What takes no token and no device's password: no scope."""

Need = Scope | str

EVERYTHING: Final[frozenset[Need]] = frozenset({PERSON, *Scope})
ORDINARY: Final[frozenset[Need]] = EVERYTHING - {Scope.ADMIN, Scope.METRICS}


def needed(method: str, path: str) -> Need:
    """What an operation takes, by where it is."""
    if path.startswith("/api/admin/"):
        return Scope.ADMIN
    if path == "/metrics":
        return Scope.METRICS
    if path.startswith("/api/commands"):
        return Scope.COMMAND
    if method == "POST" and path.encode() in PUBLISHING_PATHS:
        return Scope.INGEST
    if path.startswith("/api/account/") or method not in SAFE_METHODS:
        return PERSON
    return Scope.READ


class ScopeTests(TestCase):
    """The table."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        await administrator(self.door)
        tess = await self.door.people.accounts.add("tess", GOOD, by=COMMAND_LINE, admin=True)
        await self.door.people.accounts.set_second_factor(
            tess.number, b"sealed", None, by=COMMAND_LINE
        )

    async def close(self) -> None:
        await self.door.close()

    async def callers(self) -> Sequence[tuple[Caller, frozenset[Need] | None]]:
        """Everybody, with what they came for; None: they are nobody."""
        door = self.door
        device: frozenset[Need] = frozenset({Scope.INGEST, Scope.READ})
        return [
            (Caller(door, "nobody", {}), None),
            (Caller(door, "a wrong password", basic("ana", "guess")), None),
            (Caller(door, "a wrong token", {"Authorization": "Bearer mt_u_1"}), None),
            (await signed_in(door), ORDINARY),
            (by_password(door), ORDINARY),
            (await by_device(door), device),
            (await by_token(door, "ana", [Scope.READ]), frozenset({Scope.READ})),
            (await by_token(door, "ana", [Scope.INGEST]), frozenset({Scope.INGEST})),
            (await signed_in(door, ADMIN), EVERYTHING),
            (by_password(door, ADMIN), EVERYTHING),
            (await by_device(door, ADMIN), device),
            *[(await by_token(door, ADMIN, [each]), frozenset({each})) for each in Scope],
            (await by_token(door, ADMIN, list(Scope)), frozenset(Scope)),
            (by_password(door, "tess"), frozenset({Scope.INGEST})),
        ]

    def operations(self) -> Sequence[tuple[Route, Operation]]:
        """Those that are for whoever is signed in, but for pages."""
        return [
            (route, operation)
            for route in self.door.site.router.routes
            for operation in route.operations
            if operation.entry is Entry.SIGNED_IN and operation.audience is not Audience.BROWSER
        ]

    async def test_everybody_gets_in_where_they_may_and_nowhere_else(self) -> None:
        """401 for nobody, 403 for whoever came with too little, anything else for the others."""
        for caller, came_for in await self.callers():
            for route, operation in self.operations():
                path = VARIABLE.sub("999", route.path)
                need = needed(operation.method, route.path)
                body: Any = None if operation.method in SAFE_METHODS else {}
                headers = {"Origin": self.door.origin}
                reply = await caller.call(operation.method, path, body, **headers)
                told = (caller.name, operation.method, path, reply.status, reply.body[:200])
                if came_for is None:
                    self.assertIn(reply.status, (401, 429, 503), told)
                elif need not in came_for:
                    self.assertEqual(403, reply.status, told)
                else:
                    self.assertNotIn(reply.status, (401, 403, 500), told)

    async def test_pages_are_for_people(self) -> None:
        """Neither a token nor a phone opens one; nor does half of a sign-in."""
        device = await by_device(self.door, ADMIN)
        token = await by_token(self.door, ADMIN, list(Scope))
        pages = [
            (route, operation)
            for route in self.door.site.router.routes
            for operation in route.operations
            if operation.entry is Entry.SIGNED_IN and operation.audience is Audience.BROWSER
        ]
        self.assertTrue(pages)
        for caller in (device, token, by_password(self.door, "tess")):
            for route, operation in pages:
                path = VARIABLE.sub("999", route.path)
                reply = await caller.call(operation.method, path)
                self.assertEqual(403, reply.status, (caller.name, operation.method, path))

    async def test_the_document_says_which_scope(self) -> None:
        """For every operation that a token opens, and bearer for no other."""
        document = (await self.door.ask("GET", "/api/openapi.json")).json()
        self.assertEqual("bearer", document["components"]["securitySchemes"]["bearer"]["scheme"])
        for route, operation in self.operations():
            if not operation.summary:
                continue
            path = VARIABLE.sub(lambda found: "{" + found[0][1:-1] + "}", route.path)
            written = document["paths"][path][operation.method.lower()]
            need = needed(operation.method, route.path)
            bearer = [way["bearer"] for way in written["security"] if "bearer" in way]
            expected = [[need.value]] if isinstance(need, Scope) else []
            self.assertEqual(expected, bearer, (operation.method, path))
            self.assertIn("403", written["responses"])
