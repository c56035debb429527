"""A full disk, a read-only one, and one that fails to sync.

Nothing that is not stored is acknowledged; one clear line says what is wrong; phones are told
that it is our trouble; and when it is over, everything that was sent arrives without a restart.
"""

import contextlib
import errno
import os
import shutil
from subprocess import CalledProcessError
from unittest import SkipTest

from tests import databases
from tests.faults import forgetful_disk, mounts, tracing
from tests.faults.forgetful_disk import ForgetfulDisk
from tests.faults.mounts import MIB, Card, ReadOnly, SmallDisk
from tests.faults.mutants import command
from tests.faults.recorder import Fix, Recorder
from tests.faults.test_kill import stored
from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon, installed
from tests.whole.fixes import fix, moment, wire
from tests.whole.patience import until
from tests.whole.phone import Closed, Phone

OUR_TROUBLE = 3
STORAGE_FAILED = 74
"""The exit status."""
RECOVERY = 20.0
"""Seconds within which it must work again after the trouble has ended."""


def sent(phone: Phone, recorder: Recorder, size: int = 100) -> tuple[int, Fix]:
    """Send one fix of ana's phone without waiting."""
    at = moment()
    each: Fix = (f"{ANA}/p", at)
    recorder.attempted(each)
    return phone.post(f"owntracks/{ANA}/p", wire(fix(tst=at, note="x" * size))), each


class FullDiskCase(WholeCase):
    """A daemon on a disk of its own, which becomes full."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or mounts.why_not():
            raise SkipTest(reason)

    def full(
        self, mutant: str | None = None
    ) -> tuple[Daemon, SmallDisk, Phone, Recorder, dict[int, Fix]]:
        """A daemon whose disk has just become full while a phone was sending."""
        daemon = self.new_daemon(command=None if mutant is None else command(mutant))
        recorder = Recorder()
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
            if mutant is not None and "full" in daemon.log:
                return daemon, small, phone, recorder, owed
        raise AssertionError("the disk never became full")

    def on_small_disk(self, daemon: Daemon) -> SmallDisk:
        """Move the data directory to a disk of its own."""
        kept = daemon.data.rename(daemon.home / "kept")
        small = SmallDisk(daemon.data, 64 * MIB)
        self.addCleanup(small.close)
        shutil.copytree(kept, daemon.data, dirs_exist_ok=True)
        return small


class FullDiskTests(FullDiskCase):
    """Proof of the promise where a card is too small."""

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

    def test_a_server_that_acknowledges_what_the_disk_refused_is_caught(self) -> None:
        """The test of the test."""
        daemon, small, phone, recorder, _ = self.full("boastful")
        for _ in range(5):
            number, each = sent(phone, recorder)
            self.assertEqual(number, phone.expect(packets.PUBACK).packet_id)
            recorder.acknowledged(each)
        small.empty()
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.lost, str(verdict))


class RefusingDiskTests(WholeCase):
    """A disk that takes nothing for a while, whatever reason it gives."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or forgetful_disk.why_not():
            raise SkipTest(reason)

    def refusing(
        self, error: int, mutant: str | None = None
    ) -> tuple[Daemon, ForgetfulDisk, Phone, Recorder]:
        """A daemon whose disk begins to refuse while a phone is connected."""
        daemon = self.new_daemon(command=None if mutant is None else command(mutant))
        recorder = Recorder()
        disk = ForgetfulDisk(daemon.home / "disk", daemon.home / "platter")
        self.addCleanup(disk.cut)
        shutil.move(daemon.data, disk.tree / "data")
        daemon.data = disk.place / "data"
        disk.mount()
        daemon.start()
        phone = self.signed_in(daemon, ANA, "p")
        number, first = sent(phone, recorder)
        self.assertEqual(number, phone.expect(packets.PUBACK).packet_id)
        recorder.acknowledged(first)
        disk.refuse(error)
        return daemon, disk, phone, recorder

    def check_waits(self, error: int) -> None:
        """Nothing is acknowledged meanwhile, and everything arrives after, without a restart."""
        daemon, disk, phone, recorder = self.refusing(error)
        owed = dict(sent(phone, recorder) for _ in range(5))
        self.assertRaises(TimeoutError, phone.expect, packets.PUBACK, 1.5)
        web = self.web(daemon, ANA)
        self.assertEqual(503, web.post_json("/pub", fix()).status)
        self.assertEqual(503, web.get("/api/health").status)
        self.assertEqual(1, web.get("/api/locations").json()["count"], "reading goes on")
        self.assertEqual(OUR_TROUBLE, self.phone(daemon).connect("x", BEN, PASSWORDS[BEN]))
        self.assert_one_clear_line(daemon.log, "nothing is stored", os.strerror(error))
        disk.accept()
        for number, each in owed.items():
            self.assertEqual(number, phone.expect(packets.PUBACK, RECOVERY).packet_id)
            recorder.acknowledged(each)
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))

    def test_a_disk_made_read_only_is_waited_for(self) -> None:
        """Somebody copies it, or a supervisor found something; then it can be written again."""
        self.check_waits(errno.EROFS)

    def test_a_quota_is_waited_for(self) -> None:
        """The administrator gives us more room."""
        self.check_waits(errno.EDQUOT)

    def test_a_disk_that_fails_ends_it(self) -> None:
        """What it holds is unknown from then on; the next start finds what was acknowledged."""
        daemon, disk, phone, recorder = self.refusing(errno.EIO)
        sent(phone, recorder)
        answers = phone.closed_within(15)
        self.assertEqual([], [each for each in answers if each.kind == packets.PUBACK])
        self.assertEqual(STORAGE_FAILED, daemon.wait())
        self.assertNotIn("Traceback", daemon.log)
        disk.accept()
        daemon.start()
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))

    def test_a_server_that_goes_on_after_such_a_failure_is_caught(self) -> None:
        """The test of the test."""
        daemon, disk, phone, recorder = self.refusing(errno.EIO, "stubborn")
        number, _ = sent(phone, recorder)
        self.assertRaises(TimeoutError, phone.closed_within, 1.5)
        disk.accept()
        self.assertEqual(number, phone.expect(packets.PUBACK, RECOVERY).packet_id)
        self.assertTrue(daemon.running)


