"""The whole story on Debian's own PostgreSQL, if it is installed: on a disk, as people have it."""

import tempfile
from pathlib import Path
from unittest import SkipTest
from urllib.parse import quote

from tests import databases
from tests.postgresql.server import PASSWORD, USER, PostgreSQL, debian
from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.patience import until

RECOVERY = 10.0


class DebianTests(WholeCase):
    """Another version, another build, another way to reach it."""

    skip = None if databases.ON_SQLITE else "it is tried once, with the other tests"

    def setUp(self) -> None:
        programs = debian()
        if programs is None:
            raise SkipTest("Debian's postgresql is not installed")
        self.server = PostgreSQL(programs, root=Path(tempfile.gettempdir()))
        self.addCleanup(self.server.close)
        self.server.make().start()

    def daemon(self, database: str) -> Daemon:
        """A daemon on this database, with an account."""
        daemon = Daemon(database=database)
        self.addCleanup(daemon.close)
        daemon.add_user(ANA, PASSWORDS[ANA])
        return daemon.start()

    def test_phones_send_the_server_crashes_and_all_is_there(self) -> None:
        """By MQTT and by HTTP, before and after, and once more after a kill of our own."""
        daemon = self.daemon(self.server.database())
        phone = self.signed_in(daemon, ANA, "phone")
        web = self.web(daemon, ANA)
        for _ in range(2):
            phone.publish(f"owntracks/{ANA}/phone", wire(fix()))
            self.assertEqual(200, web.post_json("/pub?d=other", fix()).status)
            self.server.kill()
            self.server.start()
            until(lambda: web.get("/api/health").status == 200, RECOVERY, "it stores again")
        daemon.kill()
        daemon.start()
        found = self.web(daemon, ANA).get("/api/locations").json()
        self.assertEqual(4, found["count"])
        self.assertNotIn("Traceback", daemon.log)

    def test_a_socket_in_a_folder_is_a_place_too(self) -> None:
        """On one machine nobody needs TCP: `?host=` names the folder, as libpq has it."""
        name = self.server.database().rpartition("/")[2]
        user, folder = f"{USER}:{quote(PASSWORD)}", quote(str(self.server.folder), safe="")
        url = f"postgresql://{user}@/{name}?host={folder}&port={self.server.port}"
        daemon = self.daemon(url)
        self.signed_in(daemon, ANA, "phone").publish(f"owntracks/{ANA}/phone", wire(fix()))
        self.assertEqual(1, self.web(daemon, ANA).get("/api/locations").json()["count"])
