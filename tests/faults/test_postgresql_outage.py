"""PostgreSQL goes while phones send, and comes back: nothing acknowledged meanwhile, nothing lost.

The daemon is never restarted and keeps its MQTT connections; newcomers and HTTP are told that it is
our trouble; what was sent arrives once the server is there again.
"""

import signal
import time
from collections.abc import Callable, Sequence
from threading import Event
from urllib.parse import quote

from tests.faults.hasty import HASTY
from tests.faults.load import HTTPSender, Load, MQTTSender
from tests.faults.recorder import Fix, Recorder, Verdict
from tests.faults.test_kill import stored
from tests.postgresql.server import PASSWORD, PostgreSQL
from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, moment, wire
from tests.whole.patience import until
from tests.whole.phone import Phone

OUR_TROUBLE = 3
NOTICED = 8.0
"""Seconds until a server that says nothing is given up, and some more."""
RECOVERY = 10.0
"""Seconds within which it must work again."""
ON_THE_WAY = 0.3
"""Seconds for acknowledgements of what was stored before."""
STILL = 2.0
"""Seconds for which nothing may be acknowledged."""


class OutageCase(WholeCase):
    """A daemon on a server of its own, phones that send, and one whose socket is watched."""

    command: Sequence[str] | None = None

    def setUp(self) -> None:
        self.server = PostgreSQL()
        self.addCleanup(self.server.close)
        self.server.make().start()
        self.daemon = Daemon(database=self.server.database(), command=self.command)
        self.addCleanup(self.daemon.close)
        for name in (ANA, BEN):
            self.daemon.add_user(name, PASSWORDS[name])
        self.daemon.start()
        self.recorder = Recorder()
        self.load = Load(
            [
                MQTTSender(ANA, PASSWORDS[ANA], "m1", self.recorder),
                MQTTSender(BEN, PASSWORDS[BEN], "m2", self.recorder),
                HTTPSender(ANA, PASSWORDS[ANA], "h1", self.recorder),
            ]
        )
        self.addCleanup(self.load.stop)
        self.watched = self.signed_in(self.daemon, BEN, "watched")

    def begin(self) -> None:
        """Phones send and are answered."""
        before = self.recorder.count
        self.load.start(self.daemon)
        until(lambda: self.recorder.count > before + 50, 20, "acknowledgements under load")

    def post(self) -> tuple[int, Fix]:
        """Send one fix over the watched connection."""
        at = moment()
        each: Fix = (f"{BEN}/watched", at)
        self.recorder.attempted(each)
        return self.watched.post(f"owntracks/{BEN}/watched", wire(fix(tst=at))), each

    def health(self) -> int:
        """The status of `/api/health`."""
        return self.web(self.daemon).get("/api/health").status

    def stay(self, seconds: float) -> None:
        """Let time pass while others work."""
        Event().wait(seconds)

    def outage(self, go: Callable[[], object], come: Callable[[], object]) -> float:
        """The story of one outage under load; how long it took to store again."""
        self.begin()
        go()
        number, each = self.post()
        self.stay(ON_THE_WAY)
        count = self.recorder.count
        until(lambda: self.health() == 503, NOTICED, "health tells of it")
        self.load.stop()
        self.tell_newcomers()
        self.load.start(self.daemon)
        self.stay(STILL)
        self.assertEqual(count, self.recorder.count, "acknowledged while nothing was stored")
        self.watched.ping()
        come()
        began = time.monotonic()
        self.assertEqual(number, self.watched.expect(packets.PUBACK, RECOVERY).packet_id)
        took = time.monotonic() - began
        self.recorder.acknowledged(each)
        until(lambda: self.health() == 200, RECOVERY, "health is ok again")
        self.load.stop()
        self.begin()
        self.load.stop()
        return took

    def tell_newcomers(self) -> None:
        """Whoever comes now learns that it is our trouble, and may come again."""
        newcomer = Phone(self.daemon.mqtt)
        self.addCleanup(newcomer.close)
        self.assertEqual(OUR_TROUBLE, newcomer.connect("new", ANA, PASSWORDS[ANA]))
        at = moment()
        self.recorder.attempted((f"{ANA}/late", at))
        answer = self.web(self.daemon, ANA).post_json("/pub?d=late", fix(tst=at))
        self.assertEqual(503, answer.status)
        self.assertIn("Retry-After", answer.headers)

    def verdict(self) -> Verdict:
        """Compare with what is stored."""
        return self.recorder.check([*stored(self.daemon, ANA), *stored(self.daemon, BEN)])

    def assert_whole(self, outages: int) -> None:
        """Nothing lost, nothing doubled, one line for each going and each coming."""
        verdict = self.verdict()
        self.assertTrue(verdict.clean, f"{verdict}\n{sorted(verdict.lost)[:20]}")
        self.assertFalse("Traceback" in self.daemon.log, self.daemon.log)
        told = [line for line in self.daemon.lines if "storing again" in line]
        self.assertEqual(outages, len(told), self.daemon.log)
        gone = [line for line in self.daemon.lines if "nothing is stored" in line]
        self.assertEqual(outages, len(gone), self.daemon.log)
        for secret in (PASSWORD, quote(PASSWORD)):
            self.assertNotIn(secret, self.daemon.log)


