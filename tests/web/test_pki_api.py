"""`/api/admin/pki/ca` and `server-cert`: certificates as administrators' scripts handle them."""

from typing import Any

import msgspec
from cryptography import x509

from mytracks.web.api.pki.shapes import AuthorityPage, ServerPage
from tests.pki import lab
from tests.pki.room import openssl
from tests.web.pki_case import CA, CLIENTS, QUICK, SERVER, PKICase, Shown

ANY = {
    *("id", "common_name", "organization", "organizational_unit", "fingerprint", "serial_number"),
    *("key_type", "key_size", "not_valid_before", "not_valid_after", "is_active", "created_at"),
}


def read(shown: Shown) -> x509.Certificate:
    """The certificate that is shown."""
    return x509.load_pem_x509_certificate(shown["certificate_pem"].encode())


def days(shown: Shown) -> int:
    """How long it is good, whole days."""
    certificate = read(shown)
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return round(lasts.total_seconds() / 86_400)


class AuthorityTests(PKICase):
    """The authorities."""

    async def test_a_new_one_is_shown_with_what_is_known_of_it_and_no_key(self) -> None:
        """The original's members and ours."""
        self.assertEqual([], await self.results(CA))
        await self.refused(404, "GET", f"{CA}/active")
        made = await self.authority(common_name="Family")
        self.assertEqual(
            ANY | {"is_trusted", "imported", "lacks", "crl_number", "certificate_pem"}, set(made)
        )
        certificate = read(made)
        self.assertEqual(f"0x{certificate.serial_number:x}", made["serial_number"])
        said = openssl("x509", "-in", self.written(made["certificate_pem"]), *FINGERPRINT)
        self.assertEqual(said.strip().partition("=")[2], made["fingerprint"])
        self.assertEqual(
            ("Family", "My Tracks", "p256", 256, True, True, False, [], 1),
            tuple(made[name] for name in MEMBERS),
        )
        self.assertEqual(3650, days(made))
        self.assertNotIn("PRIVATE", str(made))
        self.assertEqual(made, await self.shown(f"{CA}/active"))
        self.assertEqual(made, await self.shown(f"{CA}/{made['id']}/"))
        self.assertEqual([made], await self.results(CA))
        msgspec.convert(await self.shown(CA + "/"), AuthorityPage)

    async def test_keys_and_lifetimes_can_be_chosen_and_are_looked_at(self) -> None:
        """Each wrong member is named, and nothing is made."""
        made = await self.authority(key_type="rsa", key_size=2048, validity_days=36_500)
        self.assertEqual(("rsa", 2048, 36_500), (made["key_type"], made["key_size"], days(made)))
        made = await self.authority(key_type=None, key_size=3072)
        self.assertEqual(("rsa", 3072), (made["key_type"], made["key_size"]))
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"validity_days": 0}, "validity_days"),
            ({"validity_days": 36_501}, "validity_days"),
            ({"validity_days": "ten"}, "validity_days"),
            ({"key_type": "rsa", "key_size": 1024}, "key_size"),
            ({"key_type": "ed25519"}, "key_type"),
            ({"common_name": " "}, "common_name"),
            ({"common_name": "x" * 65}, "common_name"),
            ({"common_name": 7}, "common_name"),
            ({"name": "x"}, "name"),
        ]
        for body, field in wrong:
            self.assertEqual({field}, await self.refused(400, "POST", CA, QUICK | body), body)
        self.assertEqual(2, len(await self.results(CA)))

    async def test_rsa_with_4096_bits_is_what_is_made_if_nobody_says_otherwise(self) -> None:
        """As the original does; an answer may take as long as that key."""
        reply = await self.root.call("POST", CA, {})
        self.assertEqual(201, reply.status, reply.body)
        made = reply.json()
        self.assertEqual(
            ("My Tracks CA", "rsa", 4096),
            (made["common_name"], made["key_type"], made["key_size"]),
        )

    async def test_another_one_takes_over_and_the_old_one_stays_trusted_until_ended(self) -> None:
        """Rotation: 400 only once nothing of it is left to end."""
        old, new = await self.authority(common_name="Old"), await self.authority(common_name="New")
        self.assertEqual([new["id"], old["id"]], [each["id"] for each in await self.results(CA)])
        self.assertEqual(new, await self.shown(f"{CA}/active"))
        self.assertEqual((False, True), await self.standing(old))
        await self.refused(400, "DELETE", f"{CA}/{old['id']}/expunge")
        await self.done("DELETE", f"{CA}/{old['id']}")
        self.assertEqual((False, False), await self.standing(old))
        await self.refused(400, "DELETE", f"{CA}/{old['id']}/")
        await self.refused(400, "DELETE", f"{CA}/{new['id']}/expunge/")
        await self.done("DELETE", f"{CA}/{old['id']}/expunge")
        self.assertEqual([new], await self.results(CA))
        await self.done("DELETE", f"{CA}/{new['id']}")
        await self.refused(404, "GET", f"{CA}/active")
        await self.refused(404, "DELETE", f"{CA}/{old['id']}")
        await self.refused(404, "DELETE", f"{CA}/active")

    async def standing(self, authority: Shown) -> tuple[bool, bool]:
        """Whether it signs, and whether it is trusted."""
        shown = await self.shown(f"{CA}/{authority['id']}")
        return shown["is_active"], shown["is_trusted"]

    async def test_its_certificate_is_a_file_of_its_name(self) -> None:
        """Of which nothing can break out of the header."""
        made = await self.authority(common_name="My CA")
        reply = await self.root.call("GET", f"{CA}/{made['id']}/download")
        self.assert_file(reply, "application/x-pem-file", "My CA.pem")
        self.assertEqual(made["certificate_pem"].encode(), reply.body)
        odd = await self.authority(common_name='Zoë"/x')
        reply = await self.root.call("GET", f"{CA}/{odd['id']}/download/")
        self.assertEqual(
            "attachment; filename=\"Zo___x.pem\"; filename*=UTF-8''Zo%C3%AB__x.pem",
            reply.headers["content-disposition"],
        )
        await self.refused(404, "GET", f"{CA}/999/download")

    async def test_one_made_elsewhere_is_brought_and_told_what_it_lacks(self) -> None:
        """And refused where it is none."""
        made = lab.authority("Elsewhere")
        body = {"certificate": made.pem.decode(), "key": made.key_pem.decode()}
        reply = await self.root.call("POST", f"{CA}/import", body)
        self.assertEqual(201, reply.status, reply.body)
        shown = reply.json()
        self.assertEqual((True, True, "Elsewhere"), tuple(shown[name] for name in BROUGHT))
        self.assertNotIn("PRIVATE", reply.body.decode())
        await self.refused(409, "POST", f"{CA}/import", body)
        other = lab.authority("Other").key_pem.decode()
        for wrong, field in (
            ({"certificate": "no"}, "certificate"),
            ({"key": "no"}, "key"),
            ({"key": other}, "key"),
            ({"password": "not needed"}, "password"),
        ):
            self.assertEqual({field}, await self.refused(400, "POST", f"{CA}/import", body | wrong))
        self.assertEqual(
            {"certificate", "key"}, await self.refused(400, "POST", f"{CA}/import", {})
        )


