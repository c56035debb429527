"""`/api/admin/users`: an administrator's work, and what nobody can do to themselves."""

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.errors import Unavailable
from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.tracks.locations import Recorded
from tests.people.room import GOOD, OTHER
from tests.tracks.memory import PHONE, TABLET, fix
from tests.web.callers import (
    ADMIN,
    PROBLEM,
    Caller,
    administrator,
    audited,
    by_password,
    by_token,
    signed_in,
)
from tests.web.door import Door, Reply

USERS = "/api/admin/users"


class UsersCase(TestCase):
    """Root, an administrator, and ana, who is none."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        self.root_number = (await administrator(self.door)).number
        self.ana_number = self.door.people.accounts.named("ana").number
        self.root: Caller = await signed_in(self.door, ADMIN)

    async def close(self) -> None:
        await self.door.close()

    def one(self, number: int | None = None, deed: str = "") -> str:
        """The path of an account; ana's if not said."""
        return f"{USERS}/{self.ana_number if number is None else number}{deed}"

    async def shown(self, number: int | None = None) -> dict[str, Any]:
        """The account, as the API shows it."""
        return dict((await self.root.call("GET", self.one(number))).json())

    def assert_refused(self, reply: Reply, status: int, *fields: str) -> None:
        """A problem document that names exactly these fields."""
        self.assertEqual((status, PROBLEM), (reply.status, reply.headers.get("content-type")))
        self.assertEqual(set(fields), set(reply.json()["errors"]), reply.body)


class ListTests(UsersCase):
    """GET all and one."""

    async def test_all_accounts_by_name_with_the_originals_fields(self) -> None:
        """Existing scripts find what they know."""
        self.door.store(PHONE, Recorded(PHONE, fix(1_000)))
        self.door.store(TABLET, Recorded(TABLET, fix(1_000)))
        page = (await self.root.call("GET", USERS)).json()
        self.assertEqual((2, None, None), (page["count"], page["next"], page["previous"]))
        self.assertEqual(["ana", ADMIN], [each["username"] for each in page["results"]])
        ana, root = page["results"]
        self.assertEqual({"count", "next", "previous", "results"}, set(page))
        self.assertEqual(
            {
                *("id", "username", "email", "first_name", "last_name", "is_active", "is_staff"),
                *("date_joined", "last_login", "display_name", "second_factor", "devices"),
            },
            set(ana),
        )
        self.assertEqual(
            (self.ana_number, 2, True, False),
            (ana["id"], ana["devices"], ana["is_active"], ana["is_staff"]),
        )
        self.assertEqual((0, True), (root["devices"], root["is_staff"]))
        self.assertIsNone(ana["last_login"])
        self.assertEqual(ana, await self.shown())

    async def test_pages_lead_to_each_other(self) -> None:
        """By absolute links, as all lists have them."""
        page = (await self.root.call("GET", f"{USERS}?limit=1")).json()
        self.assertEqual((2, ["ana"]), (page["count"], [u["username"] for u in page["results"]]))
        self.assertEqual(f"{self.door.origin}{USERS}?limit=1&offset=1", page["next"])
        page = (await self.root.call("GET", page["next"].removeprefix(self.door.origin))).json()
        self.assertEqual(([ADMIN], None), ([u["username"] for u in page["results"]], page["next"]))
        self.assertEqual(f"{self.door.origin}{USERS}?limit=1&offset=0", page["previous"])
        for query in ("limit=0", "limit=10001", "limit=x", "offset=-1"):
            reply = await self.root.call("GET", f"{USERS}?{query}")
            self.assert_refused(reply, 400, query.partition("=")[0])

    async def test_nobody_of_that_number(self) -> None:
        """Nor of what is no number."""
        for number in ("999", "0", "-1", "ana", "1e3", "9" * 30, "%C2%B2"):
            for method, deed in (
                ("GET", ""),
                ("DELETE", ""),
                ("PATCH", ""),
                ("POST", "/reactivate"),
                ("POST", "/toggle-admin"),
                ("POST", "/set-password"),
                ("DELETE", "/hard-delete"),
            ):
                reply = await self.root.call(method, f"{USERS}/{number}{deed}", {})
                self.assert_refused(reply, 404)


