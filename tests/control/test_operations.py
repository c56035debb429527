"""What the `mytracks` command can have done."""

from typing import Any, Final

import pyotp
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.control.operations import KINDS, Operations, refusal_of
from mytracks.control.wire import Answer, Refusal, decode_answer, encode_answer
from mytracks.errors import Refused, Unauthenticated, Unavailable
from mytracks.health import health
from mytracks.sharing.identity import COMMAND_LINE, Door
from tests.people.room import GOOD, HOME, OTHER, Room

WELL: Final = health("1.2.3", "ok", "", 1_767_225_600)


class OperationsTests(TestCase):
    """The table, on a real people room."""

    async def opened(self) -> Room:
        """An empty room."""
        self.room = await Room().open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.operations = Operations(self.room.people, lambda: WELL, "sqlite")
        return self.room

    async def done(self, operation: str, **arguments: Any) -> Any:
        """The result of an operation that is not refused; it can go over the wire."""
        answer = await self.operations.run(operation, arguments)
        self.assertIsNone(answer.refusal)
        self.assertEqual(answer, decode_answer(encode_answer(answer)))
        return answer.result

    async def refused(self, operation: str, **arguments: Any) -> Refusal:
        """Why an operation is refused."""
        answer: Answer = await self.operations.run(operation, arguments)
        assert answer.refusal is not None
        return answer.refusal

    async def test_a_second_factor_is_turned_off(self) -> None:
        """For whoever has lost phone and paper; whoever has none keeps none."""
        room = await self.opened()
        ana = await room.account()
        factor = room.people.second_factor
        app = pyotp.TOTP(factor.begin(ana.number).secret)
        await factor.confirm(ana.number, app.at(room.clock.now()), by=COMMAND_LINE)
        for was_on in (True, False):
            done = await self.done("user.second-factor-off", name="Ana")
            self.assertEqual({"name": "ana", "was_on": was_on}, done)
            self.assertFalse(factor.is_on(ana.number))
        refused = await self.refused("user.second-factor-off", name="nobody")
        self.assertEqual("not_found", refused.kind)

    async def test_an_account_is_added_shown_and_listed(self) -> None:
        """With all that is known of it but the hash."""
        room = await self.opened()
        made = await self.done(
            "user.add", name="Ana", password=GOOD, admin=True, email="a@b.example"
        )
        expected = {
            "name": "ana",
            "display": "",
            "email": "a@b.example",
            "admin": True,
            "disabled": False,
            "created": int(room.clock.now()),
            "last_login": None,
            "second_factor": False,
        }
        self.assertEqual(expected, made)
        self.assertEqual(expected, await self.done("user.show", name="ANA"))
        self.assertEqual([expected], await self.done("user.list"))
        await room.sign_in("ana", GOOD)

    async def test_a_password_that_is_made_is_told_once_and_opens_the_door(self) -> None:
        """One that was given is not repeated."""
        room = await self.opened()
        made = await self.done("user.add", name="ana")
        await room.sign_in("ana", made["password"])
        self.assertNotIn("password", await self.done("user.show", name="ana"))
        changed = await self.done("user.password", name="ana")
        self.assertNotEqual(made["password"], changed["password"])
        await room.sign_in("ana", changed["password"])
        given = await self.done("user.password", name="ana", password=OTHER)
        self.assertEqual({"name": "ana"}, given)
        await room.sign_in("ana", OTHER)

    async def test_an_account_is_disabled_enabled_and_deleted(self) -> None:
        """The service's rules hold; here only the name is looked up."""
        await self.opened()
        await self.done("user.add", name="ana", password=GOOD)
        self.assertTrue((await self.done("user.disable", name="ana"))["disabled"])
        self.assertFalse((await self.done("user.enable", name="ana"))["disabled"])
        self.assertEqual({"name": "ana"}, await self.done("user.delete", name="Ana"))
        self.assertEqual([], await self.done("user.list"))

    async def test_a_device_password_is_made(self) -> None:
        """User name and password, as they are typed into the phone."""
        room = await self.opened()
        await self.done("user.add", name="ana", password=GOOD)
        made = await self.done("device.credential", device="Ana/Ana's phone")
        self.assertEqual(("ana", "Ana's phone"), (made["username"], made["device"]))
        who = await room.sign_in(made["username"], made["password"])
        self.assertEqual("Ana's phone", who.device)

    async def test_a_token_is_made_listed_and_revoked(self) -> None:
        """What opens the door is told once."""
        room = await self.opened()
        await self.done("user.add", name="ana", password=GOOD)
        await self.done("user.add", name="boss", password=GOOD, admin=True)
        made = await self.done(
            "token.add", user="Ana", name="script", scopes=["read", "ingest"], expires_in=60
        )
        text = made.pop("token")
        now = int(room.clock.now())
        expected = {
            "id": made["id"],
            "user": "ana",
            "name": "script",
            "scopes": ["ingest", "read"],
            "created": now,
            "last_used": None,
            "expires": now + 60,
            "expired": False,
        }
        self.assertEqual(expected, made)
        other = await self.done("token.add", user="boss", name="t", scopes=["read:metrics"])
        self.assertIsNone(other["expires"])
        self.assertEqual([expected], await self.done("token.list", user="ana"))
        ids = [each["id"] for each in await self.done("token.list")]
        self.assertEqual([other["id"], made["id"]], ids)
        signin = room.people.signin
        who = await signin.bearer(text, door=Door.HTTP, address=HOME)
        self.assertEqual("ana", who.name)
        gone = await self.done("token.revoke", number=made["id"])
        self.assertEqual("script", gone["name"])
        self.assertEqual([], await self.done("token.list", user="ana"))
        with self.assertRaises(Unauthenticated):
            await signin.bearer(text, door=Door.HTTP, address=HOME)

    async def test_tokens_that_cannot_be_are_refused(self) -> None:
        """With the kind and the field."""
        await self.opened()
        await self.done("user.add", name="ana", password=GOOD)
        for kind, asked in (
            ("not_found", {"user": "ben", "name": "t", "scopes": ["read"]}),
            ("forbidden", {"user": "ana", "name": "t", "scopes": ["admin"]}),
            ("invalid", {"user": "ana", "name": "", "scopes": ["read"]}),
            ("invalid", {"user": "ana", "name": "t", "scopes": []}),
            ("invalid", {"user": "ana", "name": "t", "scopes": ["all"]}),
            ("invalid", {"user": "ana", "name": "t", "scopes": ["read"], "expires_in": 0}),
            ("invalid", {"user": "ana", "name": "t"}),
        ):
            self.assertEqual(kind, (await self.refused("token.add", **asked)).kind, asked)
        self.assertEqual("not_found", (await self.refused("token.revoke", number=1)).kind)
        self.assertEqual("not_found", (await self.refused("token.list", user="ben")).kind)

    async def test_refusals_name_their_kind_and_their_fields(self) -> None:
        """What the service refused with, for a script to read."""
        await self.opened()
        await self.done("user.add", name="ana", password=GOOD, admin=True)
        refusal = await self.refused("user.add", name="user", password=GOOD)
        self.assertEqual(("invalid", ["username"]), (refusal.kind, list(refusal.fields)))
        self.assertEqual("conflict", (await self.refused("user.add", name="ana")).kind)
        self.assertEqual("not_found", (await self.refused("user.show", name="ben")).kind)
        self.assertEqual("forbidden", (await self.refused("user.disable", name="ana")).kind)
        self.assertEqual("not_found", (await self.refused("device.credential", device="b/p")).kind)
        for device in ("ana", "ana/", "ana/a/b"):
            refusal = await self.refused("device.credential", device=device)
            self.assertEqual(("invalid", ["device"]), (refusal.kind, list(refusal.fields)))
        self.room.store.transactions.failing = True
        self.assertEqual("unavailable", (await self.refused("user.add", name="ben")).kind)

    async def test_arguments_are_checked_before_anything_is_done(self) -> None:
        """A command of another version must not half-succeed."""
        await self.opened()
        for arguments in ({}, {"name": 1}, {"name": "ana", "colour": "red"}, {"name": None}):
            self.assertEqual("invalid", (await self.refused("user.add", **arguments)).kind)
        self.assertEqual("unknown_operation", (await self.refused("user.frobnicate")).kind)

    async def test_the_database_that_is_really_used_is_told_with_its_health(self) -> None:
        """`mytracks backup` must copy what the server writes, whatever flags it was given."""
        await self.opened()
        told = await self.done("store.state")
        self.assertEqual("sqlite", told["database"])
        self.assertEqual(await self.done("health"), told["health"])

    async def test_the_health_is_told_as_the_web_tells_it(self) -> None:
        """`mytracks check` asks for it where no web listens."""
        await self.opened()
        database = {"state": "ok", "reason": "", "since": "2026-01-01T00:00:00Z"}
        told = {"status": "ok", "version": "1.2.3", "database": database}
        self.assertEqual(told, await self.done("health"))

    async def test_no_secret_is_logged(self) -> None:
        """Logs are mailed to strangers who offer help."""
        await self.opened()
        with capturedLogs() as told:
            made = await self.done("user.add", name="ana")
            await self.done("user.password", name="ana", password=OTHER)
            device = await self.done("device.credential", device="ana/phone")
            token = await self.done("token.add", user="ana", name="t", scopes=["read"])
        for secret in (made["password"], OTHER, device["password"], token["token"]):
            self.assertNotIn(secret, repr(told))


class KindsTests(SynchronousTestCase):
    """The door's table of refusals."""

    def test_every_refusal_has_a_kind(self) -> None:
        """A new error without one would be an internal error to the command."""
        self.assertEqual(set(Refused.__subclasses__()), set(KINDS))

    def test_a_refinement_of_a_refusal_has_the_kind_of_what_it_refines(self) -> None:
        """The store has finer words for its own trouble."""

        class DiskFull(Unavailable):
            """One of them."""

        self.assertEqual(Refusal("unavailable", "full"), refusal_of(DiskFull("full")))
