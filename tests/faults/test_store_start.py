"""A daemon that starts on a disk without room: it serves what it has, and says what is wrong."""

import re
import shutil
from unittest import SkipTest

from mytracks.store.files import FILE
from tests import databases
from tests.faults import mounts
from tests.faults.mounts import MIB, SmallDisk
from tests.whole.cases import WholeCase
from tests.whole.daemon import START_LIMIT, Daemon
from tests.whole.patience import until
from tests.whole.web import Web

RECOVERY = 20.0


class StartTests(WholeCase):
    """Nobody can free a disk more easily than whoever sees the page that says it is full."""

    def served(self, daemon: Daemon) -> Web:
        """Its web, once its log says where that is."""
        where = re.compile(r"serves http://\S*:(\d+)")
        daemon.launch()
        until(lambda: where.search(daemon.log) or not daemon.running, START_LIMIT, "an address")
        found = where.search(daemon.log)
        assert found is not None, daemon.log
        return Web(int(found[1]))

    def test_it_serves_without_its_runtime_file(self) -> None:
        """The file is for scripts; phones and people do not read it. One line says so."""
        daemon = self.new_daemon()
        (daemon.data / "runtime.json.part").mkdir()
        self.assertEqual(200, self.served(daemon).get("/api/health").status)
        daemon.stop()
        self.assert_one_clear_line(daemon.log, "runtime.json", "cannot be written")

    def test_killed_on_a_full_disk_it_starts_again(self) -> None:
        """Stores nothing, says so to whoever asks, and goes on by itself when there is room."""
        if reason := databases.ONLY_SQLITE or mounts.why_not():
            raise SkipTest(reason)
        daemon = self.new_daemon()
        kept = daemon.data.rename(daemon.home / "kept")
        small = SmallDisk(daemon.data, 64 * MIB)
        self.addCleanup(small.close)
        shutil.copytree(kept, daemon.data, dirs_exist_ok=True)
        daemon.start().kill()
        (daemon.data / f"{FILE}-shm").unlink()
        small.fill()
        web = self.served(daemon)
        answer = web.get("/api/health")
        self.assertEqual(503, answer.status)
        self.assertNotIn(str(daemon.data), str(answer.json()))
        small.empty()
        until(lambda: web.get("/api/health").status == 200, RECOVERY, "health is ok again")
