"""What each door says while the database server hangs, before that is noticed and after."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.postgresql.server import PASSWORD, PostgreSQL
from tests.whole import packets
from tests.whole.cases import ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, moment, wire
from tests.whole.patience import until
from tests.whole.web import Answer, Web

PATIENT = 1.5
"""Seconds after which the web gives up here, sooner than the store does."""
NOTICED = 8.0
STOPPED = 5.0
"""Seconds in which a stop has to end, whatever the database does (contract 1)."""


class HangCase(WholeCase):
    """A daemon on a server that can be stopped with SIGSTOP."""

    def setUp(self) -> None:
        self.server = PostgreSQL()
        self.addCleanup(self.server.close)
        self.server.make().start()
        self.daemon = Daemon(
            database=self.server.database(),
            environ={
                "MYTRACKS_HTTP__ANSWER_WITHIN": str(PATIENT),
                "MYTRACKS_STORE__ANSWER_WITHIN": str(3 * PATIENT),
                "MYTRACKS_PEOPLE__SESSION_SEEN_EVERY": "0",
            },
        )
        self.addCleanup(self.daemon.close)
        for name in (ANA, BEN):
            self.daemon.add_user(name, PASSWORDS[name])
        self.daemon.start()
        self.ana = self.web(self.daemon, ANA)
        self.assertEqual(200, self.ana.post_json("/pub?d=phone", fix()).status)

    def health(self) -> dict[str, Any]:
        """What is told of the database."""
        told = self.web(self.daemon).get("/api/health").json()["database"]
        assert isinstance(told, dict)
        return told

    def noticed(self) -> None:
        """The store has given the server up."""
        until(lambda: self.health()["state"] == "down", NOTICED, "health tells of it")

    def assert_comes_again(self, answer: Answer, kind: str) -> None:
        """It is our trouble, said in the asker's own language."""
        self.assertEqual((503, kind), (answer.status, answer.kind))
        self.assertIn("Retry-After", answer.headers)


class DoorTests(HangCase):
    """A server that neither answers nor goes away."""

    def test_what_is_asked_before_anybody_knows_is_answered_in_time(self) -> None:
        """A phone is told to come again; what it sent is stored all the same, once."""
        at = moment()
        self.server.freeze()
        began = time.monotonic()
        posted = self.ana.post_json("/pub?d=phone", fix(tst=at))
        read = self.ana.get("/api/locations")
        took = time.monotonic() - began
        self.assert_comes_again(posted, "application/problem+json")
        self.assert_comes_again(read, "application/problem+json")
        self.assertLess(took, 2 * PATIENT + 1)
        self.assertEqual("ok", self.health()["state"])
        self.server.thaw()
        posted = self.ana.post_json("/pub?d=phone", fix(tst=at))
        self.assertEqual(200, posted.status)
        self.assertEqual(2, self.ana.get("/api/locations").json()["count"])
        self.assertNotIn("Traceback", self.daemon.log)

    def test_what_memory_knows_is_told_all_the_same_and_the_rest_refused_at_once(self) -> None:
        """And nobody is signed out by it."""
        self.assert_memory_serves(self.server.freeze, self.server.thaw)

    def test_the_same_holds_while_the_server_is_gone(self) -> None:
        """An update of the system stops and starts it."""
        self.assert_memory_serves(self.server.kill, self.server.start)

    def assert_memory_serves(self, go: Callable[[], object], come: Callable[[], object]) -> None:
        """While the server is away nobody waits, and what was kept is acknowledged after it."""
        browser = Web(self.daemon.http)
        self.assertEqual(303, browser.sign_in(ANA, PASSWORDS[ANA]).status)
        newcomer = Web(self.daemon.http)
        token = newcomer.form_token("/login/")
        watched = self.signed_in(self.daemon, BEN, "watched")
        go()
        number = watched.post(f"owntracks/{BEN}/phone", wire(fix()))
        self.noticed()
        began = time.monotonic()
        for path in ("/api/account", "/api/devices", "/api/openapi.json"):
            self.assertEqual(200, browser.get(path).status, path)
        page = browser.ask("GET", "/", headers={"Accept": "text/html"})
        self.assert_comes_again(page, "text/html")
        self.assert_comes_again(browser.get("/api/locations"), "application/problem+json")
        fields = {"username": BEN, "password": PASSWORDS[BEN], "csrf_token": token}
        self.assert_comes_again(newcomer.post_form("/login/", fields), "text/html")
        self.assertEqual(3, self.phone(self.daemon).connect("new", ANA, PASSWORDS[ANA]))
        watched.ping()
        self.assertLess(time.monotonic() - began, PATIENT, "something was waited for")
        listed = self.daemon.cli("user", "list", "--json")
        self.assertEqual([ANA, BEN], [each["name"] for each in json.loads(listed.out)])
        come()
        self.assertEqual(number, watched.expect(packets.PUBACK, 10).packet_id)
        until(lambda: self.health()["state"] == "ok", 10, "health is ok again")
        self.assertEqual(200, browser.get("/").status)
        self.assertEqual(303, newcomer.post_form("/login/", fields).status)
        self.assertNotIn("Traceback", self.daemon.log)

    def test_health_says_what_since_when_and_nothing_of_where(self) -> None:
        """Anybody may ask."""
        well = self.health()
        self.server.freeze()
        self.assertEqual(503, self.ana.get("/api/locations").status)
        self.noticed()
        ill = self.health()
        self.assertEqual("the database server does not answer", ill["reason"])
        self.assertGreater(ill["since"], well["since"])
        told = self.web(self.daemon).get("/api/health")
        self.assertEqual((503, "degraded"), (told.status, told.json()["status"]))
        for secret in (PASSWORD, "127.0.0.1", str(self.server.port), "postgresql:"):
            self.assertNotIn(secret, told.body.decode())
        self.assertEqual(ill["since"], self.health()["since"])


class StopTests(HangCase):
    """SIGTERM while nothing can be stored: systemd kills what does not end."""

    def test_before_anybody_knows(self) -> None:
        """What was under way is given up: the phone has it still."""
        phone = self.signed_in(self.daemon, ANA, "phone")
        self.server.freeze()
        phone.post(f"owntracks/{ANA}/phone", wire(fix()))
        self.assertLess(self.daemon.stop(), STOPPED)
        self.assertNotIn("Traceback", self.daemon.log)

    def test_while_it_is_known(self) -> None:
        """A batch is kept, and connecting is tried again and again."""
        phone = self.signed_in(self.daemon, ANA, "phone")
        self.server.freeze()
        phone.post(f"owntracks/{ANA}/phone", wire(fix()))
        self.noticed()
        self.assertLess(self.daemon.stop(), STOPPED)
        self.assertNotIn("Traceback", self.daemon.log)

    def test_when_it_is_gone(self) -> None:
        """Connections are refused."""
        phone = self.signed_in(self.daemon, ANA, "phone")
        self.server.kill()
        phone.post(f"owntracks/{ANA}/phone", wire(fix()))
        self.noticed()
        self.assertLess(self.daemon.stop(), STOPPED)
        self.assertNotIn("Traceback", self.daemon.log)
