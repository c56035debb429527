"""`/api/admin/connections`: MQTT's clients as administrators see them."""

from typing import Any

import msgspec

from mytracks.errors import Busy
from mytracks.mqtt.protocol.packets.connect import Will
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.web.api.connections import ConnectionPage
from tests.people.room import GOOD
from tests.web.door import basic
from tests.web.test_api import APICase

PATH = "/api/admin/connections"


class ConnectionsTests(APICase):
    """Each state, and who may look."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.door.people.accounts.add("root", GOOD, admin=True, by=COMMAND_LINE)
        self.mqtt = self.door.mqtt

    async def entries(self, query: str = "") -> list[dict[str, Any]]:
        """What is listed, of the promised shape."""
        page = (await self.get(PATH + query, "root")).json()
        msgspec.convert(page, ConnectionPage)
        self.assertEqual(len(page["results"]), page["count"])
        found: list[dict[str, Any]] = page["results"]
        return found

    async def test_only_administrators_may_look(self) -> None:
        """Addresses are nobody else's business."""
        self.assert_problem(await self.get(PATH), 403)
        self.assert_problem(await self.door.ask("GET", PATH), 401)
        self.assert_problem(await self.get(PATH + "?state=asleep", "root"), 400)
        self.assertEqual([], await self.entries())

    async def test_who_is_connected_is_shown_as_it_stands(self) -> None:
        """Everything that tells a phone in trouble from one that is well."""
        will = Will("owntracks/ana/phone/status", b"gone", 0, False)
        phone = self.mqtt.connect("phone", keepalive=30, will=will, address="2001:db8::1")
        self.mqtt.host.forbidden = {"owntracks/ben/phone"}
        phone.publish("owntracks/ben/phone")
        (one,) = await self.entries()
        self.assertEqual(
            {
                "state": "connected",
                "client_id": "phone",
                "user": "ana",
                "address": "2001:db8::1",
                "port": 50_000,
                "listener": "mqtt",
                "protocol_level": 4,
                "clean_session": True,
                "connected_at": "2023-11-14T22:13:20Z",
                "last_heard": "2023-11-14T22:13:20Z",
                "keepalive": 30,
                "subscriptions": 0,
                "in_flight": 0,
                "queued": 0,
                "has_will": True,
                "refused_publishes": 1,
                "last_refused_topic": "owntracks/ben/phone",
            },
            one,
        )

    async def test_a_session_whose_client_is_away_is_shown_with_what_waits(self) -> None:
        """And since when it is away."""
        self.mqtt.resident("a/#", client_id="tablet").leave()
        self.mqtt.timers.advance(60)
        self.mqtt.phone().publish("a/b", b"123")
        one, two = await self.entries()
        self.assertEqual(("connected", "offline"), (one["state"], two["state"]))
        self.assertEqual(("tablet", 1, 1, 106), tuple(two[name] for name in AWAY))
        self.assertEqual("2023-11-14T22:13:20Z", two["offline_since"])
        self.assertEqual([two], await self.entries("?state=offline"))

    async def test_refusals_and_fights_are_shown_with_their_addresses(self) -> None:
        """Why does my phone not connect? Here is why."""
        self.mqtt.connect("phone", address="192.0.2.1")
        for address in ("192.0.2.2", "192.0.2.1"):
            self.mqtt.connect("phone", address=address)
        self.mqtt.host.refusal = Busy("Too many attempts.", 1)
        self.mqtt.connect("other", user="Ana", address="192.0.2.3")
        fight, refusal = await self.entries("?state=contended&state=refused")
        self.assertEqual(["192.0.2.2", "192.0.2.1"], fight["addresses"])
        self.assertEqual(
            ("phone", "ana", 2), (fight["client_id"], fight["user"], fight["takeovers"])
        )
        self.assertEqual(
            ("refused", "other", "Ana", "192.0.2.3", "server_unavailable", "Too many attempts."),
            tuple(refusal[name] for name in REFUSED),
        )

    async def test_who_is_not_let_in_by_http_is_shown_as_well(self) -> None:
        """A phone in HTTP mode with an old password, once however often it tries; never what was
        typed for a name."""
        for _ in range(2):
            await self.door.ask("POST", "/pub", basic("Ana", "wrong"), b"{}")
            self.door.room.timers.advance(60)
        await self.door.ask("GET", "/api/account", basic("hunter2 typed as a name", "wrong"))
        self.mqtt.host.refusal = Busy("Too many attempts.", 1)
        self.mqtt.connect("other", user="Ana")
        told = await self.entries("?state=refused")
        by_http = [one for one in told if one["listener"] == "http"]
        self.assertEqual([None, "ana"], [one["user"] for one in by_http])
        self.assertEqual((None, None), (by_http[1]["client_id"], by_http[1]["port"]))
        self.assertEqual("bad_credentials", by_http[1]["code"])
        self.assertEqual(3, len(told))
        self.assertNotIn("hunter2", str(told))

    async def test_a_failed_handshake_is_shown_in_words_with_what_to_do(self) -> None:
        """The name that was asked for beside those that we have; the latest first."""
        note = self.door.handshakes.note
        known: dict[str, Any] = {"port": 50_001, "listener": "mqtts", "ours": ["nas"]}
        note(address="192.0.2.9", asked=None, reason="it does not speak TLS", **known)
        for _ in range(2):
            note(
                address="192.0.2.8",
                asked="home",
                reason="it says that it does not know our CA",
                advice="Install it.",
                **known,
            )
        one, other = await self.entries("?state=handshake")
        self.assertEqual(
            {
                "state": "handshake",
                "at": "2025-06-15T15:06:40Z",
                "address": "192.0.2.8",
                "port": 50_001,
                "listener": "mqtts",
                "sni": "home",
                "names": ["nas"],
                "reason": "it says that it does not know our CA",
                "advice": "Install it.",
                "times": 2,
            },
            one,
        )
        self.assertEqual((None, "", 1), (other["sni"], other["advice"], other["times"]))
        self.assertEqual([one, other], await self.entries())

    async def test_pages_lead_to_each_other(self) -> None:
        """With the same question."""
        for client_id in "cab":
            self.mqtt.phone(client_id)
        path, seen = PATH + "?state=connected&limit=2", []
        while path:
            page = (await self.get(path, "root")).json()
            self.assertEqual(3, page["count"])
            seen += [one["client_id"] for one in page["results"]]
            path = (page["next"] or "").removeprefix(self.door.origin)
        self.assertEqual(["a", "b", "c"], seen)
        self.assertIn("state=connected&limit=2&offset=0", page["previous"])


AWAY = ("client_id", "subscriptions", "queued", "queued_bytes")
REFUSED = ("state", "client_id", "user", "address", "code", "reason")
FIGHT = ("client_id", "user", "takeovers")
