"""Certificates through the API alone, as an administrator's script has them (security.md 7.4)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.pki import lab
from tests.pki.room import openssl
from tests.whole.cases import unused
from tests.whole.daemon import Daemon
from tests.whole.patience import until
from tests.whole.phone import Phone
from tests.whole.tls import ADMIN, ANA, BEN, FLAGS, WELCOME, Shown, TLSCase, both, s_client
from tests.whole.web import Answer

PKI = "/api/admin/pki"
CA = f"{PKI}/ca"
SERVER = f"{PKI}/server-cert"
CLIENTS = f"{PKI}/client-certs"
CRL = f"{PKI}/crl"
LISTS = (CA, SERVER, CLIENTS)
PASSPHRASE = "a bundle's own word"
SOON = 1.0
"""Seconds from the answer until nobody is in."""
QUICK = {"key_type": "p256"}

Row = dict[str, Any]


class BlackBoxCase(TLSCase):
    """A daemon whose certificates root makes by Basic."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon: Daemon = self.new_daemon(flags=FLAGS).start()

    def ask(self, status: int, method: str, path: str, body: Row | None = None) -> Answer:
        """What root gets."""
        root = self.web(self.daemon, ADMIN)
        answer = (
            root.ask(method, path) if method in ("GET", "DELETE") else root.post_json(path, body)
        )
        self.assertEqual(status, answer.status, (method, path, answer.body))
        return answer

    def made(self, path: str, **body: Any) -> Row:
        """What a POST made."""
        return dict(self.ask(201, "POST", path, QUICK | body).json())

    def rows(self, path: str) -> list[Row]:
        """A list."""
        return list(self.ask(200, "GET", path).json()["results"])

    def furnished(self) -> Row:
        """An authority, and a server certificate that is shown; the authority."""
        authority = self.made(CA, common_name="Family CA")
        self.made(SERVER, common_name="nas", san_entries=["localhost", "127.0.0.1"])
        until(lambda: None not in self.ports(self.daemon), 5, "ports for TLS")
        return authority

    def leaf(self, user: str, **body: Any) -> tuple[int, Shown]:
        """A certificate of theirs: its number, and how it is shown."""
        users = {each["username"]: each["id"] for each in self.rows("/api/admin/users")}
        made = self.made(CLIENTS, user_id=users[user], **body)
        wanted = {"password": PASSPHRASE, "format": "pem"}
        bundle = self.ask(200, "POST", f"{CLIENTS}/{made['id']}/download", wanted)
        path = self.written(bundle.body)
        return made["id"], Shown(path, PASSPHRASE, made["serial_number"])

    def revoke(self, number: int) -> None:
        """Nobody gets in by it."""
        self.ask(200, "POST", f"{CLIENTS}/{number}/revoke", {"reason": "key-compromise"})

    def connected(self, shown: Shown, version: str = "1.3") -> Phone:
        """Somebody who is in by it."""
        phone = self.secure_phone(self.daemon, version, shown)
        self.assertEqual(0, phone.connect(unused("phone")))
        return phone

    def written(self, content: bytes) -> Path:
        """A file with this content."""
        path = self.daemon.home / unused("file")
        path.write_bytes(content)
        return path

    def fetched(self, path: str) -> bytes:
        """What is open to all."""
        answer = self.web(self.daemon).get(path)
        self.assertEqual(200, answer.status, answer.body)
        return answer.body

    def assert_cut(self, *phones: Phone) -> None:
        """All of them, soon."""
        begin = time.monotonic()
        for phone in phones:
            self.assertEqual([], phone.closed_within(SOON))
        self.assertLess(time.monotonic() - begin, SOON)


