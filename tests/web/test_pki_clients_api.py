"""Client certificates over REST: an administrator's, one's own; and what anybody may fetch."""

from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.web.api.pki.shapes import ClientPage
from tests.pki import lab
from tests.pki.room import openssl, serials
from tests.web.callers import by_device, by_token
from tests.web.door import Reply
from tests.web.pki_case import CA, CLIENTS, CRL, OWN, PASSPHRASE, QUICK, PKICase, Shown

MEMBERS = {
    *("id", "common_name", "organization", "organizational_unit", "fingerprint", "serial_number"),
    *("key_type", "key_size", "not_valid_before", "not_valid_after", "is_active", "created_at"),
    *("user", "username", "issuing_ca", "issuing_ca_name", "state", "revoked", "revoked_at"),
    *("revokes_at", "reason", "has_key"),
}


class ClientTests(PKICase):
    """What an administrator does with them."""

    async def test_a_new_one_is_its_users_and_shown_without_certificate_and_key(self) -> None:
        """RSA with 2048 bits if nobody says otherwise."""
        authority = await self.authority()
        reply = await self.root.call("POST", CLIENTS, {"user_id": self.ana_number})
        self.assertEqual(201, reply.status, reply.body)
        made = reply.json()
        self.assertEqual(MEMBERS, set(made))
        self.assertEqual(
            ("ana", self.ana_number, "ana", authority["id"], "My Tracks CA", "rsa", 2048),
            tuple(
                made[name]
                for name in (
                    *("common_name", "user", "username", "issuing_ca", "issuing_ca_name"),
                    *("key_type", "key_size"),
                )
            ),
        )
        self.assertEqual(
            (True, "active", False, None, None, None, True),
            tuple(made[name] for name in STANDING),
        )
        self.assertEqual([made], await self.results(CLIENTS))
        self.assertEqual(made, await self.shown(f"{CLIENTS}/{made['id']}"))
        self.assertNotIn("BEGIN", str(made))
        msgspec.convert(await self.shown(CLIENTS + "/"), ClientPage)

    async def test_what_is_wrong_is_named(self) -> None:
        """And no authority is the first thing that is wrong."""
        body: dict[str, Any] = QUICK | {"user_id": self.ana_number}
        self.assertEqual(set(), await self.refused(400, "POST", CLIENTS, body))
        await self.authority()
        self.assertEqual({"user_id"}, await self.refused(400, "POST", CLIENTS, {}))
        await self.refused(404, "POST", CLIENTS, body | {"user_id": 999})
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"user_id": "ana"}, "user_id"),
            ({"validity_days": 1827}, "validity_days"),
            ({"grace_days": -1}, "grace_days"),
            ({"grace_days": 91}, "grace_days"),
            ({"key_type": "rsa", "key_size": 1024}, "key_size"),
        ]
        for part, field in wrong:
            found = await self.refused(400, "POST", CLIENTS, body | part)
            self.assertEqual({field}, found, part)
        self.assertEqual([], await self.results(CLIENTS))

    async def test_a_list_can_be_of_one_user(self) -> None:
        """The newest first, page by page."""
        await self.authority()
        root = self.door.people.accounts.named("root").number
        mine, theirs, newer = (
            await self.client(),
            await self.client(user_id=root),
            await self.client(),
        )
        everybody = await self.results(CLIENTS)
        self.assertEqual(
            [newer["id"], theirs["id"], mine["id"]], [each["id"] for each in everybody]
        )
        self.assertEqual([theirs], await self.results(f"{CLIENTS}?user_id={root}"))
        page = await self.shown(f"{CLIENTS}?user_id={self.ana_number}&limit=1")
        self.assertEqual((2, [newer]), (page["count"], page["results"]))
        self.assertIn(f"user_id={self.ana_number}", page["next"])
        self.assertEqual({"user_id"}, await self.refused(400, "GET", f"{CLIENTS}?user_id=ana"))

    async def test_a_newer_one_revokes_the_one_before_or_leaves_it_for_a_while(self) -> None:
        """Superseded is revoked."""
        await self.authority()
        first = await self.client()
        second = await self.client()
        shown = await self.shown(f"{CLIENTS}/{first['id']}")
        self.assertEqual(
            (False, "revoked", True, "superseded"),
            tuple(shown[name] for name in ("is_active", "state", "revoked", "reason")),
        )
        await self.client(grace_days=7)
        shown = await self.shown(f"{CLIENTS}/{second['id']}")
        self.assertEqual(
            (True, False, None, None),
            tuple(shown[name] for name in ("is_active", "revoked", "revoked_at", "reason")),
        )
        self.assertIsNotNone(shown["revokes_at"])
        await self.refused(400, "DELETE", f"{CLIENTS}/{second['id']}/expunge")

    async def test_a_revoked_one_is_on_the_list_and_stays_there_when_it_is_deleted(self) -> None:
        """400 for what was done already, or cannot be yet."""
        await self.authority()
        made = await self.client()
        path, serial = f"{CLIENTS}/{made['id']}", int(made["serial_number"], 16)
        await self.refused(400, "DELETE", f"{path}/expunge")
        number = self.pki.lists.number() or 0
        reply = await self.root.call("POST", f"{path}/revoke/", {"reason": "key-compromise"})
        self.assertEqual(200, reply.status, reply.body)
        shown = reply.json()
        self.assertEqual(
            (False, True, "key-compromise"),
            tuple(shown[name] for name in ("is_active", "revoked", "reason")),
        )
        self.assertEqual(number + 1, self.pki.lists.number())
        await self.refused(400, "POST", f"{path}/revoke")
        self.assertEqual(
            {"reason"}, await self.refused(400, "POST", f"{path}/revoke", {"reason": "boredom"})
        )
        await self.done("DELETE", f"{path}/expunge/")
        await self.refused(404, "GET", path)
        self.assertEqual([], await self.results(CLIENTS))
        self.assertEqual([serial], serials((await self.fetched(f"{CRL}?format=der")).body))

    async def test_no_reason_need_be_given(self) -> None:
        """Not even a body."""
        await self.authority()
        made = await self.client()
        reply = await self.root.call("POST", f"{CLIENTS}/{made['id']}/revoke")
        self.assertEqual((200, "unspecified"), (reply.status, reply.json()["reason"]))

    async def test_of_a_deleted_account_it_says_so(self) -> None:
        """The daemon tells the certificates of it; here the test does."""
        await self.authority()
        made = await self.client()
        self.pki.clients.forget_user(self.ana_number)
        await self.door.people.accounts.delete(self.ana_number, by=COMMAND_LINE)
        shown = await self.shown(f"{CLIENTS}/{made['id']}")
        self.assertEqual(
            (False, None, None), (shown["is_active"], shown["user"], shown["username"])
        )

    async def test_one_made_elsewhere_is_let_in_once_it_was_brought(self) -> None:
        """Signed by an authority of ours, and by no other."""
        ca = lab.authority("Elsewhere")
        brought = {"certificate": ca.pem.decode(), "key": ca.key_pem.decode()}
        self.assertEqual(201, (await self.root.call("POST", f"{CA}/import", brought)).status)
        body = {"user_id": self.ana_number, "certificate": lab.make("ana", ca).pem.decode()}
        reply = await self.root.call("POST", f"{CLIENTS}/import", body)
        self.assertEqual(201, reply.status, reply.body)
        self.assertEqual((True, False), (reply.json()["is_active"], reply.json()["has_key"]))
        await self.refused(400, "POST", f"{CLIENTS}/{reply.json()['id']}/download", LOCKED)
        await self.refused(409, "POST", f"{CLIENTS}/import", body)
        foreign = body | {"certificate": lab.make("ana", lab.authority("Foreign")).pem.decode()}
        self.assertEqual(
            {"certificate"}, await self.refused(400, "POST", f"{CLIENTS}/import", foreign)
        )

    async def fetched(self, path: str) -> Reply:
        """As somebody whom nobody knows."""
        return await self.door.ask("GET", path)


