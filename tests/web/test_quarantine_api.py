"""`/api/admin/quarantine`: what was set aside, for administrators."""

import base64
from typing import Any

import msgspec

from mytracks.phones.ports import Aside
from mytracks.sharing.identity import COMMAND_LINE, Door
from mytracks.web.api.quarantine import QuarantinePage, ReplayOutcome, WholeMessage
from tests.people.room import GOOD
from tests.tracks.memory import NOW
from tests.web.door import Reply, basic
from tests.web.test_api import APICase

PATH = "/api/admin/quarantine"
LOCATION = b'{"_type":"location","lat":1,"lon":2,"tst":%d}' % NOW


class QuarantineAPITests(APICase):
    """Listed, read, tried again, thrown away."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.door.people.accounts.add("root", GOOD, admin=True, by=COMMAND_LINE)
        self.rows = self.door.quarantine.rows

    def aside(self, body: bytes = b"junk", **changes: Any) -> int:
        """One message of ana's more."""
        number = len(self.rows) + 1
        values: dict[str, Any] = {
            "number": number,
            "received": NOW,
            "door": Door.MQTT,
            "user": 1,
            "user_name": "ana",
            "device": "phone",
            "topic": "owntracks/ana/phone",
            "reason": "not JSON",
            "size": len(body),
            "body": body,
        }
        self.rows[number] = Aside(**(values | changes))
        return number

    async def ask(self, method: str, path: str, sent: Any = None, name: str = "root") -> Reply:
        """A request of a script."""
        headers = basic(name)
        if sent is None:
            return await self.door.ask(method, PATH + path, headers)
        headers["Content-Type"] = "application/json"
        return await self.door.ask(method, PATH + path, headers, msgspec.json.encode(sent))

    async def page(self, query: str = "") -> QuarantinePage:
        """What is listed, of the promised shape."""
        reply = await self.ask("GET", query)
        self.assertEqual(200, reply.status, reply.body)
        return msgspec.json.decode(reply.body, type=QuarantinePage)

    def noted(self) -> list[tuple[str, str, str]]:
        """What the audit log has of this."""
        return [
            (one.actor, one.action, one.what)
            for one in self.door.room.store.audit.rows
            if one.action.startswith("quarantine")
        ]

    async def test_only_administrators_come_in(self) -> None:
        """It may say where somebody was."""
        number = self.aside()
        for method, path in (
            ("GET", ""),
            ("GET", f"/{number}"),
            ("GET", f"/{number}/body"),
            ("POST", f"/{number}/replay"),
            ("DELETE", f"/{number}"),
        ):
            self.assert_problem(await self.ask(method, path, name="ana"), 403)
            self.assert_problem(await self.door.ask(method, PATH + path), 401)
        self.assertEqual(({number}, []), (set(self.rows), self.noted()))

    async def test_the_list_has_all_that_tells_what_went_wrong(self) -> None:
        """Every name and shape is promised."""
        self.aside(b"\xff\x00", door=Door.HTTP, device=None, user=None, user_name=None)
        self.aside("{nö".encode())
        self.aside(b"x" * 300, size=300)
        reply = (await self.ask("GET", "/")).json()
        newest, text, numbers = reply["results"]
        self.assertEqual((3, None, None), (reply["count"], reply["next"], reply["previous"]))
        self.assertEqual(
            {
                "id": 2,
                "received_at": "2026-01-01T01:00:00Z",
                "received_at_unix": NOW,
                "source": "mqtt",
                "user": "ana",
                "device": "ana/phone",
                "topic": "owntracks/ana/phone",
                "reason": "not JSON",
                "size": 4,
                "preview": "{nö",
                "preview_format": "text",
            },
            text,
        )
        self.assertEqual(
            ("http", None, None, "ff 00", "hex"),
            (
                *(numbers["source"], numbers["user"], numbers["device"]),
                *(numbers["preview"], numbers["preview_format"]),
            ),
        )
        self.assertEqual((300, "x" * 256), (newest["size"], newest["preview"]))
        self.assertEqual([], self.noted())

    async def test_pages_and_filters(self) -> None:
        """Filters stay in the links to other pages."""
        for reason in ("not JSON", "no lat", "not JSON"):
            self.aside(reason=reason)
        self.aside(user=2, user_name="ben", received=NOW + 60)
        self.assertEqual([4], [one.id for one in (await self.page("?user=Ben")).results])
        self.assertEqual([], (await self.page("?user=nobody")).results)
        later = await self.page("?since=2026-01-01T01:00:30Z")
        self.assertEqual([4], [one.id for one in later.results])
        page = await self.page("?reason=json&user=ana&limit=1")
        self.assertEqual((2, [3]), (page.count, [one.id for one in page.results]))
        assert page.next is not None
        page = await self.page(page.next.partition(PATH)[2])
        self.assertEqual((2, [1], None), (page.count, [one.id for one in page.results], page.next))
        for query, field in (
            ("?since=soon", "since"),
            ("?limit=0", "limit"),
            ("?offset=-1", "offset"),
        ):
            told = self.assert_problem(await self.ask("GET", query), 400)
            self.assertEqual([field], list(told.errors))

    async def test_one_is_read_whole_and_that_is_noted(self) -> None:
        """As JSON, or as a file that no browser opens."""
        body = b"\xff" * 300
        self.aside(body, size=300)
        reply = await self.ask("GET", "/1")
        whole = msgspec.json.decode(reply.body, type=WholeMessage)
        self.assertEqual((body, None), (base64.b64decode(whole.body), whole.text))
        self.assertEqual(256, len(bytes.fromhex(whole.preview)))
        self.aside(b"<b>junk</b>")
        text = msgspec.json.decode((await self.ask("GET", "/2")).body, type=WholeMessage).text
        self.assertEqual("<b>junk</b>", text)
        raw = await self.ask("GET", "/2/body")
        self.assertEqual((200, b"<b>junk</b>"), (raw.status, raw.body))
        self.assertEqual("application/octet-stream", raw.headers["content-type"])
        self.assertEqual('attachment; filename="message-2.bin"', raw.headers["content-disposition"])
        self.assertEqual(
            [("root", "quarantine.open", f"quarantine:{number}") for number in (1, 2, 2)],
            self.noted(),
        )

    async def test_what_is_understood_now_is_taken_in(self) -> None:
        """The device may be told, where it is not known; the body may be left away."""
        number = self.aside(LOCATION)
        reply = await self.ask("POST", f"/{number}/replay")
        self.assertEqual(200, reply.status, reply.body)
        outcome = msgspec.json.decode(reply.body, type=ReplayOutcome)
        self.assertEqual(
            (True, "location", "ana/phone"), (outcome.stored, outcome.kind, outcome.device)
        )
        self.assertEqual({}, self.rows)
        number = self.aside(LOCATION, device=None, topic="owntracks/ana/ph\x07ne")
        told = self.assert_problem(await self.ask("POST", f"/{number}/replay"), 400)
        self.assertEqual(["device"], list(told.errors))
        reply = await self.ask("POST", f"/{number}/replay", {"device": "ana/tablet"})
        self.assertEqual((200, "ana/tablet"), (reply.status, reply.json()["device"]))

    async def test_what_is_still_not_understood_stays(self) -> None:
        """With the reason of today."""
        number = self.aside(b'{"_type":"location"}')
        reply = await self.ask("POST", f"/{number}/replay", {})
        self.assertEqual((200, False), (reply.status, reply.json()["stored"]))
        self.assertEqual(self.rows[number].reason, reply.json()["reason"])
        self.assertNotEqual("not JSON", self.rows[number].reason)

    async def test_one_is_thrown_away_once(self) -> None:
        """The second time there is nothing."""
        number = self.aside()
        reply = await self.ask("DELETE", f"/{number}")
        self.assertEqual((204, b""), (reply.status, reply.body))
        self.assert_problem(await self.ask("DELETE", f"/{number}"), 404)
        self.assertEqual([("root", "quarantine.delete", "quarantine:1")], self.noted())

    async def test_bad_input_is_named(self) -> None:
        """Whatever is sent."""
        number = self.aside()
        for path in ("/99", "/abc", "/-1", "/1.5", "/" + "9" * 40, "/%F0%9F%9A%B2"):
            self.assert_problem(await self.ask("GET", path), 404)
            self.assert_problem(await self.ask("GET", f"{path}/body"), 404)
            self.assert_problem(await self.ask("POST", f"{path}/replay"), 404)
            self.assert_problem(await self.ask("DELETE", path), 404)
        replay = f"/{number}/replay"
        for sent, field in (
            ({"device": 7}, "device"),
            ({"device": "carl/phone"}, "device"),
            ({"device": "ben/phone"}, "device"),
            ({"device": "ana/" + "x" * 65}, "device"),
            ({"device": "ana"}, "device"),
            ({"devices": "ana/phone"}, "devices"),
        ):
            told = self.assert_problem(await self.ask("POST", replay, sent), 400)
            self.assertEqual([field], list(told.errors), sent)
        self.assert_problem(await self.ask("POST", replay, ["ana/phone"]), 400)
        plain = basic("root") | {"Content-Type": "text/plain"}
        self.assert_problem(await self.door.ask("POST", PATH + replay, plain, b"{}"), 415)
        self.assertEqual({number}, set(self.rows))
