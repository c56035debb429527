"""Deleting an account that has years of places, beside everybody else's daily life."""

import sqlite3
import time
from contextlib import closing

import psycopg2

from mytracks.store.files import FILE
from tests import databases
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.patience import until
from tests.whole.web import Web

MANY = 1_000_000 if databases.ON_SQLITE else 200_000
"""So that it takes seconds on either."""
YEARS_OF_PLACES = f"""
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {MANY})
    INSERT INTO location (device_id, tst, seq, lat, lon, via, flags)
    SELECT device.id, 1000000000 + n, 0, 525200066, 134049540, 1, 0
    FROM counted, device JOIN user_account ON user_account.id = device.user_id
    WHERE user_account.name = 'ana'
"""
HERS = "SELECT count(*) FROM location WHERE tst < 1000000000 + 1000000"
LONGEST = 1.0
"""Seconds that a phone waits for its acknowledgement meanwhile, on a slow machine."""


class DeletingTests(WholeCase):
    """Ana goes, ben stays."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon().start()
        for name in (ANA, BEN):
            self.assertEqual(200, self.web(self.daemon, name).post_json("/pub?d=p", fix()).status)
        self.daemon.stop()
        self.ask(YEARS_OF_PLACES)

    def ask(self, statement: str) -> int:
        """Run it beside the daemon; the number in its answer, if it has one."""
        url = self.daemon.database
        path = self.daemon.data / FILE
        connection = sqlite3.connect(path) if databases.ON_SQLITE else psycopg2.connect(url)
        with closing(connection):
            cursor = connection.cursor()
            cursor.execute(statement)
            answer = cursor.fetchone() if cursor.description else None
            connection.commit()
        return 0 if answer is None else int(answer[0])

    def delete_ana(self) -> None:
        """By the command line, whoever does it."""
        done = self.daemon.cli("user", "delete", ANA)
        self.assertEqual(0, done.code, done)

    def test_others_phones_hardly_notice_and_at_last_nothing_is_left(self) -> None:
        """In one commit it would take seconds, for which nobody's message is acknowledged; a
        database server would not even be given them."""
        self.daemon.start()
        ben = self.signed_in(self.daemon, BEN)
        began = time.monotonic()
        self.delete_ana()
        waits = []
        while self.ask(HERS):
            at = time.monotonic()
            ben.publish(f"owntracks/{BEN}/p", wire(fix()))
            waits.append(time.monotonic() - at)
            self.assertLess(time.monotonic() - began, 60)
        self.assertLess(max(waits, default=0), LONGEST)
        self.daemon.expect_line("had is gone")
        self.assertEqual(1, self.ask("SELECT count(*) FROM device"), "ben's")
        self.assertNotIn("Traceback", self.daemon.log)

    def test_a_kill_in_the_middle_delays_it_and_nothing_comes_back(self) -> None:
        """She is gone from the first moment on; the next start goes on with the rest."""
        self.daemon.start()
        self.delete_ana()
        until(lambda: self.ask(HERS) < MANY, 10, "some are gone")
        self.daemon.kill()
        self.assertGreater(self.ask(HERS), 0, "too quick for this test")
        self.daemon.start()
        self.assert_gone()
        self.assertEqual(401, self.web(self.daemon, ANA).get("/api/account").status)
        until(lambda: self.ask(HERS) == 0, 60, "all are gone")
        self.daemon.expect_line("had is gone")
        self.assertNotIn("Traceback", self.daemon.log)

    def test_without_a_daemon_the_command_does_it_all(self) -> None:
        """Nobody else would before the next start."""
        self.delete_ana()
        self.assertEqual(0, self.ask(HERS))
        self.assert_gone()

    def assert_gone(self) -> None:
        """She is on no list, and somebody else may have her name."""
        listed = self.daemon.cli("user", "list", "--json").json()
        self.assertNotIn(ANA, [each["name"] for each in listed])
        self.daemon.add_user("anna", PASSWORDS[ANA])


class NamesakeTests(WholeCase):
    """A new account of the same name, while the old one's places still go."""

    def test_a_namesake_sees_nothing_of_it(self) -> None:
        """And what she sends is not removed with it."""
        daemon: Daemon = self.new_daemon().start()
        self.assertEqual(200, self.web(daemon, ANA).post_json("/pub?d=p", fix()).status)
        self.assertEqual(0, daemon.cli("user", "delete", ANA).code)
        daemon.add_user(ANA, "another ana's word")
        web = Web(daemon.http, basic=(ANA, "another ana's word"))
        self.assertEqual(0, web.get("/api/locations").json()["count"])
        self.assertEqual(200, web.post_json("/pub?d=p", fix()).status)
        daemon.expect_line("had is gone")
        self.assertEqual(1, web.get("/api/locations").json()["count"])