class OutageTests(OutageCase):
    """Each way in which a server goes."""

    def test_a_server_that_is_stopped_and_started_again(self) -> None:
        """An update of PostgreSQL while everybody is under way."""
        self.outage(self.server.stop, self.server.start)
        self.assert_whole(1)

    def test_a_server_that_is_killed_and_started_again(self) -> None:
        """Its machine loses power; the second time as well."""
        for _ in range(2):
            self.outage(self.server.kill, self.server.start)
        self.assert_whole(2)

    def test_a_server_that_stands_still_for_a_while(self) -> None:
        """Its machine swaps, or its disk hangs: connections stay open and nobody answers."""
        self.outage(self.server.freeze, self.server.thaw)
        self.assert_whole(1)

    def test_connections_that_are_cut_under_load_cost_nothing(self) -> None:
        """An administrator, or a firewall, ends what it thinks is idle."""
        self.begin()
        for _ in range(10):
            self.stay(0.2)
            self.server.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'mytracks'"
            )
        before = self.recorder.count
        until(lambda: self.recorder.count > before + 50, RECOVERY, "acknowledgements again")
        self.load.stop()
        verdict = self.verdict()
        self.assertTrue(verdict.clean, str(verdict))
        self.assertNotIn("Traceback", self.daemon.log)

    def test_a_stop_while_the_server_is_away_is_quick(self) -> None:
        """systemd would kill what does not end."""
        self.begin()
        self.server.freeze()
        until(lambda: self.health() == 503, NOTICED, "health tells of it")
        self.load.stop()
        self.assertLess(self.daemon.stop(), 5.0)
        self.server.thaw()

    def test_a_start_without_the_server_ends_with_a_line(self) -> None:
        """At the start it is a mistake in the settings more often than an outage."""
        self.daemon.stop()
        self.server.stop(signal.SIGINT)
        ended = self.daemon.fail_to_start()
        self.assertEqual(1, ended.code)
        self.assert_one_clear_line(ended.out, str(self.server.port))
        self.assertEqual(1, len(ended.out.splitlines()), ended.out)
        self.server.start()
        self.daemon.start()


class MutantTests(OutageCase):
    """The test of the test."""

    command = HASTY

    def test_an_acknowledgement_before_the_commit_is_caught(self) -> None:
        """What was acknowledged and not yet stored is lost when the server goes for good."""
        self.begin()
        self.server.kill()
        self.stay(0.5)
        self.load.stop()
        self.daemon.kill()
        self.server.start()
        self.daemon.start()
        self.assertTrue(self.verdict().lost)
