"""The machine's clock is wrong, or set right by days while we run.

Timers follow a clock that never jumps; only dates follow the machine's.
"""

import http.client
import shutil
import time
from email.utils import parsedate_to_datetime
from unittest import SkipTest

from tests.faults.faketime import DAY, MovedClock, why_not
from tests.faults.mutants import command
from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon, scratch
from tests.whole.fixes import fix, wire
from tests.whole.patience import until
from tests.whole.phone import Closed, Phone
from tests.whole.places import PlacesSocket
from tests.whole.web import Web

JUMPS = (3, 8, 40, -2)
"""Days."""
TOPIC = f"owntracks/{ANA}/p"


class ClockCase(WholeCase):
    """A daemon whose clock is moved."""

    def setUp(self) -> None:
        if reason := why_not():
            raise SkipTest(reason)

    def with_clock(self, mutant: str | None = None) -> tuple[Daemon, MovedClock]:
        """A daemon that is not yet started, and its clock."""
        home = scratch()
        self.addCleanup(shutil.rmtree, home)
        clock = MovedClock(home / "clock")
        started = None if mutant is None else command(mutant)
        return self.new_daemon(command=started, environ=clock.environ), clock

    def date(self, daemon: Daemon) -> float:
        """What day it is to the daemon: UTC seconds."""
        head = Web(daemon.http).get("/api/health").headers["Date"]
        return parsedate_to_datetime(head).timestamp()

    def jump(self, daemon: Daemon, clock: MovedClock, days: float) -> None:
        """Set the clock of the daemon."""
        clock.move(days * DAY)
        wanted = time.time() + days * DAY
        until(lambda: abs(self.date(daemon) - wanted) < 10, 5, f"a clock moved by {days} days")

    def silent(self, daemon: Daemon) -> Phone:
        """A phone that promised to speak every second, and does not any more."""
        phone = self.phone(daemon)
        assert phone.connect("silent", ANA, PASSWORDS[ANA], keepalive=2) == 0
        return phone


class JumpTests(ClockCase):
    """A clock set right by days neither closes nor freezes a connection."""

    def test_open_connections_go_on_over_every_jump(self) -> None:
        """Phones, scripts and maps that were there before are there after."""
        daemon, clock = self.with_clock()
        daemon.start()
        phone, other = self.signed_in(daemon, ANA), self.signed_in(daemon, ANA)
        other.subscribe(f"owntracks/{ANA}/#")
        script = http.client.HTTPConnection("127.0.0.1", daemon.http, timeout=10)
        self.addCleanup(script.close)
        # A script's socket: a browser's ends with its session, which is a matter of the date.
        page = PlacesSocket(daemon.http, self.web(daemon, ANA).headers())
        self.addCleanup(page.close)
        page.expect("welcome")
        for days in JUMPS:
            self.jump(daemon, clock, days)
            self.assert_served(phone, other, page)
            script.request("GET", "/api/health")
            answer = script.getresponse()
            answer.read()
            self.assertEqual(200, answer.status)
            self.assert_served(self.signed_in(daemon, ANA), other, page)
        self.assertNotIn("Traceback", daemon.log)

    def assert_served(self, phone: Phone, other: Phone, page: PlacesSocket) -> None:
        """A fix of `phone` reaches its other and the page."""
        report = fix()
        phone.publish(TOPIC, wire(report))
        self.assertEqual(wire(report), other.delivery().payload)
        self.assertEqual(report["tst"], page.expect("location")["data"]["timestamp_unix"])
        other.ping()

    def test_a_silent_phone_is_given_up_in_time_whatever_the_date_says(self) -> None:
        """Not at once when the clock is put forward, and not days late when it is put back."""
        daemon, clock = self.with_clock()
        daemon.start()
        for days in (3, -2):
            phone, begin = self.silent(daemon), time.monotonic()
            self.jump(daemon, clock, days)
            phone.closed_within(10)
            self.assertTrue(2.5 < time.monotonic() - begin < 8, time.monotonic() - begin)

    def test_timers_that_follow_the_date_are_caught(self) -> None:
        """The test of the test."""
        daemon, clock = self.with_clock("wall")
        daemon.start()
        phone = self.signed_in(daemon, ANA)
        self.jump(daemon, clock, 3)
        self.assertRaises(Closed, self.goes_on, phone)
        silent = self.silent(daemon)
        self.jump(daemon, clock, -2)
        self.assertRaises(TimeoutError, silent.closed_within, 5)

    def goes_on(self, phone: Phone) -> None:
        """Whether it is still connected after a while."""
        for _ in range(3):
            phone.ping()
            self.assertRaises(TimeoutError, phone.read, 0.5)

    def test_browsers_stay_signed_in_for_a_week_of_the_date(self) -> None:
        """That is about days, not about how long we run."""
        daemon, clock = self.with_clock()
        daemon.start()
        used, unused = Web(daemon.http), Web(daemon.http)
        for browser in (used, unused):
            browser.sign_in(ANA, PASSWORDS[ANA])
        self.jump(daemon, clock, 3)
        self.assertEqual(200, used.get("/").status)
        self.jump(daemon, clock, 8)
        self.assertEqual([200, 303], [browser.get("/").status for browser in (used, unused)])
        self.jump(daemon, clock, 40)
        self.assertEqual(303, used.get("/").status)


class UnsetClockTests(ClockCase):
    """A small computer without a battery, until the network tells it the time."""

    def test_it_says_so_mangles_nothing_and_signs_nobody_out(self) -> None:
        """All that is wrong is our own idea of the date, and it will be mended."""
        daemon, clock = self.with_clock()
        clock.lose()
        daemon.start()
        until(lambda: "the clock says" in daemon.log, 5, "a line about the clock")
        self.assert_one_clear_line(daemon.log, "the clock says 1970-01-01", "no certificates")
        browser = Web(daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        report = fix(tst=int(time.time()))
        self.signed_in(daemon, ANA).publish(TOPIC, wire(report))
        self.jump(daemon, clock, 0)
        self.assertEqual(200, browser.get("/").status)
        (stored,) = self.web(daemon, ANA).get("/api/locations").json()["results"]
        self.assertEqual(report["tst"], stored["timestamp_unix"])
        daemon.stop()
        daemon.start()
        browser.port = daemon.http
        self.assertEqual(200, browser.get("/").status)
        self.assertNotIn("the clock says", daemon.log)

    def test_a_clock_that_was_lost_again_changes_nothing(self) -> None:
        """What was stored and who was signed in is there as before."""
        daemon, clock = self.with_clock()
        daemon.start()
        browser = Web(daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        self.signed_in(daemon, ANA).publish(TOPIC, wire(fix()))
        daemon.stop()
        clock.lose()
        daemon.start()
        browser.port = daemon.http
        self.assertEqual(200, browser.get("/").status)
        self.signed_in(daemon, ANA).publish(TOPIC, wire(fix()))
        self.assertEqual(2, self.web(daemon, ANA).get("/api/locations").json()["count"])
