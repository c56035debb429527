"""Many at once, bursts, and too few descriptors: others must not notice."""

import contextlib
import resource
import signal
import socket
import time

from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, WholeCase
from tests.whole.daemon import LOCAL, installed
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK, PUBLISH
from tests.whole.patience import until
from tests.whole.phone import Closed, Phone

BURST = 10_000


class BurstTests(SharedCase):
    """A phone comes back from the mountains."""

    def test_ten_thousand_queued_fixes_are_taken_while_another_phone_is_served(self) -> None:
        """owntracks.md 18, 22."""
        returning, other = self.signed_in(self.daemon, ANA), self.signed_in(self.daemon, BEN)
        slowest = 0.0
        for first in range(0, BURST, 500):
            numbers = range(first + 1, first + 501)
            batch = [packets.publish(self.topic, wire(fix()), number) for number in numbers]
            returning.send(b"".join(batch))
            begin = time.monotonic()
            other.publish(f"owntracks/{BEN}/{self.device}", wire(fix()))
            slowest = max(slowest, time.monotonic() - begin)
            for number in numbers:
                self.assertEqual(number, returning.expect(PUBACK, 30).packet_id)
        self.assertLess(slowest, 2.0)
        found = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        self.assertEqual(BURST, found.json()["count"])

    def test_a_subscriber_that_acknowledges_nothing_gets_no_more_than_the_window(self) -> None:
        """`max_inflight` 20; the rest comes when it answers, in order, none twice."""
        lazy, sender = self.signed_in(self.daemon, ANA), self.signed_in(self.daemon, ANA)
        lazy.subscribe(self.topic)
        sent = [wire(fix()) for _ in range(50)]
        for payload in sent:
            sender.publish(self.topic, payload)
        got = [packets.delivery(lazy.read()) for _ in range(20)]
        lazy.send(packets.PINGREQ)
        self.assertEqual(packets.PINGRESP, lazy.read().kind)
        for number in range(50):
            lazy.send(packets.packet(0x40, (got[number].packet_id or 0).to_bytes(2, "big")))
            if len(got) < 50:
                received = lazy.read()
                self.assertEqual(PUBLISH, received.kind)
                got.append(packets.delivery(received))
        self.assertEqual(sent, [each.payload for each in got])
        self.assertEqual({False}, {each.dup for each in got})

    def test_twenty_subscribers_all_get_everything_in_order(self) -> None:
        """Family members' phones and screens."""
        family = [self.signed_in(self.daemon, ANA) for _ in range(20)]
        for each in family:
            each.subscribe(f"owntracks/+/{self.device}")
        sender = self.signed_in(self.daemon, ANA)
        sent = [wire(fix()) for _ in range(30)]
        for payload in sent:
            sender.publish(self.topic, payload)
        for each in family:
            self.assertEqual(sent, [each.delivery().payload for _ in sent])


class LimitTests(WholeCase):
    """Bounds on connections, and what a full house does."""

    def test_connections_of_one_address_are_bounded_before_they_sign_in(self) -> None:
        """One machine cannot take all places of a household."""
        daemon = self.new_daemon(
            environ={"MYTRACKS_MQTT__MAX_CONNECTIONS_PER_ADDRESS": "5"}
        ).start()
        inside = [self.signed_in(daemon, ANA) for _ in range(5)]
        outside = self.phone(daemon)
        with contextlib.suppress(Closed, ConnectionError):
            self.assertEqual(3, outside.connect("6th", ANA, PASSWORDS[ANA]))
        for phone in inside:
            phone.ping()

    def test_running_out_of_descriptors_costs_the_newcomers_only(self) -> None:
        """Phones that are in go on; when others leave, newcomers get in, without a restart."""
        limited = ("sh", "-c", 'ulimit -n 64; exec "$0" "$@"', *installed("twistd"))
        daemon = self.new_daemon(command=(*limited, "-n", "mytracks"), flags=LOCAL).start()
        phone = self.signed_in(daemon, ANA)
        crowd = []
        for _ in range(80):
            newcomer = socket.create_connection(("127.0.0.1", daemon.mqtt), 5)
            self.addCleanup(newcomer.close)
            crowd.append(newcomer)
        for _ in range(5):
            phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        for newcomer in crowd:
            newcomer.close()

        def in_again() -> bool:
            try:
                return self.phone(daemon).connect("late", BEN, PASSWORDS[BEN]) == 0
            except (AssertionError, OSError):
                return False

        until(in_again, 20, "a newcomer gets in again")
        self.assertNotIn("Traceback", daemon.log)
        self.assertLess(len(daemon.lines), 60, daemon.log)

    def test_memory_stays_bounded_while_a_screen_reads_nothing(self) -> None:
        """`max_buffered_out`: 1 MiB, then quality 0 is dropped."""
        daemon = self.new_daemon().start()
        deaf, sender = self.signed_in(daemon, ANA), self.signed_in(daemon, ANA)
        deaf.subscribe("owntracks/#", qos=0)
        payload = wire(fix(image="x" * 1_000_000))
        sender.publish(f"owntracks/{ANA}/p", payload)
        before = resident(daemon.pid)
        for number in range(60):
            sender.publish(f"owntracks/{ANA}/p", wire(fix(image="x" * 1_000_000, n=number)))
        self.assertLess(resident(daemon.pid) - before, 40 * 1024 * 1024)


def resident(pid: int) -> int:
    """Bytes of memory that the process holds."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class SignalTests(WholeCase):
    """Signals at the wrong moment."""

    def test_sigterm_during_the_start_ends_it_cleanly(self) -> None:
        """A service manager changes its mind."""
        for delay in (0.3, 0.6, 0.9):
            daemon = self.new_daemon()
            daemon.launch()
            end = time.monotonic() + delay
            until(lambda end=end: time.monotonic() > end, 5, "a moment")  # type: ignore[misc]
            daemon.signal(signal.SIGTERM)
            daemon.wait(10)
            self.assertNotIn("Traceback", daemon.log)
            self.assertFalse((daemon.data / "runtime.json").exists())
            daemon.start()
            daemon.stop()

    def test_a_second_sigterm_does_no_harm(self) -> None:
        """Impatient people."""
        daemon = self.new_daemon().start()
        phone = Phone(daemon.mqtt)
        self.addCleanup(phone.close)
        phone.connect("p", ANA, PASSWORDS[ANA])
        numbers = [phone.post(f"owntracks/{ANA}/p", wire(fix())) for _ in range(50)]
        daemon.signal(signal.SIGTERM)
        if daemon.running:
            daemon.signal(signal.SIGTERM)
        answers = phone.closed_within(10)
        daemon.wait(10)
        acknowledged = len([each for each in answers if each.kind == PUBACK])
        self.assertLessEqual(acknowledged, len(numbers))
        self.assertNotIn("Traceback", daemon.log)
        daemon.start()
        found = self.web(daemon, ANA).get("/api/locations").json()["count"]
        self.assertGreaterEqual(found, acknowledged)