class ServerTests(PKICase):
    """The server certificates."""

    async def test_without_an_authority_there_is_none(self) -> None:
        """400, as the original."""
        body = {"common_name": "nas", "san_entries": ["nas"]}
        self.assertEqual(set(), await self.refused(400, "POST", SERVER, body))
        await self.refused(404, "GET", f"{SERVER}/active")
        self.assertEqual([], await self.results(SERVER))

    async def test_a_new_one_is_shown_with_its_issuer_and_names(self) -> None:
        """P-256 and 397 days if nobody says otherwise."""
        authority = await self.authority()
        body = {"common_name": "nas", "san_entries": ["nas.local", "192.168.1.5", "NAS.local"]}
        reply = await self.root.call("POST", SERVER, body)
        self.assertEqual(201, reply.status, reply.body)
        made = reply.json()
        self.assertEqual(
            ANY
            | {"issuing_ca", "issuing_ca_name", "san_entries", "use", "source", "revoked"}
            | {"revoked_at", "certificate_pem"},
            set(made),
        )
        self.assertEqual(
            ("nas", authority["id"], "My Tracks CA", ["nas.local", "192.168.1.5"]),
            tuple(
                made[name]
                for name in ("common_name", "issuing_ca", "issuing_ca_name", "san_entries")
            ),
        )
        self.assertEqual(
            ("p256", 397, "everywhere", "own", True, False, None),
            (made["key_type"], days(made), *(made[name] for name in STANDING)),
        )
        self.assertEqual(made, await self.shown(f"{SERVER}/active"))
        self.assertEqual([made], await self.results(SERVER + "/"))
        msgspec.convert(await self.shown(SERVER), ServerPage)

    async def test_825_days_are_the_most(self) -> None:
        """iPhones take no more."""
        await self.authority()
        self.assertEqual(825, days(await self.server(validity_days=825)))
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"validity_days": 826}, "validity_days"),
            ({"san_entries": []}, "san_entries"),
            ({"san_entries": ["a b"]}, "san_entries"),
            ({"san_entries": ["192.168.1"]}, "san_entries"),
            ({"san_entries": "nas"}, "san_entries"),
            ({"common_name": ""}, "common_name"),
            ({"use": "ftp"}, "use"),
        ]
        body = QUICK | {"common_name": "nas", "san_entries": ["nas"]}
        for part, field in wrong:
            self.assertEqual({field}, await self.refused(400, "POST", SERVER, body | part), part)
        self.assertEqual(
            {"common_name", "san_entries"}, await self.refused(400, "POST", SERVER, {})
        )

    async def test_with_null_for_names_it_is_for_what_this_machine_is_called(self) -> None:
        """At least for itself. Names are asked for, as in the original: forgotten is no wish."""
        await self.authority()
        self.assertEqual(
            {"san_entries"}, await self.refused(400, "POST", SERVER, {"common_name": "nas"})
        )
        made = await self.made(SERVER, common_name="nas", san_entries=None)
        self.assertLessEqual({"localhost", "127.0.0.1"}, set(made["san_entries"]))

    async def test_a_newer_one_revokes_the_one_before_which_can_then_be_deleted(self) -> None:
        """But not while it is shown."""
        await self.authority()
        old, new = await self.server(), await self.server()
        shown = await self.shown(f"{SERVER}/{old['id']}")
        self.assertEqual((False, True), (shown["is_active"], shown["revoked"]))
        self.assertIsNotNone(shown["revoked_at"])
        await self.refused(400, "DELETE", f"{SERVER}/{old['id']}")
        await self.refused(400, "DELETE", f"{SERVER}/{new['id']}/expunge")
        await self.done("DELETE", f"{SERVER}/{old['id']}/expunge")
        self.assertEqual([new], await self.results(SERVER))
        await self.done("DELETE", f"{SERVER}/{new['id']}")
        await self.refused(404, "GET", f"{SERVER}/active")
        await self.refused(404, "GET", f"{SERVER}/{old['id']}")

    async def test_it_is_a_file_too(self) -> None:
        """With its chain, without its key."""
        await self.authority()
        made = await self.server()
        reply = await self.root.call("GET", f"{SERVER}/{made['id']}/download")
        self.assert_file(reply, "application/x-pem-file", "nas.pem")
        self.assertEqual(made["certificate_pem"].encode(), reply.body)
        self.assertNotIn(b"PRIVATE", reply.body)

    async def test_one_made_elsewhere_is_brought(self) -> None:
        """For the web alone, if wished; not one that names no host."""
        ca = lab.authority("Elsewhere")
        made = lab.make("maps", ca, purposes=lab.SERVER, names=["maps.example.org"])
        body = {"certificate": made.pem.decode(), "key": made.key_pem.decode(), "use": "web"}
        reply = await self.root.call("POST", f"{SERVER}/import", body)
        self.assertEqual(201, reply.status, reply.body)
        shown = reply.json()
        self.assertEqual(
            (["maps.example.org"], "web", "brought", None),
            tuple(shown[name] for name in ("san_entries", "use", "source", "issuing_ca")),
        )
        wrong = body | {"certificate": ca.pem.decode(), "key": ca.key_pem.decode()}
        self.assertEqual(
            {"certificate"}, await self.refused(400, "POST", f"{SERVER}/import", wrong)
        )

    async def test_with_its_authority_it_is_deleted_but_not_while_it_is_shown(self) -> None:
        """And the list of the others stays whole."""
        old = await self.authority(common_name="Old")
        first = await self.server()
        await self.authority(common_name="New")
        await self.done("DELETE", f"{CA}/{old['id']}")
        await self.refused(400, "DELETE", f"{CA}/{old['id']}/expunge")
        second = await self.server()
        self.assertEqual(
            [second["id"], first["id"]], [each["id"] for each in await self.results(SERVER)]
        )
        await self.done("DELETE", f"{CA}/{old['id']}/expunge")
        self.assertEqual([second], await self.results(SERVER))


class AccessTests(PKICase):
    """Who may."""

    async def test_it_is_for_administrators(self) -> None:
        """And for nobody who is not signed in."""
        for path in (CA, f"{CA}/active", SERVER, CLIENTS, f"{CA}/1/download"):
            self.assert_problem(await self.ana.call("GET", path), 403)
            self.assert_problem(await self.door.ask("GET", path), 401)

    async def test_what_is_done_is_noted_with_who_did_it(self) -> None:
        """In the same commit."""
        made = await self.authority()
        await self.done("DELETE", f"{CA}/{made['id']}")
        noted = [(who, action) for who, action, _, _ in self.door.certificates.audit.entries]
        self.assertEqual([("root", "pki.ca.create"), ("root", "pki.ca.deactivate")], noted)


FINGERPRINT = ("-noout", "-fingerprint", "-sha256")
MEMBERS = (
    *("common_name", "organization", "key_type", "key_size", "is_active", "is_trusted"),
    *("imported", "lacks", "crl_number"),
)
BROUGHT = ("is_active", "imported", "common_name")
STANDING = ("use", "source", "is_active", "revoked", "revoked_at")
