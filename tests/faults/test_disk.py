"""A full disk, a read-only one, and one that fails to sync.

Nothing that is not stored is acknowledged; one clear line says what is wrong; phones are told
that it is our trouble; and when it is over, everything that was sent arrives without a restart.
"""

import shutil
from unittest import SkipTest

from tests.faults import mounts, tracing
from tests.faults.mounts import MIB, ReadOnly, SmallDisk
from tests.faults.recorder import Fix, Recorder
from tests.faults.test_kill import stored
from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, moment, wire
from tests.whole.patience import until
from tests.whole.phone import Phone

OUR_TROUBLE = 3
RECOVERY = 20.0
"""Seconds within which it must work again after the trouble has ended."""


def sent(phone: Phone, recorder: Recorder, size: int = 100) -> tuple[int, Fix]:
    """Send one fix of ana's phone without waiting."""
    at = moment()
    each: Fix = (f"{ANA}/p", at)
    recorder.attempted(each)
    return phone.post(f"owntracks/{ANA}/p", wire(fix(tst=at, note="x" * size))), each


class FullDiskTests(WholeCase):
    """Proof of the promise where a card is too small."""

    def setUp(self) -> None:
        if reason := mounts.why_not():
            raise SkipTest(reason)

    def full(self) -> tuple[Daemon, SmallDisk, Phone, Recorder, dict[int, Fix]]:
        """A daemon whose disk has just become full while a phone was sending."""
        daemon, recorder = self.new_daemon(), Recorder()
        small = self.on_small_disk(daemon)
        daemon.start()
        phone = self.signed_in(daemon, ANA, "p")
        number, first = sent(phone, recorder)
        self.assertEqual(number, phone.expect(packets.PUBACK).packet_id)
        recorder.acknowledged(first)
        owed: dict[int, Fix] = {}
        small.keep_full()
        for _ in range(4000):
            number, each = sent(phone, recorder, 3000)
            owed[number] = each
            try:
                answer = phone.expect(packets.PUBACK, 2.0)
            except TimeoutError:
                return daemon, small, phone, recorder, owed
            recorder.acknowledged(owed.pop(answer.packet_id))
        raise AssertionError("the disk never became full")

    def on_small_disk(self, daemon: Daemon) -> SmallDisk:
        """Move the data directory to a disk of its own."""
        kept = daemon.data.rename(daemon.home / "kept")
        small = SmallDisk(daemon.data, 64 * MIB)
        self.addCleanup(small.close)
        shutil.copytree(kept, daemon.data, dirs_exist_ok=True)
        return small

    def test_nothing_is_acknowledged_and_all_arrives_when_there_is_room_again(self) -> None:
        """Without a restart, without a reconnect, in order."""
        daemon, small, phone, recorder, owed = self.full()
        for _ in range(5):
            number, each = sent(phone, recorder)
            owed[number] = each
        self.assertRaises(TimeoutError, phone.expect, packets.PUBACK, 2.0)
        small.empty()
        for number in list(owed):
            self.assertEqual(number, phone.expect(packets.PUBACK, RECOVERY).packet_id)
            recorder.acknowledged(owed[number])
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))
        self.assertEqual(verdict.attempted, verdict.present)
        self.assertNotIn("Traceback", daemon.log)

    def test_newcomers_and_http_are_told_that_it_is_our_trouble(self) -> None:
        """CONNACK 3 and 503: an iPhone would throw its places away on anything else."""
        daemon, small, phone, _, _ = self.full()
        self.assertEqual(OUR_TROUBLE, self.phone(daemon).connect("x", BEN, PASSWORDS[BEN]))
        web = self.web(daemon, ANA)
        self.assertEqual(503, web.post_json("/pub", fix()).status)
        health = web.get("/api/health")
        self.assertEqual((503, "degraded"), (health.status, health.json()["status"]))
        self.assertEqual(200, web.get("/api/locations").status, "reading goes on")
        phone.ping()
        small.empty()
        until(lambda: web.get("/api/health").status == 200, RECOVERY, "health is ok again")
        self.assertEqual(200, web.post_json("/pub", fix()).status)
        self.assertEqual(0, self.phone(daemon).connect("x", BEN, PASSWORDS[BEN]))

    def test_one_line_says_so_however_long_it_lasts(self) -> None:
        """A log that fills the disk further would be a bad joke."""
        daemon, small, phone, recorder, _ = self.full()
        for _ in range(20):
            sent(phone, recorder)
        self.assertRaises(TimeoutError, phone.expect, packets.PUBACK, 3.0)
        telling = [line for line in daemon.lines if "full" in line.lower()]
        self.assertEqual(1, len(telling), daemon.log)
        self.assertNotIn("Traceback", daemon.log)
        small.empty()
        phone.expect(packets.PUBACK, RECOVERY)

    def test_a_kill_on_a_full_disk_loses_nothing_acknowledged(self) -> None:
        """The two worst things on one day."""
        daemon, small, _, recorder, _ = self.full()
        daemon.kill()
        small.empty()
        daemon.start()
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))


class ReadOnlyTests(WholeCase):
    """A card that the system has made read-only."""

    def setUp(self) -> None:
        if reason := mounts.why_not():
            raise SkipTest(reason)

    def test_it_does_not_pretend_and_works_again_when_it_can_write(self) -> None:
        """Either it refuses to start with one line, or it runs and acknowledges nothing."""
        daemon = self.new_daemon().start()
        self.signed_in(daemon, ANA).publish(f"owntracks/{ANA}/p", wire(fix()))
        daemon.stop()
        locked = ReadOnly(daemon.data)
        self.addCleanup(locked.close)
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_one_clear_line(ended.out.lower(), str(daemon.data), "read-only")
        locked.close()
        daemon.start()
        self.assertEqual(1, self.web(daemon, ANA).get("/api/locations").json()["count"])


class FailingSyncTests(WholeCase):
    """A disk that says `I/O error` when asked to make things durable."""

    def setUp(self) -> None:
        if reason := tracing.why_not():
            raise SkipTest(reason)

    def test_a_failed_sync_ends_it_and_nothing_is_acknowledged(self) -> None:
        """After one failed sync nobody knows what is on the disk; going on would be a lie."""
        daemon, recorder = self.new_daemon().start(), Recorder()
        phone = self.signed_in(daemon, ANA)
        phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        tracing.Trace(daemon, ["-e", "inject=fdatasync,fsync:error=EIO"])
        sent(phone, recorder)
        answers = phone.closed_within(15)
        self.assertEqual([], [each for each in answers if each.kind == packets.PUBACK])
        self.assertGreater(daemon.wait(), 0)
        self.assertNotIn("Traceback", daemon.log)
        daemon.start()
        self.assertEqual(0, self.phone(daemon).connect("x", ANA, PASSWORDS[ANA]))
