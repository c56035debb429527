"""`/api/admin/audit`: the log, filtered, in pages, as a table."""

import csv
import io
from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.people.ports import AuditQuestion
from mytracks.sharing.identity import Actor
from tests.web.callers import ADMIN, administrator, by_password, signed_in
from tests.web.door import Door, Reply

AUDIT = "/api/admin/audit"
EVE = Actor(77, "eve", "192.0.2.9")


class AuditTests(TestCase):
    """Root reads; eve did things."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        await administrator(self.door)
        self.root = await signed_in(self.door, ADMIN)
        self.door.room.store.audit.rows.clear()
        audit = self.door.people.audit
        await audit.note(EVE, "token.add", "token:1", "script, read")
        self.door.room.timers.advance(10)
        await audit.note(EVE, "device.delete", "device:eve/phone", "=HYPERLINK(1)")
        self.asked: list[AuditQuestion] = []

    async def close(self) -> None:
        await self.door.close()

    async def ask(self, query: str = "") -> Reply:
        return await self.root.call("GET", f"{AUDIT}?{query}")

    async def page(self, query: str = "") -> Any:
        return (await self.ask(query)).json()

    async def test_the_newest_comes_first_and_tells_all(self) -> None:
        """Who, from where, did what to what, and when."""
        page = await self.page()
        self.assertEqual((2, None, None), (page["count"], page["next"], page["previous"]))
        newest, oldest = page["results"]
        self.assertEqual(("token.add", "token:1"), (oldest["action"], oldest["object"]))
        self.assertTrue(newest.pop("at").endswith("Z"))
        self.assertEqual(
            {
                "id": 2,
                "actor": "eve",
                "actor_id": 77,
                "address": "192.0.2.9",
                "action": "device.delete",
                "object": "device:eve/phone",
                "detail": "=HYPERLINK(1)",
            },
            newest,
        )

    async def test_filters_reach_the_log(self) -> None:
        """Times as ISO or Unix; a date as `until` is the whole day."""
        log = self.door.room.store.audit
        whole = log.page

        async def page(tx: Any, question: AuditQuestion) -> Any:
            self.asked.append(question)
            return await whole(tx, question)

        log.page = page  # type: ignore[method-assign]
        query = "actor=eve&action=token.add&object=token:1&since=2024-01-01&until=2031-01-01&q=rea"
        page_ = await self.page(query + "&limit=5")
        self.assertEqual(["token.add"], [each["action"] for each in page_["results"]])
        (question,) = self.asked
        self.assertEqual(
            AuditQuestion(
                actor="eve",
                action="token.add",
                what="token:1",
                since=1_704_067_200,
                until=1_925_078_400,
                text="rea",
                limit=5,
            ),
            question,
        )
        await self.page("since=1700000000&until=1700000000")
        self.assertEqual((1_700_000_000, 1_700_000_001), (self.asked[1].since, self.asked[1].until))

    async def test_pages_keep_the_filters(self) -> None:
        """The next page is of the same question."""
        page = await self.page("actor=eve&limit=1")
        self.assertEqual((2, 1), (page["count"], len(page["results"])))
        self.assertEqual(f"{self.door.origin}{AUDIT}?actor=eve&limit=1&offset=1", page["next"])

    async def test_bad_questions_are_named(self) -> None:
        """Each parameter."""
        for query in ("since=soon", "until=x", "limit=0", "format=pdf", "actor=" + "x" * 201):
            reply = await self.ask(query)
            self.assertEqual(400, reply.status, query)
            self.assertEqual([query.partition("=")[0]], list(reply.json()["errors"]))

    async def test_as_a_table(self) -> None:
        """For a spreadsheet, which must not take what somebody wrote for a formula."""
        reply = await self.ask("format=csv")
        self.assertEqual("text/csv; charset=utf-8", reply.headers["content-type"])
        self.assertIn("attachment", reply.headers["content-disposition"])
        rows = list(csv.reader(io.StringIO(reply.body.decode())))
        self.assertEqual(["id", "at", "actor", "address", "action", "object", "detail"], rows[0])
        self.assertEqual(["2", "'=HYPERLINK(1)"], [rows[1][0], rows[1][-1]])
        self.assertEqual(3, len(rows))

    async def test_it_is_for_administrators(self) -> None:
        """It tells who signs in from where."""
        self.assertEqual(403, (await by_password(self.door).call("GET", AUDIT)).status)
        self.assertEqual(401, (await self.door.ask("GET", AUDIT)).status)