class FailingCardTests(WholeCase):
    """A real file system in which the kernel finds an error while we write to it."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or mounts.why_not():
            raise SkipTest(reason)

    def on_card(self, daemon: Daemon) -> Card:
        """Move the data directory to a card of its own."""
        kept = daemon.data.rename(daemon.home / "kept")
        try:
            card = Card(daemon.home / "image", daemon.data, 64 * MIB)
        except (OSError, CalledProcessError) as error:
            raise SkipTest(f"no file system in a file here: {error}") from error
        self.addCleanup(card.close)
        shutil.copytree(kept, daemon.data, dirs_exist_ok=True)
        mounts.run("sync", "-f", str(daemon.data))
        return card

    def test_the_kernel_makes_it_read_only_and_nothing_acknowledged_is_lost(self) -> None:
        """Phones keep what they have until the card was repaired; the map can be looked at."""
        daemon, recorder = self.new_daemon(), Recorder()
        card = self.on_card(daemon)
        daemon.start()
        phone = self.signed_in(daemon, ANA, "p")
        for _ in range(20):
            number, each = sent(phone, recorder)
            self.assertEqual(number, phone.expect(packets.PUBACK).packet_id)
            recorder.acknowledged(each)
        card.fail()
        for _ in range(5):
            sent(phone, recorder)
        self.assertRaises((TimeoutError, Closed), phone.expect, packets.PUBACK, 2.0)
        self.assertNotIn("Traceback", daemon.log)
        daemon.stop()
        card.repair()
        daemon.start()
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))


class FileSizeTests(WholeCase):
    """A limit of the system on the size of files (`ulimit -f`), or a file system with one."""

    def test_what_does_not_fit_is_not_acknowledged(self) -> None:
        """It ends with one line, for whoever set the limit."""
        if databases.ONLY_SQLITE:
            raise SkipTest(databases.ONLY_SQLITE)
        limited = ("/bin/sh", "-c", 'ulimit -f 2000; exec "$@"', "sh", *installed("twistd"))
        daemon = self.new_daemon(
            command=(*limited, "-n", "mytracks"), environ={"MYTRACKS_STORE__BALLAST": "0"}
        )
        recorder = Recorder()
        daemon.start()
        phone = self.signed_in(daemon, ANA, "p")
        with contextlib.suppress(Closed):
            for _ in range(2000):
                number, each = sent(phone, recorder, 3000)
                self.assertEqual(number, phone.expect(packets.PUBACK).packet_id)
                recorder.acknowledged(each)
        self.assertEqual(STORAGE_FAILED, daemon.wait())
        self.assertNotIn("Traceback", daemon.log)
        daemon.command = None
        daemon.start()
        verdict = recorder.check(stored(daemon, ANA))
        self.assertTrue(verdict.clean, str(verdict))


class ReadOnlyTests(WholeCase):
    """A card that was read-only from the beginning."""

    def setUp(self) -> None:
        if reason := databases.ONLY_SQLITE or mounts.why_not():
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
        if reason := databases.ONLY_SQLITE or tracing.why_not():
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
