"""What somebody had is withdrawn while they are there (contract 3): within a second, and nothing
is said for them afterwards."""

import time

from tests.whole.cases import ADMIN, ANA, BEN, EVE, PASSWORDS, WholeCase, unused
from tests.whole.daemon import Daemon
from tests.whole.packets import Will
from tests.whole.phone import Phone

AT_ONCE = 1.0
UPTIME = "$SYS/broker/uptime"
GONE = b'{"_type":"lwt","tst":1}'


class DisabledTests(WholeCase):
    """An account that is disabled, and the Wills of its phones."""

    def setUp(self) -> None:
        environ = {"MYTRACKS_MQTT__FREE_TOPICS": "home/#"}
        self.daemon = self.new_daemon(environ=environ).start()

    def phone_with_will(self, user: str, topic: str) -> Phone:
        """One whose Will is kept for all who come later."""
        phone = self.phone(self.daemon)
        will = Will(topic, GONE, 1, retain=True)
        self.assertEqual(0, phone.connect(unused("c"), user, PASSWORDS[user], will=will))
        return phone

    def change(self, deed: str, user: str) -> None:
        """By the command line."""
        done = self.daemon.cli("user", deed, user)
        self.assertEqual(0, done.code, done)

    def test_its_phones_are_cut_and_their_wills_are_not_spoken(self) -> None:
        """Neither in its own tree nor where everybody reads; a lost phone's is, as ever."""
        listener = self.signed_in(self.daemon, BEN)
        listener.subscribe("home/#", qos=1)
        own, free, ana = (
            self.phone_with_will(EVE, f"owntracks/{EVE}/phone"),
            self.phone_with_will(EVE, "home/eve"),
            self.phone_with_will(ANA, "home/ana"),
        )
        self.change("disable", EVE)
        began = time.monotonic()
        for phone in (own, free):
            phone.closed_within(AT_ONCE)
        self.assertLess(time.monotonic() - began, AT_ONCE)
        ana.close()
        self.assertEqual("home/ana", listener.delivery().topic)
        self.change("enable", EVE)
        again = self.signed_in(self.daemon, EVE)
        again.subscribe(f"owntracks/{EVE}/#", "home/#", qos=1)
        self.assertEqual("home/ana", again.delivery().topic)
        again.ping()
        self.assertRaises(TimeoutError, again.delivery, 0.3)
        self.assertRaises(TimeoutError, listener.delivery, 0.3)

    def test_nor_are_they_after_a_kill(self) -> None:
        """The next start finds them, and whose they are."""
        self.phone_with_will(EVE, f"owntracks/{EVE}/phone")
        self.daemon.kill()
        self.change("disable", EVE)
        self.daemon.start()
        self.change("enable", EVE)
        again = self.signed_in(self.daemon, EVE)
        again.subscribe(f"owntracks/{EVE}/#", qos=1)
        again.ping()
        self.assertRaises(TimeoutError, again.delivery, 0.3)


class DemotedTests(WholeCase):
    """An administrator who is no longer one."""

    def daemon(self) -> Daemon:
        return self.new_daemon(environ={"MYTRACKS_MQTT__SYS_INTERVAL": "1"}).start()

    def toggle(self, daemon: Daemon, name: str) -> bool:
        """Root makes them an administrator, or no longer; which it is now."""
        root = self.web(daemon, ADMIN)
        listed = root.get("/api/admin/users").json()["results"]
        number = next(user["id"] for user in listed if user["username"] == name)
        answer = root.post_json(f"/api/admin/users/{number}/toggle-admin", {})
        self.assertEqual(200, answer.status, answer.body)
        return bool(answer.json()["is_staff"])

    def test_whoever_reads_the_brokers_statistics_is_cut_and_reads_no_more(self) -> None:
        """At once; as an ordinary user they come in again."""
        daemon = self.daemon()
        self.assertTrue(self.toggle(daemon, EVE))
        eve, ana = self.signed_in(daemon, EVE, "c", clean=False), self.signed_in(daemon, ANA)
        eve.subscribe("$SYS/#", f"owntracks/{EVE}/#")
        self.assertEqual("$SYS", eve.delivery().topic[:4])
        self.assertFalse(self.toggle(daemon, EVE))
        eve.closed_within(AT_ONCE)
        again = self.signed_in(daemon, EVE, "c", clean=False)
        self.assertTrue(again.present)
        again.subscribe(UPTIME)
        again.ping()
        self.assertRaises(TimeoutError, again.delivery, 1.5)
        ana.ping()