class DownloadTests(PKICase):
    """Bundles."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.authority()
        self.leaf: Shown = await self.client()
        self.path = f"{CLIENTS}/{self.leaf['id']}/download"

    async def test_both_kinds_of_p12_open_with_openssl(self) -> None:
        """The one without any legacy provider: triple DES is not RC2."""
        for form, said in (("p12", "pbeWithSHA1And3-KeyTripleDES-CBC"), ("p12-modern", "AES-256")):
            reply = await self.downloaded(self.path, format=form)
            self.assert_file(reply, "application/x-pkcs12", "ana.p12")
            opened = openssl(*SHOWN, "-in", self.written(reply.body), *UNLOCKED)
            self.assertIn(said, opened)
            self.assertEqual(2, opened.count("BEGIN CERTIFICATE"))
            self.assertIn("PRIVATE KEY", opened)

    async def test_pem_has_its_key_locked(self) -> None:
        """Certificate, key, authority."""
        reply = await self.downloaded(self.path, format="pem")
        self.assert_file(reply, "application/x-pem-file", "ana.pem")
        self.assertIn(b"BEGIN ENCRYPTED PRIVATE KEY", reply.body)
        key: Any = load_pem_private_key(reply.body, PASSPHRASE.encode())
        found = x509.load_pem_x509_certificates(reply.body)
        self.assertEqual(found[0].public_key(), key.public_key())

    async def test_for_iphones_it_is_named_otrp(self) -> None:
        """The same p12."""
        reply = await self.downloaded(self.path, format="otrp")
        self.assert_file(reply, "application/x-pkcs12", "ana.otrp")

    async def test_p12_is_what_comes_if_nobody_says_otherwise(self) -> None:
        """It opens everywhere."""
        self.assert_file(await self.downloaded(self.path), "application/x-pkcs12", "ana.p12")

    async def test_a_password_is_needed_and_a_format_that_there_is(self) -> None:
        """Phones open no bundle without one."""
        for body, field in (
            ({}, "password"),
            ({"password": "seven77"}, "password"),
            ({"password": PASSPHRASE, "format": "jks"}, "format"),
        ):
            self.assertEqual({field}, await self.refused(400, "POST", self.path, body), body)

    async def test_a_revoked_one_is_not_handed_out(self) -> None:
        """It would help nobody."""
        await self.root.call("POST", f"{CLIENTS}/{self.leaf['id']}/revoke")
        await self.refused(400, "POST", self.path, LOCKED)
        await self.refused(404, "POST", f"{CLIENTS}/999/download", LOCKED)

    async def test_with_get_it_is_the_certificate_alone(self) -> None:
        """As the original does."""
        reply = await self.root.call("GET", self.path)
        self.assert_file(reply, "application/x-pem-file", "ana.pem")
        self.assertNotIn(b"PRIVATE", reply.body)
        found = x509.load_pem_x509_certificate(reply.body)
        self.assertEqual(int(self.leaf["serial_number"], 16), found.serial_number)

    async def test_each_is_noted_with_who_took_it(self) -> None:
        """And in what form."""
        await self.downloaded(self.path)
        who, action, _, detail = self.door.certificates.audit.entries[-1]
        self.assertEqual(("root", "pki.client.download"), (who, action))
        self.assertIn("p12", detail)


class OwnTests(PKICase):
    """`/api/account/certificates`."""

    async def test_everybody_has_their_own_and_no_other(self) -> None:
        """Of somebody else's it is not even told that there is one."""
        await self.authority()
        root = self.door.people.accounts.named("root").number
        mine, theirs = await self.client(), await self.client(user_id=root)
        self.assertEqual([mine], await self.results(OWN, self.ana))
        self.assertEqual([theirs], await self.results(OWN + "/"))
        reply = await self.ana.call("POST", f"{OWN}/{mine['id']}/download", LOCKED)
        self.assert_file(reply, "application/x-pkcs12", "ana.p12")
        openssl(*SHOWN, "-in", self.written(reply.body), *UNLOCKED)
        reply = await self.ana.call("POST", f"{OWN}/{theirs['id']}/download/", LOCKED)
        self.assert_problem(reply, 404)
        self.assertEqual("ana", self.door.certificates.audit.entries[-1][0])

    async def test_it_takes_a_person(self) -> None:
        """A lost phone does not fetch keys."""
        for caller in (await by_device(self.door), await by_token(self.door, "ana", [Scope.READ])):
            self.assert_problem(await caller.call("GET", OWN), 403)
            self.assert_problem(await caller.call("POST", f"{OWN}/1/download", LOCKED), 403)


