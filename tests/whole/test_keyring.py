"""The key ring of a real daemon: made with the first secret, private, missed when it is gone."""

import json
import stat
import time

import pyotp

from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.web import Web


class KeyRingTests(WholeCase):
    """A daemon whose ana turns the second factor on."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon()
        self.ring = self.daemon.data / "keyring"

    def turn_on(self) -> tuple[pyotp.TOTP, list[str]]:
        """Ana's app and her recovery codes."""
        web = self.web(self.daemon, ANA)
        begun = web.post_json("/api/account/totp", {})
        self.assertEqual(200, begun.status, begun.body)
        app = pyotp.TOTP(begun.json()["secret"])
        self.used = app.now()
        on = web.post_json("/api/account/totp/confirm", {"code": self.used})
        self.assertEqual(200, on.status, on.body)
        return app, on.json()["recovery_codes"]

    def second_step(self, code: str, daemon: Daemon | None = None) -> Web:
        """A browser after the password, asked for a code, which shows this one."""
        browser = self.web(daemon or self.daemon)
        self.assertEqual("/login/second/", browser.sign_in(ANA, PASSWORDS[ANA]).location)
        token = browser.form_token("/login/second/")
        browser.post_form("/login/second/", {"csrf_token": token, "code": code})
        return browser

    def test_it_is_made_with_the_first_secret_and_opens_it_after_a_restart(self) -> None:
        """0600, no part of it left over; a code that was used before the restart is used."""
        self.daemon.start()
        self.assertFalse(self.ring.exists())
        app, codes = self.turn_on()
        self.assertEqual(0o600, stat.S_IMODE(self.ring.stat().st_mode))
        self.assertFalse(self.ring.with_name("keyring.part").exists())
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(401, self.second_step(self.used).get("/api/account").status)
        inside = self.second_step(app.at(time.time() + 30))
        self.assertEqual(ANA, inside.get("/api/account").json()["username"])
        self.assertEqual(200, self.second_step(codes[0]).get("/api/account").status)
        self.assertEqual(401, self.second_step(codes[0]).get("/api/account").status)
        for secret in (app.secret, *codes):
            self.assertNotIn(secret, self.daemon.log)

    def test_without_it_nothing_starts_and_no_new_one_is_made(self) -> None:
        """One line that says what is missing and how it comes back; then all is as before."""
        self.daemon.start()
        app, _ = self.turn_on()
        self.daemon.stop()
        aside = self.daemon.data / "aside"
        self.ring.rename(aside)
        log = self.daemon.fail_to_start()
        self.assertNotEqual(0, log.code)
        self.assert_one_clear_line(self.daemon.log, str(self.ring), "missing", "key import")
        self.assertFalse(self.ring.exists())
        aside.rename(self.ring)
        self.daemon.start()
        self.second_step(app.at(time.time() + 30))

    def test_one_that_others_may_read_is_damaged_or_of_another_server_is_refused(self) -> None:
        """Each with one line."""
        self.daemon.start()
        self.turn_on()
        self.daemon.stop()
        self.ring.chmod(0o644)
        self.daemon.fail_to_start()
        self.assert_one_clear_line(self.daemon.log, str(self.ring), "chmod 600")
        self.ring.chmod(0o600)
        whole = json.loads(self.ring.read_text())
        self.ring.write_text(json.dumps(whole | {"keys": {}}))
        self.daemon.fail_to_start()
        self.assert_one_clear_line(self.daemon.log, str(self.ring), "damaged")
        other, key = "00" * 8, next(iter(whole["keys"].values()))
        foreign = json.dumps(whole | {"keys": {other: key}, "current": other})
        self.ring.write_text(foreign)
        self.daemon.fail_to_start()
        self.assert_one_clear_line(self.daemon.log, str(self.ring), "is not the one", "key import")
        self.assertEqual(foreign, self.ring.read_text())

    def test_a_backup_with_it_is_all_there_is_and_one_without_it_is_not(self) -> None:
        """The drill: the disk died, and the second factor opens on the next machine. Without the
        key ring the start says what is missing."""
        self.daemon.start()
        _, codes = self.turn_on()
        kept = self.daemon.home / "kept"
        kept.mkdir()
        for name, words in (("whole.tar", ()), ("bare.tar", ("--without-keys",))):
            self.assertEqual(0, self.daemon.cli("backup", str(kept / name), *words).code)
        self.daemon.stop()
        other, bare = (self.new_daemon(accounts=False) for _ in range(2))
        self.assertEqual(0, other.cli("restore", str(kept / "whole.tar")).code)
        other.start()
        inside = self.second_step(codes[0], other)
        self.assertEqual(ANA, inside.get("/api/account").json()["username"])
        self.assertEqual(0, bare.cli("restore", str(kept / "bare.tar")).code)
        bare.fail_to_start()
        self.assert_one_clear_line(bare.log, "keyring", "missing", "key import")

    def test_the_command_says_so_too(self) -> None:
        """Without a daemon the command opens the store itself."""
        self.daemon.start()
        self.turn_on()
        self.daemon.stop()
        self.ring.unlink()
        done = self.daemon.cli("user", "list")
        self.assertEqual(1, done.code, done)
        self.assert_one_clear_line(done.err, "keyring", "missing")

    def test_phones_go_on_with_the_password(self) -> None:
        """No phone can be asked for a code: MQTT and HTTP take the password for publishing."""
        self.daemon.start()
        self.turn_on()
        self.signed_in(self.daemon, ANA)
        web = self.web(self.daemon, ANA)
        self.assertEqual(200, web.post_json("/pub?d=phone", {"_type": "status"}).status)
        self.assertEqual(403, web.get("/api/locations").status)
