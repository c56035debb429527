"""What nobody understood, from a phone's mouth to an administrator's desk and on to the map."""

from typing import Any

from tests.whole.cases import ADMIN, ANA, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix
from tests.whole.places import PlacesSocket
from tests.whole.web import Web

PATH = "/api/admin/quarantine"


class QuarantineTests(WholeCase):
    """On the real store, over a restart."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon: Daemon = self.new_daemon().start()
        self.admin = self.script(ADMIN)
        self.ana = self.script(ANA)

    def script(self, name: str) -> Web:
        """A script of theirs."""
        return Web(self.daemon.http, basic=(name, PASSWORDS[name]))

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        """What is set aside."""
        found: list[dict[str, Any]] = self.admin.get(PATH, **query).json()["results"]
        return found

    def test_what_is_taken_in_after_all_is_seen_and_is_set_aside_no_more(self) -> None:
        """A device's name that none can have; the socket tells of the place at once."""
        sent = fix()
        self.assertEqual(200, self.ana.post_json("/pub?d=a%23b", sent).status)
        self.assertEqual(200, self.ana.ask("POST", "/pub?d=phone", b"\xffjunk").status)
        self.assertEqual("ff 6a 75 6e 6b", self.listed(user=ANA)[0]["preview"])
        self.daemon.stop()
        self.daemon.start()
        self.admin, self.ana = self.script(ADMIN), self.script(ANA)
        junk, place = self.listed()
        live = PlacesSocket(self.daemon.http, self.ana.headers())
        self.addCleanup(live.close)
        live.expect("welcome")
        replay = f"{PATH}/{place['id']}/replay"
        self.assertEqual(400, self.admin.ask("POST", replay).status)
        answer = self.admin.post_json(replay, {"device": f"{ANA}/pixel"})
        self.assertEqual((200, True), (answer.status, answer.json()["stored"]))
        told = live.expect("location")["data"]
        self.assertEqual((f"{ANA}/pixel", sent["tst"]), (told["device"], told["timestamp_unix"]))
        self.assertEqual(404, self.admin.post_json(replay, {"device": f"{ANA}/pixel"}).status)
        again = self.admin.ask("POST", f"{PATH}/{junk['id']}/replay")
        self.assertEqual((200, False), (again.status, again.json()["stored"]))
        self.assertEqual([junk["id"]], [one["id"] for one in self.listed()])
        self.assertEqual(204, self.admin.ask("DELETE", f"{PATH}/{junk['id']}").status)
        self.assertEqual([], self.listed())
        noted = self.admin.get("/api/admin/audit", action="quarantine").json()["results"]
        actions = ["quarantine.delete", "quarantine.replay", "quarantine.replay"]
        self.assertEqual(actions, [one["action"] for one in noted])
