"""`/api/devices/{user}/{device}`: how a device is seen, its password, and its end."""

from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.phones.ports import Message
from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.tracks.locations import Recorded
from tests.people.room import GOOD
from tests.tracks.memory import NOW, PHONE, TABLET, fix
from tests.web.callers import (
    ADMIN,
    PROBLEM,
    Caller,
    administrator,
    audited,
    by_token,
    signed_in,
)
from tests.web.door import Door, Reply, basic

ONE = "/api/devices/ana/phone"


class DeviceCase(TestCase):
    """Ana with a phone and a tablet; root, who is an administrator and no more than that."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(self.close)
        await administrator(self.door)
        self.ana: Caller = await signed_in(self.door)
        self.door.store(PHONE, Recorded(PHONE, fix(NOW, tid="aa")), Recorded(PHONE, fix(NOW + 1)))
        self.door.store(TABLET, Recorded(TABLET, fix(NOW)))

    async def close(self) -> None:
        await self.door.close()

    async def shown(self) -> dict[str, Any]:
        """The phone."""
        return dict((await self.ana.call("GET", ONE)).json())

    def assert_refused(self, reply: Reply, status: int, *fields: str) -> None:
        """A problem document that names exactly these fields."""
        self.assertEqual((status, PROBLEM), (reply.status, reply.headers.get("content-type")))
        self.assertEqual(set(fields), set(reply.json()["errors"]), reply.body)


class LookTests(DeviceCase):
    """PATCH."""

    async def test_name_tid_and_colour_are_its_owners(self) -> None:
        """Its address stays what the phone says; the key is never told again."""
        wanted = {"name": "Ana's old phone", "tid": "AO", "color": "#FF8800"}
        reply = await self.ana.call("PATCH", ONE, {**wanted, "encryption_key": "a secret"})
        self.assertEqual(200, reply.status, reply.body)
        for shown in (reply.json(), await self.shown()):
            self.assertEqual(
                {**wanted, "color": "#ff8800", "id": "ana/phone", "has_encryption_key": True},
                {n: shown[n] for n in (*wanted, "id", "has_encryption_key")},
            )
            self.assertNotIn("secret", str(shown))
            self.assertNotIn("encryption_key", shown)
        ((place, key),) = self.door.desk.keys.items()
        self.assertEqual((PHONE.number, b"device/1/encryption_key a secret"), (place, key))
        self.assertIn(("ana", "device.change", "device:ana/phone"), audited(self.door))
        self.assertNotIn("secret", str(self.door.room.store.audit.rows))

    async def test_a_phones_own_tid_does_not_take_its_owners_place(self) -> None:
        """Until the owner gives it back."""
        await self.ana.call("PATCH", ONE, {"tid": "ZZ"})
        self.door.store(PHONE, Recorded(PHONE, fix(NOW + 5, tid="bb")))
        self.assertEqual("ZZ", (await self.shown())["tid"])
        reply = await self.ana.call("PATCH", ONE, {"tid": None})
        self.assertEqual("bb", reply.json()["tid"])

    async def test_what_is_not_named_stays_and_null_gives_it_back(self) -> None:
        """A key that is removed is gone."""
        await self.ana.call("PATCH", ONE, {"name": "N", "color": "#000000", "encryption_key": "k"})
        shown = (await self.ana.call("PATCH", ONE, {"tid": "x"})).json()
        self.assertEqual(
            ("N", "#000000", True), (shown["name"], shown["color"], shown["has_encryption_key"])
        )
        nothing = dict.fromkeys(("name", "color", "encryption_key"))
        shown = (await self.ana.call("PATCH", ONE, nothing)).json()
        self.assertEqual(
            ("phone", None, False), (shown["name"], shown["color"], shown["has_encryption_key"])
        )
        self.assertEqual({1: None}, self.door.desk.keys)

    async def test_every_wrong_field_is_named_and_nothing_is_half_done(self) -> None:
        """The good ones beside them stay out."""
        for body, fields in (
            ({"name": "x" * 65, "tid": "abc", "color": "red", "encryption_key": "k" * 33}, None),
            ({"name": 1, "tid": 2, "color": 3, "encryption_key": 4}, None),
            ({"color": "#12345g"}, None),
            ({"name": "a\nb", "tid": "\x7f"}, None),
            ({"encryption_key": "\u00fc" * 17, "tid": "x"}, ["encryption_key"]),
            ({"owner_username": "root", "name": "x"}, ["owner_username"]),
        ):
            self.assert_refused(await self.ana.call("PATCH", ONE, body), 400, *(fields or body))
        shown = await self.shown()
        self.assertEqual(("phone", None), (shown["name"], shown["color"]))
        self.assertEqual({}, self.door.desk.keys)

    async def test_a_full_disk_changes_nothing(self) -> None:
        """What is shown is what is stored."""
        self.door.room.store.transactions.failing = True
        self.assertEqual(503, (await self.ana.call("PATCH", ONE, {"name": "N"})).status)
        self.assertEqual("phone", (await self.shown())["name"])


class RemovalTests(DeviceCase):
    """DELETE."""

    async def test_it_is_gone_with_its_places_and_its_password(self) -> None:
        """The other device stays; what its phone sends later makes a new one."""
        account = self.door.people.accounts.named("ana")
        issued = await self.door.people.device_passwords.issue(account, "phone", by=COMMAND_LINE)
        phone = Caller(self.door, "phone", basic("ana", issued.password))
        self.assertEqual(204, (await self.ana.call("DELETE", ONE)).status)
        self.assert_refused(await self.ana.call("GET", ONE), 404)
        self.assert_refused(await self.ana.call("GET", f"{ONE}/locations"), 404)
        page = (await self.ana.call("GET", "/api/devices")).json()
        self.assertEqual(["ana/tablet"], [each["id"] for each in page["results"]])
        locations = (await self.ana.call("GET", "/api/locations")).json()
        self.assertEqual({"ana/tablet"}, {each["device"] for each in locations["results"]})
        self.assertEqual(401, (await phone.call("POST", "/pub", {})).status)
        self.assertEqual(([PHONE.number], [PHONE]), (self.door.desk.left, self.door.withdrawn))
        self.assertIn(("ana", "device.delete", "device:ana/phone"), audited(self.door))
        self.assert_refused(await self.ana.call("DELETE", ONE), 404)

    async def test_a_message_on_its_way_does_not_bring_it_back(self) -> None:
        """It was taken before, and is told of after."""
        await self.ana.call("DELETE", ONE)
        self.door.tracks.devices.note(PHONE, NOW + 9, fix(NOW + 9))
        self.assert_refused(await self.ana.call("GET", ONE), 404)

    async def test_a_full_disk_removes_nothing(self) -> None:
        """Nor cuts anybody off."""
        self.door.room.store.transactions.failing = True
        self.assertEqual(503, (await self.ana.call("DELETE", ONE)).status)
        self.assertEqual(200, (await self.ana.call("GET", ONE)).status)
        self.assertEqual([], self.door.withdrawn)


class CredentialTests(DeviceCase):
    """`…/credential`."""

    async def test_one_is_made_for_a_device_that_need_not_be_there(self) -> None:
        """It is told once, and lets the phone in."""
        reply = await self.ana.call("POST", "/api/devices/Ana/new%20phone/credential")
        self.assertEqual((201, {"username", "password"}), (reply.status, set(reply.json())))
        self.assertEqual("ana", reply.json()["username"])
        phone = basic("ana", reply.json()["password"])
        self.assertEqual(200, (await self.door.ask("POST", "/pub", phone, b"{}")).status)
        self.assertIn(("ana", "device.credential", "device:ana/new phone"), audited(self.door))

    async def test_a_new_one_replaces_the_old(self) -> None:
        """A phone that was lost is out."""
        old, new = [(await self.ana.call("POST", f"{ONE}/credential")).json() for _ in range(2)]
        for each, status in ((old, 401), (new, 200)):
            headers = basic("ana", each["password"])
            self.assertEqual(status, (await self.door.ask("POST", "/pub", headers, b"{}")).status)

    async def test_revoked_is_out_at_once(self) -> None:
        """Without a new one; twice finds nothing."""
        made = (await self.ana.call("POST", f"{ONE}/credential")).json()
        self.assertEqual(204, (await self.ana.call("DELETE", f"{ONE}/credential")).status)
        headers = basic("ana", made["password"])
        self.assertEqual(401, (await self.door.ask("POST", "/pub", headers, b"{}")).status)
        self.assert_refused(await self.ana.call("DELETE", f"{ONE}/credential"), 404)

    async def test_impossible_names_are_refused(self) -> None:
        """As they would be on the first message."""
        for name in ("a%2Bb", "a%23b", "x" * 65, "%01"):
            reply = await self.ana.call("POST", f"/api/devices/ana/{name}/credential")
            self.assert_refused(reply, 400, "device")

    async def test_nobody_has_more_devices_than_they_may(self) -> None:
        """One that is there gets a password all the same."""
        devices, full = self.door.tracks.devices, 0
        while devices.admit(PHONE.owner, f"d{full}"):
            full += 1
        reply = await self.ana.call("POST", "/api/devices/ana/more/credential")
        self.assert_refused(reply, 409)
        self.assertEqual("You have as many devices as you may.", reply.json()["detail"])
        self.assertEqual(201, (await self.ana.call("POST", f"{ONE}/credential")).status)


class OthersTests(DeviceCase):
    """Whose devices these are not, and what does not stand for a person."""

    async def test_others_devices_are_not_there(self) -> None:
        """Not even to an administrator, for whom being one shows nobody's places."""
        for name in ("eve", ADMIN):
            if name == "eve":
                await self.door.people.accounts.add(name, GOOD, by=COMMAND_LINE)
            other = await signed_in(self.door, name)
            for method, path in (
                ("GET", ONE),
                ("PATCH", ONE),
                ("DELETE", ONE),
                ("GET", f"{ONE}/messages"),
                ("GET", f"{ONE}/locations"),
                ("POST", f"{ONE}/credential"),
                ("DELETE", f"{ONE}/credential"),
                ("POST", "/api/devices/nobody/phone/credential"),
            ):
                self.assert_refused(await other.call(method, path), 404)
        self.assertEqual(200, (await self.ana.call("GET", ONE)).status)

    async def test_a_token_reads_and_no_more(self) -> None:
        """A script that leaks must not remove what it can read, nor let phones in."""
        script = await by_token(self.door, "ana", [Scope.READ, Scope.INGEST, Scope.COMMAND])
        self.assertEqual(200, (await script.call("GET", ONE)).status)
        for method, path in (
            ("PATCH", ONE),
            ("DELETE", ONE),
            ("POST", f"{ONE}/credential"),
            ("DELETE", f"{ONE}/credential"),
        ):
            self.assert_refused(await script.call(method, path, {}), 403)


