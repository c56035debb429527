"""What the `mytracks` command can have done to certificates and keys."""

import base64
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12
from twisted.internet.defer import Deferred

from mytracks.control import keys as key_operations
from mytracks.control import pki as pki_operations
from mytracks.control.operations import Operations
from mytracks.control.wire import Answer, Refusal, decode_answer, encode_answer
from mytracks.pki.keyring import open_keyring
from tests.control.test_operations import WELL
from tests.people.room import Room as PeopleRoom
from tests.pki import lab
from tests.pki.room import PKICase, Room


class PKIOperationsCase(PKICase):
    """The tables on real rooms: certificates and people."""

    async def standing(self, public_host: str | None = None) -> Room:
        """Both, with ana."""
        room = await self.opened(began=lab.now().timestamp())
        self.people = people = await PeopleRoom().open()
        self.addCleanup(lambda: Deferred.fromCoroutine(people.close()))
        await people.account()
        more = pki_operations.table(room.pki, people.people, public_host)
        self.operations = Operations(people.people, lambda: WELL, "sqlite", more)
        return room

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


class PKIOperationsTests(PKIOperationsCase):
    """Made, brought, listed, revoked."""

    async def test_an_authority_a_server_and_a_client_are_made(self) -> None:
        """In that order; each is told without its key."""
        room = await self.standing()
        ca = await self.done("pki.init", common_name="Ours", days=90, key="p256")
        self.assertIn("CN=Ours", ca["subject"])
        self.assertEqual(("ca", "active", []), (ca["kind"], ca["state"], ca["lacks"]))
        server = await self.done("pki.server", names=["nas.test", "192.0.2.1"])
        self.assertEqual(["nas.test", "192.0.2.1"], server["names"])
        self.assertIn("CN=nas.test", server["subject"])
        client = await self.done("pki.client", user="ANA", key="p256")
        self.assertEqual(("ana", "active"), (client["user"], client["state"]))
        self.assertGreaterEqual(len(client["password"]), 16)
        bundle = base64.b64decode(client["bundle"])
        found = pkcs12.load_pkcs12(bundle, client["password"].encode())
        assert found.cert is not None
        self.assertEqual(client["serial"], f"{found.cert.certificate.serial_number:x}")
        self.assertIsNotNone(room.pki.clients.holder(bytes.fromhex(client["fingerprint"])))
        listed = await self.done("pki.list")
        self.assertEqual([ca], listed["authorities"])
        self.assertEqual([server], listed["servers"])
        self.assertEqual([client["serial"]], [each["serial"] for each in listed["clients"]])
        self.assertNotIn("PRIVATE", str(listed))

    async def test_a_password_that_was_given_is_not_told(self) -> None:
        """It is known."""
        await self.standing()
        await self.done("pki.init", key="p256")
        client = await self.done(
            "pki.client", user="ana", key="p256", format="p12-modern", password="long enough"
        )
        self.assertNotIn("password", client)
        self.assertIsNotNone(pkcs12.load_pkcs12(base64.b64decode(client["bundle"]), b"long enough"))

    async def test_a_password_that_cannot_be_costs_nobody_their_certificate(self) -> None:
        """The one before would be revoked for one that nobody gets."""
        room = await self.standing()
        await self.done("pki.init", key="p256")
        first = await self.done("pki.client", user="ana", key="p256")
        await self.refused("pki.client", user="ana", key="p256", password="short")
        self.assertIsNotNone(room.pki.clients.holder(bytes.fromhex(first["fingerprint"])))
        self.assertEqual(1, len((await self.done("pki.list"))["clients"]))

    async def test_without_names_the_server_is_what_the_world_calls_it(self) -> None:
        """And what this machine is called."""
        await self.standing("tracks.example")
        await self.done("pki.init", key="p256")
        server = await self.done("pki.server")
        self.assertIn("tracks.example", server["names"])

    async def test_what_an_authority_made_elsewhere_lacks_is_told(self) -> None:
        """The one of the original may sign anything."""
        await self.standing()
        uses = lab.usage("key_cert_sign", "crl_sign", "digital_signature")
        other = lab.authority("Elsewhere", uses)
        brought = await self.done(
            "pki.import", certificate=other.pem.decode(), key=other.key_pem.decode()
        )
        self.assertNotEqual([], brought["lacks"])
        self.assertEqual(f"{other.certificate.serial_number:x}", brought["serial"])
        refused = await self.refused("pki.import", certificate="nothing", key="nothing")
        self.assertEqual("invalid", refused.kind)

    async def test_a_serial_of_any_kind_is_revoked(self) -> None:
        """A client's lets nobody in, a server's is not shown, an authority's ends all of it."""
        room = await self.standing()
        ca = await self.done("pki.init", key="p256")
        server = await self.done("pki.server", names=["nas.test"])
        first = await self.done("pki.client", user="ana", key="p256")
        colons = ":".join(first["serial"][i : i + 2] for i in range(0, len(first["serial"]), 2))
        gone = await self.done("pki.revoke", serial=colons.upper(), reason="key-compromise")
        self.assertEqual("revoked", gone["state"])
        self.assertIsNone(room.pki.clients.holder(bytes.fromhex(first["fingerprint"])))
        second = await self.done("pki.client", user="ana", key="p256")
        self.assertEqual("inactive", (await self.done("pki.revoke", **serial(server)))["state"])
        self.assertEqual({}, dict(room.pki.trust.now.identities))
        self.assertEqual("ended", (await self.done("pki.revoke", **serial(ca)))["state"])
        self.assertIsNone(room.pki.clients.holder(bytes.fromhex(second["fingerprint"])))
        self.assertEqual("conflict", (await self.refused("pki.revoke", **serial(first))).kind)

    async def test_what_cannot_be_is_refused_and_says_why(self) -> None:
        """In words that name the argument."""
        await self.standing()
        self.assertEqual("conflict", (await self.refused("pki.server", names=["a.test"])).kind)
        await self.done("pki.init", key="p256")
        for operation, arguments, kind in (
            ("pki.init", {"key": "rsa1024"}, "invalid"),
            ("pki.init", {"days": 0, "key": "p256"}, "invalid"),
            ("pki.server", {"names": ["not a name"]}, "invalid"),
            ("pki.server", {"names": ["a.test"], "days": 826}, "invalid"),
            ("pki.client", {"user": "nobody"}, "not_found"),
            ("pki.client", {"user": "ana", "format": "zip"}, "invalid"),
            ("pki.client", {"user": "ana", "key": "p256", "password": "short"}, "invalid"),
            ("pki.revoke", {"serial": "abc"}, "not_found"),
            ("pki.revoke", {"serial": "xyz"}, "not_found"),
            ("pki.revoke", {"serial": "abc", "reason": "boredom"}, "invalid"),
            ("pki.list", {"more": 1}, "invalid"),
        ):
            refused = await self.refused(operation, **arguments)
            self.assertEqual(kind, refused.kind, (operation, arguments))
            self.assertNotEqual("", refused.text)