class AddTests(UsersCase):
    """POST."""

    async def add(self, **body: Any) -> Reply:
        return await self.root.call("POST", USERS, {"username": "ben", "password": GOOD} | body)

    async def test_a_new_account_can_sign_in(self) -> None:
        """With all that was told of it."""
        told = {"email": "b@example.org", "first_name": "Ben", "last_name": "B", "is_staff": True}
        reply = await self.add(display_name="Benny", **told)
        self.assertEqual(201, reply.status, reply.body)
        made = reply.json()
        self.assertEqual(
            {**told, "display_name": "Benny"}, {n: made[n] for n in (*told, "display_name")}
        )
        self.assertEqual(made, await self.shown(made["id"]))
        ben = by_password(self.door, "ben")
        self.assertTrue((await ben.call("GET", "/api/account")).json()["is_staff"])
        self.assertIn((ADMIN, "user.add", "user:ben"), audited(self.door))
        self.assertNotIn("password", made)

    async def test_a_name_that_is_taken_is_a_conflict(self) -> None:
        """In whatever case it is written."""
        self.assertEqual(201, (await self.add()).status)
        for name in ("ben", "BEN", "ana"):
            self.assert_refused(await self.add(username=name), 409, "username")

    async def test_every_wrong_field_is_named(self) -> None:
        """And nobody is made."""
        for body, fields in (
            ({"username": "not ok"}, ["username"]),
            ({"username": "user"}, ["username"]),
            ({"username": ""}, ["username"]),
            ({"username": "x" * 65}, ["username"]),
            ({"username": 7, "password": None}, ["username", "password"]),
            ({"password": "short"}, ["password"]),
            ({"password": "ben"}, ["password"]),
            (
                {"email": "x", "display_name": "\n\t\x01", "password": "1"},
                ["email", "display_name", "password"],
            ),
            ({"is_staff": "yes"}, ["is_staff"]),
            ({"is_admin": True}, ["is_admin"]),
            ({"first_name": "x" * 151}, ["first_name"]),
        ):
            self.assert_refused(await self.add(**body), 400, *fields)
        self.assert_refused(await self.root.call("POST", USERS, {}), 400, "username", "password")
        self.assertEqual(2, (await self.root.call("GET", USERS)).json()["count"])


class ChangeTests(UsersCase):
    """PATCH and the deeds of the original."""

    async def alter(self, body: Mapping[str, Any], number: int | None = None) -> Reply:
        return await self.root.call("PATCH", self.one(number), dict(body))

    async def test_all_of_it_at_once(self) -> None:
        """The edit page sends one request."""
        change = {
            "email": "a@example.org",
            "first_name": "A",
            "last_name": "N",
            "display_name": "Ana",
            "is_staff": True,
            "is_active": False,
        }
        reply = await self.alter(change)
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(change, {name: reply.json()[name] for name in change})
        self.assertEqual(reply.json(), await self.shown())
        actions = [action for actor, action, what in audited(self.door) if what == "user:ana"]
        for action in ("user.profile", "user.promote", "user.disable"):
            self.assertEqual(1, actions.count(action), action)
        again = await self.alter({"is_active": True, "is_staff": False})
        self.assertEqual((True, False), (again.json()["is_active"], again.json()["is_staff"]))
        self.assertEqual("A", again.json()["first_name"])

    async def test_a_disk_that_fills_up_leaves_nothing_half_done(self) -> None:
        """All of it is one commit."""
        store = self.door.room.store
        before, commits = await self.shown(), store.transactions.commits
        change = {"first_name": "A", "is_staff": True, "is_active": False}
        store.audit.trouble = Unavailable("The disk is full.")
        self.assert_refused(await self.alter(change), 503)
        self.assertEqual(before, await self.shown())
        store.audit.trouble = None
        self.assertEqual(200, (await self.alter(change)).status)
        self.assertEqual(commits + 2, store.transactions.commits)

    async def test_wrong_fields_are_named_and_nothing_is_half_done(self) -> None:
        """The good ones beside them stay out."""
        reply = await self.alter({"is_staff": True, "email": "x", "display_name": "a\tb"})
        self.assert_refused(reply, 400, "email", "display_name")
        reply = await self.alter({"is_staff": 1, "username": "other", "is_active": None})
        self.assert_refused(reply, 400, "is_staff", "username", "is_active")
        shown = await self.shown()
        self.assertEqual((False, True), (shown["is_staff"], shown["is_active"]))

    async def test_out_and_in_again(self) -> None:
        """DELETE closes the doors, reactivate opens them; nothing is lost."""
        self.assertEqual(204, (await self.root.call("DELETE", self.one())).status)
        self.assertFalse((await self.shown())["is_active"])
        ana = by_password(self.door)
        self.assertEqual(401, (await ana.call("GET", "/api/account")).status)
        reply = await self.root.call("POST", self.one(deed="/reactivate"))
        self.assertEqual((200, True), (reply.status, reply.json()["is_active"]))
        self.assertEqual(200, (await ana.call("GET", "/api/account")).status)

    async def test_doing_it_twice_does_no_harm(self) -> None:
        """Two administrators may press the same button."""
        for _ in range(2):
            self.assertEqual(204, (await self.root.call("DELETE", self.one())).status)
        for _ in range(2):
            reply = await self.root.call("POST", self.one(deed="/reactivate"))
            self.assertEqual(200, reply.status)

    async def test_administrators_are_made_and_unmade(self) -> None:
        """The answer says which."""
        for expected in (True, False):
            reply = await self.root.call("POST", self.one(deed="/toggle-admin"))
            self.assertEqual((200, expected), (reply.status, reply.json()["is_staff"]))

    async def test_another_password_signs_them_out_everywhere(self) -> None:
        """A forgotten password, or a stolen phone."""
        ana = await signed_in(self.door)
        reply = await self.root.call("POST", self.one(deed="/set-password"), {"password": OTHER})
        self.assertEqual((200, "ana"), (reply.status, reply.json()["username"]))
        self.assertEqual(401, (await ana.call("GET", "/api/account")).status)
        new = by_password(self.door, password=OTHER)
        self.assertEqual(200, (await new.call("GET", "/api/account")).status)
        for body, status in (({"password": "short"}, 400), ({}, 400), ({"password": 1}, 400)):
            reply = await self.root.call("POST", self.one(deed="/set-password"), body)
            self.assert_refused(reply, status, "password")

    async def test_for_good_is_for_good(self) -> None:
        """Their name is free, their sessions open nothing."""
        ana = await signed_in(self.door)
        self.assertEqual(
            204, (await self.root.call("DELETE", self.one(deed="/hard-delete"))).status
        )
        self.assertEqual(404, (await self.root.call("GET", self.one())).status)
        self.assertEqual(401, (await ana.call("GET", "/api/account")).status)
        self.assertIn((ADMIN, "user.delete", "user:ana"), audited(self.door))
        body = {"username": "ana", "password": GOOD}
        self.assertEqual(201, (await self.root.call("POST", USERS, body)).status)