class OpenTests(PKICase):
    """The revocation list and the authority's certificate: for anybody."""

    async def test_without_an_authority_there_is_neither(self) -> None:
        """404, and a problem document."""
        for path in (CRL, f"{CRL}?format=der", "/ca.crt", "/ca.der"):
            self.assert_problem(await self.door.ask("GET", path), 404)

    async def test_the_list_verifies_with_openssl_and_its_number_grows(self) -> None:
        """PEM and DER, with the authority's key identifier."""
        await self.authority()
        numbers = []
        for _ in range(2):
            pem, der = [await self.door.ask("GET", path) for path in (CRL, f"{CRL}/?format=der")]
            self.assert_file(pem, "application/x-pem-file", "my-tracks.crl")
            self.assert_file(der, "application/pkix-crl", "my-tracks.crl")
            ca = self.written((await self.door.ask("GET", "/ca.crt")).body)
            for form, body in (("PEM", pem.body), ("DER", der.body)):
                words = ("crl", "-inform", form, "-in", self.written(body), "-CAfile", ca)
                said = openssl(*words, "-noout", "-text")
                self.assertIn("verify OK", said)
                self.assertIn("Authority Key Identifier", said)
            read = x509.load_der_x509_crl(der.body)
            number = read.extensions.get_extension_for_class(x509.CRLNumber).value
            numbers.append(number.crl_number)
            made = await self.client()
            await self.root.call("POST", f"{CLIENTS}/{made['id']}/revoke")
        self.assertLess(numbers[0], numbers[1])
        self.assert_problem(await self.door.ask("GET", f"{CRL}?format=xml"), 400)

    async def test_the_authority_is_what_phones_install(self) -> None:
        """The one that signs, in either form."""
        await self.authority(common_name="Old")
        made = await self.authority(common_name="New")
        pem = await self.door.ask("GET", "/ca.crt")
        self.assertEqual(made["certificate_pem"].encode(), pem.body)
        for path in ("/ca.der", "/ca.crt?format=der", "/ca.crt/?format=der"):
            der = await self.door.ask("GET", path)
            self.assertEqual((200, KIND), (der.status, der.headers["content-type"]))
            self.assertEqual(
                x509.load_pem_x509_certificate(pem.body), x509.load_der_x509_certificate(der.body)
            )
        self.assertEqual(KIND, pem.headers["content-type"])
        self.assertNotIn("content-disposition", pem.headers)


LOCKED = {"password": PASSPHRASE}
KIND = "application/x-x509-ca-cert"
SHOWN = ("pkcs12", "-info", "-nodes")
UNLOCKED = ("-passin", f"pass:{PASSPHRASE}")
STANDING = ("is_active", "state", "revoked", "revoked_at", "revokes_at", "reason", "has_key")
