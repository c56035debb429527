"""kill -9 at random moments under load: nothing acknowledged is lost, nothing comes twice.

`MYTRACKS_KILL_ROUNDS` sets the number of rounds; without it as many as fit in `BUDGET` seconds, at
most 50. SIGKILL alone cannot see an acknowledgement that leaves before the sync (the page cache
survives the process): that is `test_system_calls.py`'s question. What it does see is an
acknowledgement that leaves before the commit, and the mutant here is caught at that.
"""

import os
import random
import time
from collections.abc import Iterator
from threading import Event

from twisted.logger import Logger

from tests import databases
from tests.faults.hasty import HASTY
from tests.faults.load import HTTPSender, Load, MQTTSender, Sender
from tests.faults.recorder import Fix, Recorder, Verdict
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.patience import until
from tests.whole.web import Web

BUDGET = 40.0 if databases.ON_SQLITE else 25.0
ROUNDS = 50
PAGE = 10_000


def stored(daemon: Daemon, user: str) -> Iterator[Fix]:
    """Every location that the daemon shows to `user`, repeats too, page by page."""
    web, cursor = Web(daemon.http, basic=(user, PASSWORDS[user])), ""
    while True:
        page = web.get("/api/locations", since_id=cursor, limit=PAGE, repeats=1)
        assert page.status == 200, page
        rows = page.json()["results"]
        for row in rows:
            yield row["device_name"], row["timestamp_unix"]
        if len(rows) < PAGE:
            return
        cursor = rows[-1]["id"]


class KillCase(WholeCase):
    """Rounds of load and SIGKILL."""

    log = Logger()

    def prepare(self, daemon: Daemon, *, device_password: bool = True) -> None:
        """Senders of both kinds; some with an account's password, some with a device's own."""
        self.recorder = Recorder()
        own = daemon.device_password(f"{ANA}/own") if device_password else PASSWORDS[ANA]
        senders: list[Sender] = [
            MQTTSender(ANA, PASSWORDS[ANA], "m1", self.recorder),
            MQTTSender(ANA, own, "own", self.recorder),
            MQTTSender(BEN, PASSWORDS[BEN], "m2", self.recorder),
            HTTPSender(ANA, PASSWORDS[ANA], "h1", self.recorder),
            HTTPSender(BEN, PASSWORDS[BEN], "h2", self.recorder),
        ]
        self.load = Load(senders)
        self.addCleanup(self.load.stop)
        self.hits = 0

    def one_round(self, daemon: Daemon, chance: random.Random) -> None:
        """Start, load, kill somewhere between the first acknowledgements and half a second on."""
        daemon.start()
        before = self.recorder.count
        self.load.start(daemon)
        until(lambda: self.recorder.count > before + 20, 20, "acknowledgements under load")
        Event().wait(chance.uniform(0, 0.5))
        daemon.kill()
        self.hits += self.recorder.open > 0
        self.load.stop()

    def verdict(self, daemon: Daemon) -> Verdict:
        """Start once more and compare."""
        daemon.start()
        verdict = self.recorder.check([*stored(daemon, ANA), *stored(daemon, BEN)])
        self.assertNotIn("Traceback", daemon.log)
        daemon.stop()
        return verdict


class KillTests(KillCase):
    """Proof 2."""

    def test_nothing_acknowledged_is_lost_and_nothing_comes_twice(self) -> None:
        """The promise that everything else hangs on."""
        daemon = self.new_daemon()
        self.prepare(daemon)
        chance, end = random.Random(), time.monotonic() + BUDGET
        asked = os.environ.get("MYTRACKS_KILL_ROUNDS")
        rounds = 0
        while rounds < int(asked or ROUNDS) and (asked or time.monotonic() < end):
            self.one_round(daemon, chance)
            rounds += 1
        verdict = self.verdict(daemon)
        self.log.info(
            "{rounds} kills, {hits} with messages under way: {verdict}",
            rounds=rounds,
            hits=self.hits,
            verdict=str(verdict),
        )
        self.assertTrue(verdict.clean, f"{verdict}\n{sorted(verdict.lost)[:20]}")
        self.assertGreater(verdict.acknowledged, 20 * rounds)
        self.assertGreater(self.hits, 0, "no kill met a message under way")
        self.assertGreater(verdict.unanswered_but_kept + self.recorder.open, 0)


class MutantTests(KillCase):
    """The test of the test."""

    def test_an_acknowledgement_before_the_commit_is_caught(self) -> None:
        """A checker that has never seen a loss proves nothing."""
        daemon = self.new_daemon(command=HASTY)
        self.prepare(daemon)
        chance = random.Random()
        for _ in range(3):
            self.one_round(daemon, chance)
        verdict = self.verdict(daemon)
        self.assertTrue(verdict.lost, str(verdict))
