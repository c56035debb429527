"""What `[mqtt] free_topics` and `anonymous_user` open, and what they never do (contract 3)."""

import signal

from tests.whole.cases import ADMIN, ANA, BEN, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.packets import Will
from tests.whole.patience import until

NOT_AUTHORISED = 5
OPEN = '[mqtt]\nfree_topics = ["home/#"]\nanonymous_user = "Ben"\n'


class OpeningTests(WholeCase):
    """Against a daemon with a file of settings."""

    def opened(self, written: str) -> Daemon:
        daemon = self.new_daemon()
        self.file = daemon.home / "mytracks.toml"
        self.file.write_text(written)
        daemon.flags = ("--config", str(self.file), *daemon.flags)
        return daemon.start()

    def test_free_topics_are_shared_by_all_who_sign_in(self) -> None:
        """Durably, retained messages included; nothing of it is taken for a place."""
        daemon = self.opened(OPEN)
        ana, ben = self.signed_in(daemon, ANA), self.signed_in(daemon, BEN)
        ana.publish("home/light", wire(fix()), retain=True)
        ben.subscribe("home/#", "garden/#")
        self.assertEqual("home/light", ben.delivery().topic)
        ana.publish("garden/light", b"on")
        ana.publish("home/light/cmd", b'{"_type":"cmd","action":"dump"}')
        ana.publish("home/door", b"open")
        self.assertEqual(b"open", ben.delivery().payload)
        self.assertEqual(0, self.web(daemon, ANA).get("/api/locations").json()["count"])
        daemon.kill()
        daemon.start()
        again = self.signed_in(daemon, BEN)
        again.subscribe("home/light")
        self.assertTrue(again.delivery().retain)

    def test_even_everything_is_nothing_of_the_phones_or_the_brokers(self) -> None:
        """`#`; a friend's places are no free topic."""
        daemon = self.opened('[mqtt]\nfree_topics = ["#"]\n')
        ana, ben = self.signed_in(daemon, ANA), self.signed_in(daemon, BEN)
        ben.subscribe("#", "owntracks/#", "$SYS/#", "$own/#")
        for topic in (f"owntracks/{ANA}/p", f"owntracks/{BEN}/p", "$SYS/x", "$own/x", "owntracks"):
            ana.publish(topic, wire(fix()))
        ana.publish("anything/else", b"1")
        self.assertEqual("anything/else", ben.delivery().topic)

    def test_who_shows_no_credentials_acts_as_the_account(self) -> None:
        """It publishes and receives what that may, over sessions, restarts and Wills."""
        daemon = self.opened(OPEN)
        guest = self.phone(daemon)
        will = Will(f"owntracks/{BEN}/door/status", b"lost", 1, False)
        self.assertEqual(0, guest.connect("door", clean=False, will=will))
        guest.subscribe(f"owntracks/{BEN}/+", "home/#")
        ben = self.signed_in(daemon, BEN)
        ben.subscribe(f"owntracks/{BEN}/door/#")
        guest.publish(f"owntracks/{BEN}/door", wire(fix()))
        guest.publish(f"owntracks/{ANA}/door", wire(fix()))
        self.assertEqual(f"owntracks/{BEN}/door", ben.delivery().topic)
        self.assertEqual(1, self.web(daemon, BEN).get("/api/locations").json()["count"])
        self.assertEqual(0, self.web(daemon, ANA).get("/api/locations").json()["count"])
        guest.close()
        self.assertEqual(b"lost", ben.delivery().payload)
        daemon.kill()
        daemon.start()
        self.signed_in(daemon, ANA).publish("home/light", b"on")
        back = self.phone(daemon)
        self.assertEqual(0, back.connect("door", clean=False))
        came = back.delivery()
        if came.dup:  # The place, of which it is not known whether it came.
            came = back.delivery()
        self.assertEqual(b"on", came.payload)

    def test_an_administrators_account_is_no_administrator_without_its_password(self) -> None:
        """And an account that is disabled stands for nobody, at once."""
        daemon = self.opened(f'[mqtt]\nanonymous_user = "{ADMIN}"\n')
        guest = self.phone(daemon)
        self.assertEqual(0, guest.connect("guest"))
        guest.subscribe("$SYS/#")
        self.assertRaises(TimeoutError, guest.delivery, 0.5)
        eves = self.opened('[mqtt]\nanonymous_user = "eve"\n')
        guest = self.phone(eves)
        self.assertEqual(0, guest.connect("guest"))
        eves.cli("user", "disable", "eve")
        guest.closed_within(2)
        self.assertEqual(NOT_AUTHORISED, self.phone(eves).connect("guest"))

    def test_sighup_opens_and_closes(self) -> None:
        """Who came in without credentials leaves with the setting; others notice nothing."""
        daemon = self.opened("")
        ana, ben = self.signed_in(daemon, ANA), self.signed_in(daemon, BEN)
        ben.subscribe("home/#")
        self.assertEqual(NOT_AUTHORISED, self.phone(daemon).connect("guest"))
        ana.publish("home/light", b"too early")
        self.reread(daemon, OPEN)
        guest = self.phone(daemon)
        self.assertEqual(0, guest.connect("guest"))
        guest.publish("home/light", b"on")
        self.assertEqual(b"on", ben.delivery().payload)
        self.reread(daemon, "")
        guest.closed_within(2)
        ana.publish("home/light", b"too late")
        ben.ping()
        self.assertRaises(TimeoutError, ben.delivery, 0.2)

    def test_a_bad_filter_ends_the_start_with_one_line(self) -> None:
        """Which is named, with what is wrong about it."""
        daemon = self.new_daemon(environ={"MYTRACKS_MQTT__FREE_TOPICS": "home/#,a/#/b"})
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_one_clear_line(ended.out, "free_topics", "'a/#/b'")

    def reread(self, daemon: Daemon, written: str) -> None:
        self.file.write_text(written)
        before = len(daemon.lines)
        daemon.signal(signal.SIGHUP)
        until(lambda: any("re-read" in line for line in daemon.lines[before:]), 5, "re-read")
