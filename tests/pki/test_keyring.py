"""The key ring: a file of its own, records that open in their place only, keys that rotate."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Unavailable
from mytracks.pki.keyring import (
    KeyRing,
    KeyRingRefused,
    Unsealable,
    imported,
    is_locked,
    key_of,
    open_keyring,
    write_private,
)

PLACE = "user_account/7/totp"
SECRET = b"a secret of somebody's"


class KeyRingCase(SynchronousTestCase):
    """A data directory with nothing in it."""

    def setUp(self) -> None:
        self.folder = Path(mkdtemp(dir="."))
        self.path = self.folder / "keyring"

    def ring(self, *, sealed_exists: bool = False) -> KeyRing:
        """The ring as it is opened at a start."""
        return open_keyring(self.path, sealed_exists=sealed_exists)

    def refused(self, *, sealed_exists: bool = False) -> str:
        """The one line with which the start ends."""
        error = self.assertRaises(KeyRingRefused, self.ring, sealed_exists=sealed_exists)
        self.assertEqual(1, len(str(error).splitlines()))
        return str(error)


class SealingTests(KeyRingCase):
    """What is sealed opens here and nowhere else."""

    def test_what_was_sealed_opens_after_a_restart(self) -> None:
        """The ring is in its file before anything is sealed with it."""
        sealed = self.ring().seal(PLACE, SECRET)
        self.assertNotIn(SECRET, sealed)
        self.assertEqual(SECRET, self.ring(sealed_exists=True).unseal(PLACE, sealed))

    def test_a_record_does_not_open_in_another_place(self) -> None:
        """Whoever can write to the database cannot give one person's secret to another."""
        ring = self.ring()
        sealed = ring.seal(PLACE, SECRET)
        self.assertRaises(Unsealable, ring.unseal, "user_account/8/totp", sealed)

    def test_a_record_with_any_bit_changed_does_not_open(self) -> None:
        """Header, nonce, text and tag alike; and it is our trouble, not the asker's."""
        ring = self.ring()
        sealed = ring.seal(PLACE, SECRET)
        for at in range(len(sealed)):
            changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
            error = self.assertRaises(Unsealable, ring.unseal, PLACE, changed)
            self.assertIsInstance(error, Unavailable)
        for cut in (b"", sealed[:10], sealed[:24]):
            self.assertRaises(Unsealable, ring.unseal, PLACE, cut)

    def test_equal_secrets_look_different(self) -> None:
        """A nonce is never used twice."""
        ring = self.ring()
        self.assertEqual(100, len({ring.seal(PLACE, SECRET) for _ in range(100)}))

    def test_another_ring_opens_nothing(self) -> None:
        """A stolen database is of no use with a key ring of the thief's."""
        sealed = self.ring().seal(PLACE, SECRET)
        other = open_keyring(self.folder / "other", sealed_exists=False)
        other.add_key()
        self.assertRaises(Unsealable, other.unseal, PLACE, sealed)

    def test_a_ring_without_a_key_that_records_name_is_refused(self) -> None:
        """What would be sealed with it is lost on the day when the right one comes back."""
        ring = self.ring()
        first, second = ring.add_key(), ring.add_key()
        for named in ((), (first,), (first, second)):
            ring.check_opens(named)
        strange = b"another."
        error = self.assertRaises(KeyRingRefused, ring.check_opens, (first, strange))
        self.assertIn("is not the one", str(error))
        self.assertEqual([first, second], list(self.ring().ids))

    def test_keys_are_told_to_nobody(self) -> None:
        """Not even by accident in a log line."""
        ring = self.ring()
        ring.add_key()
        self.assertEqual("Keys(1)", repr(ring._keys))