class LockOutTests(UsersCase):
    """Nobody locks themselves out, and somebody always remains."""

    async def test_nothing_of_it_can_be_done_to_oneself(self) -> None:
        """By every door that there is for it; a second administrator does not matter."""
        await self.door.people.accounts.promote(self.ana_number, by=COMMAND_LINE)
        own = self.root_number
        for method, deed in (
            ("DELETE", ""),
            ("POST", "/toggle-admin"),
            ("DELETE", "/hard-delete"),
        ):
            reply = await self.root.call(method, self.one(own, deed))
            self.assert_refused(reply, 400)
        for body in ({"is_staff": False}, {"is_active": False}):
            reply = await self.root.call("PATCH", self.one(own), {"first_name": "R", **body})
            self.assert_refused(reply, 400, *body)
        shown = await self.shown(own)
        self.assertEqual(
            (True, True, ""), (shown["is_active"], shown["is_staff"], shown["first_name"])
        )
        kept = {"is_staff": True, "is_active": True, "first_name": "R"}
        self.assertEqual(200, (await self.root.call("PATCH", self.one(own), kept)).status)

    async def test_nor_with_a_token_of_ones_own(self) -> None:
        """Which does not change its owner's password either; others' it does."""
        script = await by_token(self.door, ADMIN, [Scope.ADMIN])
        self.assert_refused(await script.call("DELETE", self.one(self.root_number)), 400)
        body = {"password": OTHER}
        reply = await script.call("POST", self.one(self.root_number, "/set-password"), body)
        self.assert_refused(reply, 403)
        reply = await script.call("POST", self.one(deed="/set-password"), body)
        self.assertEqual(200, reply.status)

    async def test_ones_own_password_keeps_ones_own_session(self) -> None:
        """Who sits there is not thrown out."""
        path = self.one(self.root_number, "/set-password")
        self.assertEqual(200, (await self.root.call("POST", path, {"password": OTHER})).status)
        self.assertEqual(200, (await self.root.call("GET", USERS)).status)

    async def test_an_administrator_who_is_one_no_more_is_out_at_once(self) -> None:
        """In this very session, and by tokens made before."""
        script = await by_token(self.door, ADMIN, [Scope.ADMIN, Scope.READ])
        await self.door.people.accounts.promote(self.ana_number, by=COMMAND_LINE)
        ana = await signed_in(self.door)
        reply = await ana.call("POST", self.one(self.root_number, "/toggle-admin"))
        self.assertEqual(200, reply.status)
        for caller in (self.root, script):
            self.assertEqual(403, (await caller.call("GET", USERS)).status)
            self.assertEqual(200, (await caller.call("GET", "/api/account")).status)
