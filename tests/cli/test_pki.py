"""`mytracks pki …` and `mytracks key …` as a person or a script uses them."""

import base64
import json
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from mytracks.control.wire import Answer, Refusal
from mytracks.pki.keyring import FILE, open_keyring
from mytracks.store.care import sqlite_side
from mytracks.store.files import FILE as DATABASE
from tests.cli.test_command import CommandCase

MADE: Mapping[str, Any] = {
    "kind": "client",
    "id": 3,
    "serial": "2a",
    "fingerprint": "00" * 32,
    "subject": "CN=ana",
    "key": "p256 256",
    "not_before": 1_700_000_000,
    "not_after": 1_800_000_000,
    "user": "ana",
    "state": "active",
}
SERVER: Mapping[str, Any] = {**MADE, "kind": "server", "names": ["a.test"], "user": None}
CA: Mapping[str, Any] = {**MADE, "kind": "ca", "subject": "CN=Ours", "lacks": [], "user": None}


class PKITests(CommandCase):
    """`mytracks pki …`."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def test_each_verb_asks_for_its_operation(self) -> None:
        """With what was given, and None for what the settings say."""
        cert = self.folder / "ca.pem"
        cert.write_text("certificate")
        self.answered(CA, "pki", "init", "--common-name", "Ours", "--days", "90", "--key", "p256")
        self.answered(CA, "pki", "import", str(cert), str(cert), "--password-stdin", typed="pw\n")
        self.answered(SERVER, "pki", "server", "--san", "a.test, b.test", "--san", "192.0.2.1")
        self.answered(MADE, "pki", "revoke", "2A", "--reason", "superseded")
        given = {"common_name": None, "days": None, "key": None}
        self.assertEqual(
            [
                ("pki.init", {"common_name": "Ours", "days": 90, "key": "p256"}),
                (
                    "pki.import",
                    {"certificate": "certificate", "key": "certificate", "password": "pw"},
                ),
                ("pki.server", {**given, "names": ["a.test", "b.test", "192.0.2.1"]}),
                ("pki.revoke", {"serial": "2A", "reason": "superseded"}),
            ],
            self.store.asked,
        )

    def test_a_bundle_is_written_for_its_owner_only_and_its_password_shown_once(self) -> None:
        """As the last word; never over another file."""
        path = self.folder / "ana.p12"
        made = {**MADE, "bundle": base64.b64encode(b"locked").decode(), "password": "s3cr-et"}
        words = ("pki", "client", "ana", "--out", str(path))
        self.assertEqual("s3cr-et", self.answered(made, *words).split()[-1])
        self.assertEqual(b"locked", path.read_bytes())
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        asked = len(self.store.asked)
        again = self.run_it(*words)
        self.assertEqual((2, asked), (again.exit_code, len(self.store.asked)))
        other = ("pki", "client", "ana", "--out", f"{path}2", "--password-stdin", "--json")
        told = json.loads(self.answered({**MADE, "bundle": ""}, *other, typed="long enough\n"))
        self.assertEqual(f"{path}2", told["file"])
        self.assertNotIn("bundle", told)
        self.assertEqual("long enough", self.store.asked[-1][1]["password"])

    def test_where_no_file_can_be_written_nothing_is_asked_for(self) -> None:
        """The certificate before would be revoked for nothing. And what is refused leaves none."""
        away = ("pki", "client", "ana", "--out", str(self.folder / "away" / "ana.p12"))
        failed = self.run_it(*away)
        self.assertEqual((1, []), (failed.exit_code, self.store.asked))
        self.assertIn("cannot be written: No such file or directory", failed.stderr)
        self.store.answer = Answer(refusal=Refusal("not_found", "There is no user 'ana'."))
        refused = self.run_it("pki", "client", "ana", "--out", str(self.folder / "ana.p12"))
        self.assertEqual((1, []), (refused.exit_code, list(self.folder.iterdir())))

    def test_list_is_a_table_for_people_and_an_object_for_machines(self) -> None:
        """What is wrong stands below."""
        found = {
            "authorities": [CA],
            "servers": [SERVER],
            "clients": [MADE],
            "crl_number": 4,
            "problems": ["the list is old"],
        }
        lines = self.answered(found, "pki", "list").splitlines()
        self.assertEqual(5, len(lines))
        self.assertEqual(["client", "active", "2027-01-15", "ana", "2a"], lines[3].split())
        self.assertEqual("the list is old", lines[-1])
        self.assertEqual(found, json.loads(self.answered(found, "pki", "list", "--json")))

    def test_what_an_import_lacks_is_told(self) -> None:
        """Each in a line."""
        cert = self.folder / "ca.pem"
        cert.write_text("certificate")
        brought = {**CA, "lacks": ["a key identifier"]}
        out = self.answered(brought, "pki", "import", str(cert), str(cert))
        self.assertIn("It lacks: a key identifier", out)
        cert.write_bytes(b"\xff\xfe")
        self.assertEqual(2, self.run_it("pki", "import", str(cert), str(cert)).exit_code)


class KeyTests(CommandCase):
    """`mytracks key …`."""

    def setUp(self) -> None:
        super().setUp()
        self.out = Path(self.mktemp()).absolute()

    def ring(self) -> Path:
        """A key ring that something was sealed with."""
        self.directory.mkdir(mode=0o700)
        path = self.directory / FILE
        open_keyring(path, sealed_exists=False).seal("a/1/b", b"secret")
        return path

    def test_a_ring_goes_out_and_comes_back_the_same(self) -> None:
        """Nobody has to remember anything; the file is its owner's alone."""
        path = self.ring()
        before = path.read_bytes()
        self.assertEqual(0, self.run_it("key", "export", str(self.out)).exit_code)
        self.assertEqual(0o600, stat.S_IMODE(self.out.stat().st_mode))
        self.assertEqual(1, self.run_it("key", "import", str(self.out)).exit_code)
        path.unlink()
        self.assertEqual(0, self.run_it("key", "import", str(self.out)).exit_code)
        self.assertEqual(before, path.read_bytes())

    def test_a_locked_one_comes_back_by_its_passphrase(self) -> None:
        """By the one that is shown once, and by no other."""
        path = self.ring()
        before = path.read_bytes()
        done = self.run_it("key", "export", str(self.out), "--lock")
        passphrase = done.stdout.split()[-1]
        self.assertGreaterEqual(len(passphrase), 20)
        self.assertNotIn(before, self.out.read_bytes())
        words = ("key", "import", str(self.out), "--passphrase-stdin")
        self.assertEqual(1, self.run_it(*words, typed=f"{passphrase}\n").exit_code)
        path.unlink()
        self.assertEqual(1, self.run_it(*words, typed="wrong\n").exit_code)
        self.assertFalse(path.exists())
        back = self.run_it(*words, "--json", typed=f"{passphrase}\n")
        self.assertEqual((0, 1), (back.exit_code, json.loads(back.stdout)["keys"]))
        ids = open_keyring(path, sealed_exists=True).ids
        path.write_bytes(before)
        self.assertEqual(open_keyring(path, sealed_exists=True).ids, ids)

    def test_nothing_is_overwritten_and_what_is_not_there_not_exported(self) -> None:
        """1, and a line that says why."""
        self.assertEqual(1, self.run_it("key", "export", str(self.out)).exit_code)
        self.ring()
        self.out.write_text("mine")
        refused = self.run_it("key", "export", str(self.out))
        self.assertEqual((1, "mine"), (refused.exit_code, self.out.read_text()))
        self.assertIn("not overwritten", refused.stderr)

    def test_a_place_that_cannot_be_written_is_told(self) -> None:
        """In one line, like every refusal."""
        self.ring()
        refused = self.run_it("key", "export", str(self.out / "nowhere"))
        self.assertEqual(1, refused.exit_code)
        self.assertIn("nowhere cannot be written: No such file", refused.stderr)

    def test_a_passphrase_may_be_given(self) -> None:
        """Then it is not shown."""
        self.ring()
        words = ("key", "export", str(self.out), "--passphrase-stdin", "--json")
        done = self.run_it(*words, typed="my own words\n")
        self.assertEqual({"file": str(self.out)}, json.loads(done.stdout))

    def test_what_a_lost_ring_opened_is_given_up_only_when_that_is_meant(self) -> None:
        """A script says --yes; what goes is told; a ring that can be put right is not passed by."""
        path = self.ring()
        self.assertIn("no database", self.run_it("key", "forget").stderr)
        with closing(sqlite_side.created(self.directory / DATABASE)) as side:
            side.run(
                "INSERT INTO user_account (name, display, role, password, totp, disabled, email,"
                " created, settings) VALUES ('ana', 'Ana', 0, '-', ?, 0, '', 1, '{}')",
                (b"mtk1" + bytes(40),),
            )
        asked = self.run_it("key", "forget")
        self.assertEqual(2, asked.exit_code)
        self.assertIn("1 secrets would be given up for good: say --yes", asked.stderr)
        path.chmod(0o644)
        odd = self.run_it("key", "forget", "--yes")
        self.assertEqual(1, odd.exit_code)
        self.assertIn("chmod 600 it, or move it away", odd.stderr)
        path.chmod(0o600)
        done = self.run_it("key", "forget", "--yes")
        self.assertEqual(0, done.exit_code)
        self.assertIn("second factors (ana): their passwords alone let them in", done.stdout)
        again = json.loads(self.run_it("key", "forget", "--json").stdout)
        self.assertEqual([[]] * 6, list(again.values()))

    def test_rotation_is_for_whoever_has_the_store_open(self) -> None:
        """What was done is told."""
        done = {"resealed": 3, "keys": 1, "forgotten": 1}
        out = self.answered(done, "key", "rotate")
        self.assertIn("3 secrets", out)
        self.assertEqual([("key.rotate", {})], self.store.asked)