class FileTests(KeyRingCase):
    """The file is private, whole, and never made anew where it would be wrong."""

    def test_it_is_made_at_the_first_use_and_private(self) -> None:
        """Nothing sealed: no file, whatever the umask is."""
        ring = self.ring()
        self.assertFalse(self.path.exists())
        before = os.umask(0)
        try:
            ring.seal(PLACE, SECRET)
        finally:
            os.umask(before)
        self.assertEqual(0o600, stat.S_IMODE(self.path.stat().st_mode))
        self.assertEqual(["keyring"], os.listdir(self.folder))

    def test_whoever_seals_first_at_the_same_time_makes_one_key(self) -> None:
        """Second factors are sealed on the reactor, private keys in a thread."""
        ring = self.ring()
        with ThreadPoolExecutor(16) as threads:
            sealed = list(threads.map(lambda _: ring.seal(PLACE, SECRET), range(64)))
        again = self.ring()
        self.assertEqual([ring.current], list(again.ids))
        self.assertEqual({SECRET}, {again.unseal(PLACE, each) for each in sealed})

    def test_a_missing_file_is_never_replaced_where_records_are_sealed(self) -> None:
        """A new key would open nothing, and hide that the old one has to be found."""
        self.assertIn("missing", self.refused(sealed_exists=True))
        self.assertFalse(self.path.exists())

    def test_a_file_that_others_may_read_is_refused(self) -> None:
        """A key that was open to others has to be noticed, not used."""
        self.ring().add_key()
        for mode in (0o640, 0o604, 0o660, 0o601):
            self.path.chmod(mode)
            self.assertIn("chmod 600", self.refused())

    def test_a_link_a_folder_and_a_pipe_are_refused(self) -> None:
        """Only the file itself is ours; and the start does not hang."""
        self.ring().add_key()
        self.path.rename(self.folder / "elsewhere")
        self.path.symlink_to("elsewhere")
        self.assertIn("symbolic link", self.refused())
        self.path.unlink()
        self.path.mkdir(mode=0o700)
        self.assertIn("not a file", self.refused())
        self.path.rmdir()
        os.mkfifo(self.path, 0o600)
        self.assertIn("not a file", self.refused())

    def test_a_file_of_somebody_else_is_refused(self) -> None:
        """Who owns it can change it."""
        self.ring().add_key()
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        os.chown(self.path, 12345, -1)
        self.assertIn("somebody else", self.refused())

    def test_a_damaged_file_is_refused(self) -> None:
        """Torn, changed, empty, something else: one line each, and it is left as it is."""
        self.ring().add_key()
        whole = self.path.read_bytes()
        document = json.loads(whole)
        (name,) = document["keys"]
        for content in (
            b"",
            whole[: len(whole) // 2],
            b"[]",
            b"null",
            b"\xff\xfe",
            json.dumps(document | {"format": 2}).encode(),
            json.dumps(document | {"current": "00" * 8}).encode(),
            json.dumps(document | {"keys": {}}).encode(),
            json.dumps(document | {"keys": {name: "c2hvcnQ="}}).encode(),
            json.dumps({"format": 1}).encode(),
        ):
            self.path.write_bytes(content)
            self.assertIn("damaged", self.refused(sealed_exists=True))
            self.assertEqual(content, self.path.read_bytes())

    def test_nothing_is_sealed_when_the_file_cannot_be_written(self) -> None:
        """A record under a key that is lost with the process would be lost with it."""
        ring = open_keyring(self.folder / "nowhere" / "keyring", sealed_exists=False)
        self.assertRaises(Unavailable, ring.seal, PLACE, SECRET)
        self.assertIsNone(ring.current)

    def test_a_ring_that_appeared_meanwhile_is_not_overwritten(self) -> None:
        """Somebody may bring the old one back while we run without any."""
        ring = self.ring()
        self.path.write_bytes(b"the one that was brought back")
        self.assertRaises(Unavailable, ring.seal, PLACE, SECRET)
        self.assertEqual(b"the one that was brought back", self.path.read_bytes())

    def test_nothing_half_written_is_left_where_it_cannot_be_put_in_place(self) -> None:
        """Keys lie in one file and no other."""
        self.path.mkdir()
        self.assertRaises(OSError, write_private, self.path, b"keys")
        self.assertEqual(["keyring"], os.listdir(self.folder))

    def test_what_a_killed_run_left_half_written_is_replaced(self) -> None:
        """Nobody has to clean up."""
        (self.folder / "keyring.part").write_bytes(b"half")
        self.ring().add_key()
        self.assertEqual(["keyring"], os.listdir(self.folder))


class RotationTests(KeyRingCase):
    """Add a key, seal anew, drop the old one."""

    def test_a_new_key_seals_and_the_old_one_still_opens(self) -> None:
        """Rotation may stop half way for a year."""
        ring = self.ring()
        old = ring.seal(PLACE, SECRET)
        ring.add_key()
        ring = self.ring()
        self.assertTrue(ring.outdated(old))
        self.assertEqual(SECRET, ring.unseal(PLACE, old))
        new = ring.reseal(PLACE, old)
        self.assertFalse(ring.outdated(new))
        self.assertEqual(SECRET, self.ring().unseal(PLACE, new))

    def test_a_key_is_dropped_when_no_record_names_it(self) -> None:
        """And only then; the one that seals always stays."""
        ring = self.ring()
        old = ring.seal(PLACE, SECRET)
        ring.add_key()
        self.assertEqual([], ring.drop(still_named={key_of(old)}))
        new = ring.reseal(PLACE, old)
        self.assertEqual([key_of(old)], ring.drop(still_named=set()))
        ring = self.ring()
        self.assertEqual([ring.current], ring.ids)
        self.assertRaises(Unsealable, ring.unseal, PLACE, old)
        self.assertEqual(SECRET, ring.unseal(PLACE, new))

    def test_a_rotation_that_cannot_be_written_changes_nothing(self) -> None:
        """The disk is full: what was, goes on."""
        ring = self.ring()
        first = ring.add_key()
        (self.folder / "keyring.part").mkdir()
        self.assertRaises(Unavailable, ring.add_key)
        self.assertEqual(first, ring.current)
        self.assertEqual([first], self.ring().ids)


class ExportTests(KeyRingCase):
    """The other half of a backup."""

    def test_it_may_be_as_open_as_the_ring_itself(self) -> None:
        """Then nothing is lost with a passphrase."""
        ring = self.ring()
        sealed = ring.seal(PLACE, SECRET)
        content = ring.exported()
        self.assertFalse(is_locked(content))
        other = imported(self.folder / "other", content)
        self.assertEqual(SECRET, other.unseal(PLACE, sealed))

    def test_an_exported_ring_opens_what_was_sealed(self) -> None:
        """On the machine that takes over from the one that burnt down."""
        ring = self.ring()
        sealed = ring.seal(PLACE, SECRET)
        content = ring.exported("five words nobody ever says")
        self.assertNotIn(json.loads(self.path.read_bytes())["current"].encode(), content)
        other = self.folder / "other"
        imported(other, content, "five words nobody ever says")
        self.assertEqual(0o600, stat.S_IMODE(other.stat().st_mode))
        again = open_keyring(other, sealed_exists=True)
        self.assertEqual(SECRET, again.unseal(PLACE, sealed))

    def test_another_passphrase_and_other_files_are_refused(self) -> None:
        """One line that says which of the two it was, and no file is made."""
        ring = self.ring()
        ring.add_key()
        content = ring.exported("right")
        document = json.loads(content)
        greedy = document | {"kdf": document["kdf"] | {"memory_kib": 2**40}}
        unsalted = document | {"salt": "c2FsdA=="}
        other = self.folder / "other"
        error = self.assertRaises(KeyRingRefused, imported, other, content, "wrong")
        self.assertIn("passphrase", str(error))
        odd = [json.dumps(each).encode() for each in (greedy, unsalted)]
        for wrong in (b"", b"{}", b"null", b'{"format": 1}', *odd):
            error = self.assertRaises(KeyRingRefused, imported, other, wrong, "right")
            self.assertIn("not an exported", str(error))
        self.assertFalse(other.exists())

    def test_no_ring_is_overwritten(self) -> None:
        """The one that is there may be the only one that opens what is stored."""
        ring = self.ring()
        ring.add_key()
        before = self.path.read_bytes()
        content = ring.exported("right")
        error = self.assertRaises(KeyRingRefused, imported, self.path, content, "right")
        self.assertIn("not overwritten", str(error))
        self.assertEqual(before, self.path.read_bytes())