class ListTests(DeviceCase):
    """What hangs below one device."""

    async def test_its_places(self) -> None:
        """Of no other device, whatever the query says, with links to this very list."""
        page = (await self.ana.call("GET", f"{ONE}/locations?limit=1&device=ana/tablet")).json()
        self.assertEqual(
            (2, ["ana/phone"]), (page["count"], [e["device"] for e in page["results"]])
        )
        self.assertIn(f"{ONE}/locations?", page["next"])
        following = await self.ana.call("GET", page["next"].removeprefix(self.door.origin))
        self.assertEqual(["ana/phone"], [e["device"] for e in following.json()["results"]])

    async def test_its_messages(self) -> None:
        """What it said beside its places; what is no JSON is told as such."""
        said = {"kind": "card", "topic": "owntracks/ana/phone/info", "received": NOW}
        self.door.messages.rows[PHONE.number] = [
            Message(number=2, body=b'{"_type":"card","name":"Ana"}', **said),  # type: ignore[arg-type]
            Message(number=1, body=b"\xff", **said),  # type: ignore[arg-type]
        ]
        page = (await self.ana.call("GET", f"{ONE}/messages")).json()
        self.assertEqual(2, page["count"])
        first, second = page["results"]
        self.assertEqual({"_type": "card", "name": "Ana"}, first["message"])
        self.assertIsNone(second["message"])
        self.assertEqual((2, "card", NOW), (first["id"], first["type"], first["received_at_unix"]))
        page = (await self.ana.call("GET", f"{ONE}/messages?limit=1&offset=1")).json()
        self.assertEqual([1], [each["id"] for each in page["results"]])