class RevocationTests(BlackBoxCase):
    """Somebody's phone is lost."""

    def test_it_is_cut_within_a_second_and_refused_and_nobody_else_is_touched(self) -> None:
        """In both versions of TLS, by two implementations."""
        self.furnished()
        number, lost = self.leaf(ANA)
        _, kept = self.leaf(BEN)
        phones = [self.connected(lost, version) for version in both()]
        others = [self.connected(kept, version) for version in both()]
        self.revoke(number)
        self.assert_cut(*phones)
        for version in both():
            self.assert_refused(self.daemon, version, lost)
            self.assert_let_in(self.daemon, version, kept)
        for phone in others:
            phone.ping()
        failed = self.rows("/api/admin/connections?state=handshake")
        self.assertIn("its certificate was refused: it is revoked", {e["reason"] for e in failed})
        self.ask(400, "POST", f"{CLIENTS}/{number}/revoke", {})

    def test_a_session_is_not_resumed_past_it(self) -> None:
        """As `openssl` remembers it: neither with the certificate nor without."""
        self.furnished()
        number, shown = self.leaf(ANA)
        port, kept = self.mqtts(self.daemon), []
        for version in both():
            path = self.daemon.home / f"session{version}"
            said = s_client(port, version, shown, None, "-sess_out", str(path))
            self.assertIn(WELCOME, said)
            kept += [(version, path)] if path.exists() else []
        self.assertTrue(kept)
        self.revoke(number)
        for version, path in kept:
            for again in (shown, None):
                said = s_client(port, version, again, None, "-sess_in", str(path))
                self.assertNotIn(WELCOME, said)

    def test_a_newer_one_replaces_it_at_once_or_after_days_of_grace(self) -> None:
        """Superseded is revoked."""
        self.furnished()
        _, first = self.leaf(ANA)
        phone = self.connected(first)
        _, second = self.leaf(ANA)
        self.assert_cut(phone)
        self.assert_refused(self.daemon, "1.3", first)
        phone = self.connected(second)
        _, third = self.leaf(ANA, grace_days=7)
        phone.ping()
        for shown in (second, third):
            self.assert_let_in(self.daemon, "1.3", shown)

    def test_its_serial_stays_on_the_list_when_it_is_deleted(self) -> None:
        """The list verifies in PEM and DER, and its number grows."""
        self.furnished()
        number, lost = self.leaf(ANA)
        self.assertEqual([], self.listed())
        before = self.list_number()
        self.revoke(number)
        self.assertEqual([lost.serial], self.listed())
        self.assertLess(before, self.list_number())
        self.ask(204, "DELETE", f"{CLIENTS}/{number}/expunge")
        self.assertEqual([], self.rows(CLIENTS))
        self.assertEqual([lost.serial], self.listed())
        self.assert_refused(self.daemon, "1.3", lost)
        self.assert_verifies()
        self.daemon.stop()
        before = self.list_number_of(x509.load_der_x509_crl(self.last))
        self.daemon.start()
        self.assertLess(before, self.list_number())
        self.assertEqual([lost.serial], self.listed())

    def assert_verifies(self) -> None:
        """By OpenSSL, with the authority's certificate that anybody may fetch."""
        ca = self.written(self.fetched("/ca.crt"))
        for form, query in (("PEM", ""), ("DER", "?format=der")):
            path = self.written(self.fetched(CRL + query))
            words = ("crl", "-inform", form, "-in", path, "-CAfile", ca, "-noout", "-text")
            said = openssl(*words)
            self.assertIn("verify OK", said)
            self.assertIn("X509v3 Authority Key Identifier", said)

    def read(self) -> x509.CertificateRevocationList:
        """The list."""
        self.last = self.fetched(f"{CRL}?format=der")
        return x509.load_der_x509_crl(self.last)

    def listed(self) -> list[str]:
        """Who is on it."""
        return [f"0x{each.serial_number:x}" for each in self.read()]

    def list_number(self) -> int:
        """Its number."""
        return self.list_number_of(self.read())

    def list_number_of(self, read: x509.CertificateRevocationList) -> int:
        """That of a list."""
        return read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


class RotationTests(BlackBoxCase):
    """Another authority."""

    def test_with_overlap_old_clients_work_on_until_the_old_one_is_ended(self) -> None:
        """Then they are cut, and only they."""
        old = self.furnished()
        _, first = self.leaf(ANA)
        phone = self.connected(first)
        # The very same name: one is told from the other all the same.
        new = self.made(CA, common_name="Family CA")
        _, second = self.leaf(BEN)
        phone.ping()
        for version in both():
            self.assert_let_in(self.daemon, version, first)
            self.assert_let_in(self.daemon, version, second)
        other = self.connected(second)
        self.assertEqual([(True, True), (False, True)], self.standing())
        self.ask(204, "DELETE", f"{CA}/{old['id']}")
        self.assert_cut(phone)
        other.ping()
        for version in both():
            self.assert_refused(self.daemon, version, first)
            self.assert_let_in(self.daemon, version, second)
        self.assertEqual([(True, True), (False, False)], self.standing())
        self.assertEqual(new["certificate_pem"].encode(), self.fetched("/ca.crt"))
        self.ask(400, "DELETE", f"{CA}/{old['id']}")

    def test_without_overlap_all_are_cut_at_once(self) -> None:
        """In an emergency: the old one is ended before there is a new one."""
        old = self.furnished()
        _, first = self.leaf(ANA)
        phones = [self.connected(first, version) for version in both()]
        self.ask(204, "DELETE", f"{CA}/{old['id']}")
        self.assert_cut(*phones)
        self.assertEqual(404, self.web(self.daemon).get("/ca.crt").status)
        self.assertEqual(404, self.web(self.daemon).get(CRL).status)
        self.ask(400, "POST", SERVER, {"common_name": "nas", "san_entries": ["nas"]})
        self.furnished()
        _, second = self.leaf(ANA)
        for version in both():
            self.assert_refused(self.daemon, version, first)
            self.assert_let_in(self.daemon, version, second)

    def standing(self) -> list[tuple[bool, bool]]:
        """Who signs and who is trusted, the newest first."""
        return [(each["is_active"], each["is_trusted"]) for each in self.rows(CA)]


