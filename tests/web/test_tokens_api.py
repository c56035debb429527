"""`/api/account/tokens`: made, shown once, listed, revoked."""

from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.clock import iso
from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import GOOD
from tests.web.callers import (
    ADMIN,
    PROBLEM,
    Caller,
    administrator,
    audited,
    signed_in,
)
from tests.web.door import Door, Reply

TOKENS = "/api/account/tokens"
EVERY = ["ingest", "read", "command", "admin", "read:metrics"]


class TokensTests(TestCase):
    """Ana, and root, who may have more."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        await administrator(self.door)
        self.ana: Caller = await signed_in(self.door)

    async def close(self) -> None:
        await self.door.close()

    async def make(self, caller: Caller | None = None, **body: Any) -> Reply:
        """POST what is needed, and this."""
        sent = {"name": "script", "scopes": ["read"]} | body
        return await (caller or self.ana).call("POST", TOKENS, sent)

    async def count(self, caller: Caller | None = None) -> int:
        """How many are listed."""
        return int((await (caller or self.ana).call("GET", TOKENS)).json()["count"])

    def bearer(self, text: str) -> Caller:
        """A script with this token."""
        return Caller(self.door, "bearer", {"Authorization": f"Bearer {text}"})

    def assert_refused(self, reply: Reply, status: int, *fields: str) -> None:
        """A problem document that names exactly these fields."""
        self.assertEqual((status, PROBLEM), (reply.status, reply.headers.get("content-type")))
        self.assertEqual(set(fields), set(reply.json()["errors"]), reply.body)

    async def test_it_is_told_once_and_opens_what_it_is_for(self) -> None:
        """The list knows all but the token itself."""
        reply = await self.make(scopes=["read", "ingest", "read"])
        self.assertEqual(201, reply.status, reply.body)
        made = reply.json()
        text = made.pop("token")
        self.assertTrue(text.startswith("mt_u_"))
        self.assertEqual(["ingest", "read"], made["scopes"])
        page = (await self.ana.call("GET", TOKENS)).json()
        self.assertEqual((1, [made]), (page["count"], page["results"]))
        self.assertNotIn(text.rpartition("_")[0], str(page))
        script = self.bearer(text)
        self.assertEqual("ana", (await script.call("GET", "/api/account")).json()["username"])
        self.assertEqual(200, (await script.call("POST", "/pub", {})).status)
        page = (await self.ana.call("GET", TOKENS)).json()
        self.assertIsNotNone(page["results"][0]["last_used_at"])
        self.assertIn(("ana", "token.add", f"token:{made['id']}"), audited(self.door))

    async def test_it_ends_when_it_says_so(self) -> None:
        """A date alone is its last second."""
        now = self.door.room.clock.now()
        reply = await self.make(expires_at=iso(int(now) + 60))
        self.assertEqual(iso(int(now) + 60), reply.json()["expires_at"])
        script = self.bearer(reply.json()["token"])
        self.assertEqual(200, (await script.call("GET", "/api/account")).status)
        self.door.room.timers.advance(61)
        self.assertEqual(401, (await script.call("GET", "/api/account")).status)
        reply = await self.make(expires_at="2035-03-01")
        self.assertEqual("2035-03-01T23:59:59Z", reply.json()["expires_at"])

    async def test_revoked_is_out_at_once(self) -> None:
        """And off the list; to do it again finds nothing."""
        made = (await self.make()).json()
        path = f"{TOKENS}/{made['id']}"
        self.assertEqual(204, (await self.ana.call("DELETE", path)).status)
        self.assertEqual(401, (await self.bearer(made["token"]).call("GET", "/api/account")).status)
        self.assertEqual(0, await self.count())
        self.assert_refused(await self.ana.call("DELETE", path), 404)
        self.assertIn(("ana", "token.revoke", f"token:{made['id']}"), audited(self.door))

    async def test_somebody_elses_is_not_there(self) -> None:
        """Not even for an administrator: 404, as for one that never was."""
        made = (await self.make()).json()
        root = await signed_in(self.door, ADMIN)
        for number in (made["id"], 999, "x", "0x1", "-1"):
            self.assert_refused(await root.call("DELETE", f"{TOKENS}/{number}"), 404)
        self.assertEqual((1, 0), (await self.count(), await self.count(root)))

    async def test_only_administrators_hold_some_scopes(self) -> None:
        """Else anybody could make themselves one."""
        for scope in ("admin", "read:metrics"):
            self.assert_refused(await self.make(scopes=["read", scope]), 403)
        self.assertEqual(0, await self.count())
        root = await signed_in(self.door, ADMIN)
        reply = await self.make(root, scopes=EVERY)
        self.assertEqual((201, EVERY), (reply.status, reply.json()["scopes"]))

    async def test_every_wrong_field_is_named(self) -> None:
        """And none is made."""
        past = iso(int(self.door.room.clock.now()) - 1)
        for body, fields in (
            ({"name": ""}, ["name"]),
            ({"name": "  "}, ["name"]),
            ({"name": "x" * 101}, ["name"]),
            ({"name": "a\nb"}, ["name"]),
            ({"name": 7, "scopes": "read"}, ["name", "scopes"]),
            ({"scopes": []}, ["scopes"]),
            ({"scopes": ["everything"]}, ["scopes"]),
            ({"scopes": ["read", 7]}, ["scopes"]),
            ({"expires_at": past}, ["expires_at"]),
            ({"expires_at": "soon"}, ["expires_at"]),
            ({"expires_at": 1_900_000_000}, ["expires_at"]),
            ({"expires_at": "x" * 41}, ["expires_at"]),
            ({"token": "mine"}, ["token"]),
        ):
            self.assert_refused(await self.make(**body), 400, *fields)
        self.assert_refused(await self.ana.call("POST", TOKENS, {}), 400, "name", "scopes")
        self.assertEqual(0, await self.count())

    async def test_a_token_makes_no_tokens_and_sees_none(self) -> None:
        """Whatever it is for: one that leaks must not last longer than itself."""
        root = await signed_in(self.door, ADMIN)
        script = self.bearer((await self.make(root, scopes=EVERY)).json()["token"])
        self.assert_refused(await self.make(script), 403)
        self.assert_refused(await script.call("GET", TOKENS), 403)
        self.assert_refused(await script.call("DELETE", f"{TOKENS}/1"), 403)

    async def test_what_is_no_token_of_ours_opens_nothing(self) -> None:
        """Mistyped, cut, another's kind, empty; and it is told as such."""
        text = (await self.make()).json()["token"]
        for wrong in (text[:-1], text[:-1] + "0", text + "x", "", "mt_u_1", "x" * 5_000, "\u00e4"):
            reply = await self.bearer(wrong).call("GET", "/api/account")
            self.assertEqual(401, reply.status, wrong)
            self.assertEqual(PROBLEM, reply.headers["content-type"])
        for scheme in ("bearer", "BEARER"):
            headers = {"Authorization": f"{scheme} {text}"}
            reply = await Caller(self.door, scheme, headers).call("GET", "/api/account")
            self.assertEqual(200, reply.status)

    async def test_beside_a_token_no_cookie_is_looked_at(self) -> None:
        """A script in somebody's browser acts as the script, or not at all."""
        reply = await self.ana.call("GET", TOKENS, None, Authorization="Bearer mt_u_nonsense")
        self.assertEqual(401, reply.status)

    async def test_disabled_people_have_tokens_that_open_nothing(self) -> None:
        """Until they are let in again."""
        text = (await self.make()).json()["token"]
        number = self.door.people.accounts.named("ana").number
        await self.door.people.accounts.disable(number, by=COMMAND_LINE)
        self.assertEqual(401, (await self.bearer(text).call("GET", "/api/account")).status)
        await self.door.people.accounts.enable(number, by=COMMAND_LINE)
        self.assertEqual(200, (await self.bearer(text).call("GET", "/api/account")).status)

    async def test_another_password_does_not_end_tokens(self) -> None:
        """They are ended one by one, where it is seen what stops then."""
        text = (await self.make()).json()["token"]
        number = self.door.people.accounts.named("ana").number
        await self.door.people.accounts.set_password(number, GOOD + "!", by=COMMAND_LINE)
        self.assertEqual(200, (await self.bearer(text).call("GET", "/api/account")).status)

    async def test_pages(self) -> None:
        """As all lists have them."""
        for number in range(3):
            await self.make(name=f"script {number}")
        page = (await self.ana.call("GET", f"{TOKENS}?limit=2&offset=1")).json()
        self.assertEqual((3, 2, None), (page["count"], len(page["results"]), page["next"]))
        self.assertTrue(page["previous"].endswith(f"{TOKENS}?limit=2&offset=0"))