class KeyOperationsTests(PKIOperationsCase):
    """A new key, while everything is in use."""

    async def test_keys_that_are_still_named_are_kept(self) -> None:
        """Something else than a certificate may be sealed with one."""
        room = await self.standing()
        ring = open_keyring(self.written(b"").with_name("keyring"), sealed_exists=False)
        old = ring.add_key()
        named = {old}

        async def in_use() -> set[bytes]:
            return set(named)

        async def payload_keys(reseal: Callable[[str, bytes], bytes]) -> int:
            self.assertEqual(b"secret", ring.unseal("a/1/b", reseal("a/1/b", sealed)))
            return 1

        sealed = ring.seal("a/1/b", b"secret")
        table = key_operations.table(ring, room.pki, self.people.people, payload_keys, in_use)
        done = await table["key.rotate"]({})
        self.assertEqual({"resealed": 1, "keys": 2, "forgotten": 0}, done)
        self.assertIn(old, ring.ids)
        named.clear()
        done = await table["key.rotate"]({})
        self.assertEqual((1, 2), (done["keys"], done["forgotten"]))
        self.assertNotIn(old, ring.ids)
        entry = self.people.store.audit.rows[-1]
        self.assertEqual(("key.rotate", "keyring"), (entry.action, entry.what))


def serial(made: dict[str, Any]) -> dict[str, str]:
    """As an argument."""
    return {"serial": made["serial"]}