class KeepingTests(BlackBoxCase):
    """What is stored, what is shown, and what never is."""

    def test_a_restart_keeps_everything(self) -> None:
        """Lists, and who gets in."""
        self.furnished()
        _, good = self.leaf(ANA)
        number, bad = self.leaf(BEN)
        self.revoke(number)
        before = [self.kept(path) for path in LISTS]
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(before, [self.kept(path) for path in LISTS])
        for version in both():
            self.assert_let_in(self.daemon, version, good)
            self.assert_refused(self.daemon, version, bad, BEN)

    def kept(self, path: str) -> list[Row]:
        """All but the number of the list, which is signed anew at the start."""
        return [each | {"crl_number": 0} for each in self.rows(path)]

    def test_the_ports_open_with_the_first_server_certificate_and_close_with_the_last(self) -> None:
        """Without a restart; and `started` goes on telling when the process began."""
        self.made(CA)
        self.assertEqual((None, None), self.ports(self.daemon))
        began = self.daemon.runtime["started"]
        until(lambda: time.time() >= began + 1, 5, "another second")
        self.furnished()
        self.assertNotEqual(None, self.ports(self.daemon)[0])
        self.assertEqual(began, self.daemon.runtime["started"])
        active = self.ask(200, "GET", f"{SERVER}/active").json()
        self.ask(204, "DELETE", f"{SERVER}/{active['id']}")
        until(lambda: self.ports(self.daemon) == (None, None), 5, "no TLS in runtime.json")
        self.ask(404, "GET", f"{SERVER}/active")

    def test_825_days_are_the_most_for_a_server(self) -> None:
        """826 are refused, and what is shown stays."""
        self.furnished()
        before = self.rows(SERVER)
        body = {"common_name": "nas", "san_entries": ["nas"], "validity_days": 826}
        answer = self.ask(400, "POST", SERVER, body)
        self.assertEqual({"validity_days"}, set(answer.json()["errors"]))
        self.assertEqual(before, self.rows(SERVER))
        made = self.made(SERVER, **body | {"validity_days": 825})
        read = x509.load_pem_x509_certificate(made["certificate_pem"].encode())
        lasts = read.not_valid_after_utc - read.not_valid_before_utc
        self.assertLessEqual(lasts.total_seconds(), 825 * 86_400)

    def test_both_kinds_of_p12_open_with_openssl(self) -> None:
        """Root's way, and the owner's own."""
        self.furnished()
        number, _ = self.leaf(ANA)
        own = self.web(self.daemon, ANA)
        for form in ("p12", "p12-modern"):
            wanted = {"password": PASSPHRASE, "format": form}
            path = f"/api/account/certificates/{number}/download"
            for bundle in (
                self.ask(200, "POST", f"{CLIENTS}/{number}/download", wanted),
                own.post_json(path, wanted),
            ):
                self.assertEqual("application/x-pkcs12", bundle.kind, bundle.body)
                words = ("-in", self.written(bundle.body), "-passin", f"pass:{PASSPHRASE}")
                said = openssl("pkcs12", "-nodes", *words)
                self.assertEqual(2, said.count("BEGIN CERTIFICATE"))
                self.assertIn("PRIVATE KEY", said)
            refused = self.web(self.daemon, BEN).post_json(path, wanted)
            self.assertEqual(404, refused.status)

    def test_no_private_key_is_in_any_answer_line_or_file(self) -> None:
        """Nor in what is kept: sealed only."""
        brought = lab.authority("Brought CA")
        body = {"certificate": brought.pem.decode(), "key": brought.key_pem.decode()}
        answers = [self.ask(201, "POST", f"{CA}/import", body)]
        self.furnished()
        _, shown = self.leaf(ANA)
        leaf: Any = load_pem_private_key(shown.file.read_bytes(), PASSPHRASE.encode())
        shown.file.unlink()
        for path in (*LISTS, "/api/admin/audit", "/api/account/certificates"):
            answers.append(self.ask(200, "GET", path))
        said = b"".join(answer.body for answer in answers) + self.daemon.log.encode()
        self.assertNotIn(b"PRIVATE", said)
        self.assertNotIn(PASSPHRASE.encode(), said)
        self.daemon.stop()
        secrets = [_secret(brought.key), _secret(leaf)]
        for path, content in self.files():
            for secret in secrets:
                self.assertNotIn(secret, content, path)
            self.assertNotIn(b"PRIVATE KEY", content, path)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """All that is in the data directory and where temporary files go."""
        for folder in (self.daemon.data, self.daemon.home / "tmp"):
            for path in folder.rglob("*"):
                if path.is_file():
                    yield str(path), path.read_bytes()

    def test_who_is_not_trusted_is_told_to_administrators_in_words(self) -> None:
        """With the name that was asked for beside ours."""
        self.furnished()
        foreign = self.file(lab.make("ana", lab.authority("Foreign")))
        self.assert_refused(self.daemon, "1.2", foreign)
        failed = self.rows("/api/admin/connections?state=handshake")
        found = next(each for each in failed if "none that we trust" in each["reason"])
        self.assertEqual(
            ("127.0.0.1", "localhost", ["localhost", "127.0.0.1"]),
            (found["address"], found["sni"], found["names"]),
        )


def _secret(key: Any) -> bytes:
    """What makes a P-256 key private."""
    value: bytes = key.private_numbers().private_value.to_bytes(32, "big")
    return value
