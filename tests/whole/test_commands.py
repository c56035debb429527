"""The `mytracks` command, with a daemon and without (contract 2)."""

import json
import os
import stat
import subprocess

from tests.whole.cases import ADMIN, ANA, BEN, EVE, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon, Finished
from tests.whole.fixes import fix, wire
from tests.whole.phone import Phone
from tests.whole.web import Web

BAD_CREDENTIALS = 4


def signs_in(daemon: Daemon, user: str, password: str) -> int:
    """The CONNACK code for these credentials."""
    phone = Phone(daemon.mqtt)
    try:
        return phone.connect("cli-check", user, password)
    finally:
        phone.close()


class CommandCase(WholeCase):
    """Somebody at a shell."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon()

    def refused(self, *words: str, typed: str = "") -> Finished:
        """Run it, expecting a refusal on standard error."""
        done = self.daemon.cli(*words, typed=typed)
        self.assertEqual(1, done.code, (words, done))
        self.assertTrue(done.err.strip(), done)
        self.assertNotIn("Traceback", done.err + done.out)
        return done

    def done(self, *words: str, typed: str = "") -> Finished:
        """Run it, expecting success."""
        done = self.daemon.cli(*words, typed=typed)
        self.assertEqual(0, done.code, (words, done))
        return done

    def assert_signs_in(self, user: str, password: str, code: int = 0) -> None:
        """The credentials get this CONNACK code from the running daemon."""
        self.assertEqual(code, signs_in(self.daemon, user, password))

    def listed(self) -> list[dict[str, object]]:
        """`user list --json`: a list, or the envelope that all lists have."""
        found = self.done("user", "list", "--json").json()
        rows = found["results"] if isinstance(found, dict) else found
        assert isinstance(rows, list)
        return rows


class WithDaemonTests(CommandCase):
    """Through the running daemon; what it changes holds at once."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon().start()

    def test_an_account_is_added_shown_and_listed(self) -> None:
        """The first thing anybody does after the set-up."""
        self.done(
            "user",
            "add",
            "Cleo",
            "--email",
            "cleo@example.org",
            "--password-stdin",
            typed="cleopatra's needle\n",
        )
        shown = self.done("user", "show", "cleo", "--json").json()
        self.assertEqual("cleo", shown["name"])
        self.assertEqual("cleo@example.org", shown["email"])
        self.assertFalse(shown["admin"])
        self.assertFalse(shown["disabled"])
        self.assertNotIn("argon2", json.dumps(shown))
        names = [each["name"] for each in self.listed()]
        self.assertEqual(sorted([*PASSWORDS, "cleo"]), sorted(names))
        plain = self.done("user", "list").out
        for name in names:
            self.assertIn(name, plain)

    def test_a_generated_password_is_the_last_word_and_is_shown_once(self) -> None:
        """A script takes it with `tail`, a person reads it from the end of the line."""
        word = self.done("user", "add", "dora").last_word
        self.assertGreaterEqual(len(word), 12)
        self.assertNotIn(word, self.done("user", "show", "dora").out)
        other = self.done("user", "add", "emil", "--json").json()["password"]
        self.assertNotEqual(word, other)
        self.assert_signs_in("dora", word)
        self.assert_signs_in("emil", other)

    def test_a_password_is_replaced(self) -> None:
        """The answer to `I forgot it`."""
        typed = "a brand new word\n"
        self.done("user", "password", ANA, "--password-stdin", typed=typed)
        self.assert_signs_in(ANA, "a brand new word")
        self.assert_signs_in(ANA, PASSWORDS[ANA], BAD_CREDENTIALS)
        word = self.done("user", "password", ANA, "--json").json()["password"]
        self.assert_signs_in(ANA, word)

    def test_an_account_is_disabled_and_enabled(self) -> None:
        """A lost phone, a lodger who moved out."""
        self.done("user", "disable", ANA)
        self.assertTrue(self.done("user", "show", ANA, "--json").json()["disabled"])
        self.assert_signs_in(ANA, PASSWORDS[ANA], BAD_CREDENTIALS)
        self.done("user", "enable", ANA)
        self.assert_signs_in(ANA, PASSWORDS[ANA])

    def test_an_account_is_deleted(self) -> None:
        """Gone is gone: the name is free for somebody else, who inherits nothing."""
        self.done("user", "delete", BEN)
        self.refused("user", "show", BEN)
        self.done("user", "add", BEN, "--password-stdin", typed="another ben's word\n")
        self.assert_signs_in(BEN, PASSWORDS[BEN], BAD_CREDENTIALS)

    def test_the_last_administrator_stays(self) -> None:
        """Nobody locks everybody out, themselves included."""
        for verb in ("disable", "delete"):
            self.refused("user", verb, ADMIN)
        self.done(
            "user", "add", "second", "--admin", "--password-stdin", typed="second in line 2\n"
        )
        self.done("user", "disable", ADMIN)
        self.refused("user", "delete", "second")

    def test_refusals_exit_with_1(self) -> None:
        """A script can tell a refusal from a typing error."""
        self.refused("user", "add", ANA)
        self.refused("user", "add", "user")
        self.refused("user", "add", "a/b")
        self.refused("user", "add", "x" * 65)
        self.refused("user", "add", "short", "--password-stdin", typed="short\n")
        self.refused("user", "show", "nobody")
        self.refused("user", "password", "nobody")
        self.refused("device", "credential", "nobody/phone")
        self.refused("device", "credential", f"{ANA}/a+b")

    def test_wrong_usage_exits_with_2(self) -> None:
        """As every command does."""
        for words in (
            ["user", "frobnicate"],
            ["user", "add"],
            ["device", "credential"],
            ["user", "list", "--colour"],
        ):
            self.assertEqual(2, self.daemon.cli(*words).code, words)

    def test_a_device_password_is_made_shown_once_and_replaced(self) -> None:
        """One phone lost is one credential lost, not the account's password."""
        first = self.done("device", "credential", f"{ANA}/tablet").last_word
        self.assert_signs_in(ANA, first)
        second = self.done("device", "credential", f"{ANA}/tablet", "--json").json()
        self.assertNotEqual(first, second["password"])
        self.assert_signs_in(ANA, first, BAD_CREDENTIALS)
        self.assert_signs_in(ANA, second["password"])
        self.assert_signs_in(BEN, second["password"], BAD_CREDENTIALS)

    def test_the_control_socket_is_the_owners_alone_and_goes_with_the_daemon(self) -> None:
        """Whoever can open it is administrator."""
        control = self.daemon.data / "control.sock"
        self.assertTrue(stat.S_ISSOCK(control.stat().st_mode))
        self.assertEqual(0o600, stat.S_IMODE(control.stat().st_mode))
        self.daemon.stop()
        self.assertFalse(control.exists())

    def test_a_dead_daemons_socket_is_not_in_the_way(self) -> None:
        """After a kill -9 the file is still there; commands go to the store."""
        self.daemon.kill()
        self.assertIn(ANA, self.done("user", "list").out)
        self.daemon.start()
        self.assertIn(ANA, self.done("user", "list").out)

    def test_a_device_password_opens_both_doors_and_its_replacement_cuts_it(
        self,
    ) -> None:
        """A found phone is out of every door the moment its owner says so."""
        word = self.daemon.device_password(f"{ANA}/tablet")
        phone = self.signed_in(self.daemon, ANA, "tablet", word)
        phone.publish(f"owntracks/{ANA}/tablet", wire(fix()))
        posted = Web(self.daemon.http, basic=(ANA, word)).post_json("/pub", fix())
        self.assertEqual((200, []), (posted.status, posted.json()))
        self.done("device", "credential", f"{ANA}/tablet")
        phone.closed_within(1)
        again = Web(self.daemon.http, basic=(ANA, word)).post_json("/pub", fix())
        self.assertEqual(401, again.status)
        self.assertEqual(BAD_CREDENTIALS, signs_in(self.daemon, ANA, word))

    def test_a_disabled_user_is_out_of_every_door_within_a_second(self) -> None:
        """Contract 3: live connections included."""
        phone = self.signed_in(self.daemon, ANA)
        browser = Web(self.daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        self.assertEqual(200, browser.get("/api/account").status)
        self.done("user", "disable", ANA)
        phone.closed_within(1)
        self.assertEqual(401, browser.get("/api/account").status)
        self.assertEqual(BAD_CREDENTIALS, signs_in(self.daemon, ANA, PASSWORDS[ANA]))

    def test_a_new_password_cuts_live_connections_and_browsers(self) -> None:
        """Whoever changes a password wants the other holder out."""
        phone = self.signed_in(self.daemon, ANA)
        other = self.signed_in(self.daemon, BEN)
        browser = Web(self.daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        self.done("user", "password", ANA)
        phone.closed_within(1)
        self.assertEqual(401, browser.get("/api/account").status)
        other.ping()

    def test_a_new_account_password_leaves_the_device_passwords_alone(self) -> None:
        """Five phones need not be set up again because of a forgotten account password."""
        word = self.daemon.device_password(f"{ANA}/tablet")
        phone = self.signed_in(self.daemon, ANA, "tablet", word)
        self.done("user", "password", ANA)
        phone.ping()

    def test_a_deleted_user_is_out_and_their_places_are_gone(self) -> None:
        """Erasure means erasure, in this directory's database too."""
        phone = self.signed_in(self.daemon, BEN)
        phone.publish(f"owntracks/{BEN}/p", wire(fix(tag="ben was here")))
        self.done("user", "delete", BEN)
        phone.closed_within(1)
        self.done("user", "add", BEN, "--password-stdin", typed="another ben's word\n")
        web = Web(self.daemon.http, basic=(BEN, "another ben's word"))
        self.assertEqual(0, web.get("/api/locations").json()["count"])
        self.assertEqual(0, web.get("/api/devices").json()["count"])

    def test_a_new_account_signs_in_at_once(self) -> None:
        """No restart, no waiting."""
        self.daemon.add_user("cleo", "cleopatra's needle")
        self.assertEqual(0, signs_in(self.daemon, "cleo", "cleopatra's needle"))
        self.assertEqual(0, signs_in(self.daemon, "CLEO", "cleopatra's needle"))

    def test_no_secret_reaches_the_log(self) -> None:
        """Logs are mailed to strangers who offer help."""
        secrets = [
            self.daemon.device_password(f"{ANA}/tablet"),
            self.done("user", "add", "dora").last_word,
        ]
        self.assertEqual(0, signs_in(self.daemon, ANA, secrets[0]))
        self.assertEqual(BAD_CREDENTIALS, signs_in(self.daemon, ANA, "a wrong guess of mine"))
        for secret in [*secrets, "a wrong guess of mine", PASSWORDS[ANA]]:
            self.assertNotIn(secret, self.daemon.log)

    def test_another_system_user_cannot_use_it(self) -> None:
        """The data directory is closed to others, so the socket in it is."""
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "ls"]
        entry = subprocess.run([*words, str(self.daemon.data)], capture_output=True, check=False)
        self.assertNotEqual(0, entry.returncode)


class FirstCommandTests(WholeCase):
    """A command on a machine where no daemon ever ran."""

    def test_the_first_command_makes_the_data_directory(self) -> None:
        """A machine is set up by a script before the service ever starts."""
        fresh = self.new_daemon(accounts=False)
        fresh.add_user("first", "the very first word", "--admin")
        self.assertEqual(0o700, stat.S_IMODE(fresh.data.stat().st_mode))
        self.assertEqual(0, signs_in(fresh.start(), "first", "the very first word"))
        self.assertNotIn("/setup/", fresh.log)


class WithoutDaemonTests(CommandCase):
    """The command opens the store itself: each does the same as through the daemon."""

    def test_what_is_changed_while_the_daemon_is_down_holds_when_it_is_up(self) -> None:
        """A machine is mended from a rescue shell."""
        typed = "another word for all\n"
        self.done("user", "add", "cleo", "--email", "cleo@example.org")
        self.assertEqual(
            "cleo@example.org", self.done("user", "show", "cleo", "--json").json()["email"]
        )
        self.done("user", "password", ANA, "--password-stdin", typed=typed)
        self.done("user", "disable", EVE)
        self.done("user", "delete", BEN)
        word = self.done("device", "credential", f"{ANA}/tablet").last_word
        names = {each["name"]: each["disabled"] for each in self.listed()}
        self.assertEqual({ADMIN: False, ANA: False, EVE: True, "cleo": False}, names)
        self.daemon.start()
        self.assert_signs_in(ANA, "another word for all")
        self.assert_signs_in(ANA, word)
        self.assert_signs_in(ANA, PASSWORDS[ANA], BAD_CREDENTIALS)
        self.assert_signs_in(EVE, PASSWORDS[EVE], BAD_CREDENTIALS)
        self.assert_signs_in(BEN, PASSWORDS[BEN], BAD_CREDENTIALS)

    def test_refusals_and_typing_errors_have_their_own_status(self) -> None:
        """A script can tell one from the other."""
        self.refused("user", "add", ANA)
        self.refused("user", "delete", ADMIN)
        self.refused("device", "credential", "nobody/phone")
        self.assertEqual(2, self.daemon.cli("user", "frobnicate").code)
