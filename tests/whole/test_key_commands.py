"""`mytracks key …`: the key ring, with the real daemon and real files."""

import stat

from tests.whole.tls import ANA, TLSCase


class KeyCommandTests(TLSCase):
    """What is sealed stays readable, and only with the ring."""

    def test_the_ring_is_brought_back_from_its_export(self) -> None:
        """Missing while keys are sealed with it, it is never made anew."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        ring, out = daemon.data / "keyring", daemon.home / "ring.json"
        self.assertEqual(0o600, stat.S_IMODE(ring.stat().st_mode))
        made = self.cli(daemon, "key", "export", str(out), "--lock")
        self.assertEqual(0o600, stat.S_IMODE(out.stat().st_mode))
        self.assertNotEqual(0, daemon.cli("key", "export", str(out)).code)
        daemon.stop()
        ring.unlink()
        ended = daemon.fail_to_start()
        self.assertNotEqual(0, ended.code)
        self.assert_one_clear_line(ended.out, "key ring", "missing")
        words = ("key", "import", str(out), "--passphrase-stdin")
        self.assertNotEqual(0, daemon.cli(*words, typed="wrong\n").code)
        self.assertFalse(ring.exists())
        self.assertEqual(0, daemon.cli(*words, typed=made["password"] + "\n").code)
        self.assertNotEqual(0, daemon.cli(*words, typed=made["password"] + "\n").code)
        daemon.start()
        self.assert_let_in(daemon, "1.3", shown)

    def test_a_new_key_seals_all_anew_and_the_old_one_goes(self) -> None:
        """With the server running or not; nobody who is connected notices."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        phone = self.secure_phone(daemon, "1.3", shown)
        self.assertEqual(0, phone.connect("phone"))
        before = (daemon.data / "keyring").read_bytes()
        done = self.cli(daemon, "key", "rotate")
        self.assertEqual({"resealed": 3, "keys": 1, "forgotten": 1}, done)
        self.assertNotEqual(before, (daemon.data / "keyring").read_bytes())
        phone.ping()
        daemon.stop()
        self.assertEqual(1, self.cli(daemon, "key", "rotate")["forgotten"])
        daemon.start()
        self.assert_let_in(daemon, "1.2", shown)
        self.client(daemon, ANA)

    def test_no_key_in_clear_is_to_be_found_in_the_data_directory(self) -> None:
        """Nor what a key in clear begins with."""
        daemon = self.secure_daemon()
        self.client(daemon, ANA)
        daemon.stop()
        secret = self.ca.key_pem.splitlines()[1]
        for path in daemon.data.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(b"PRIVATE KEY", content, path)
                self.assertNotIn(secret, content, path)
        self.assertNotIn("PRIVATE KEY", daemon.log)
