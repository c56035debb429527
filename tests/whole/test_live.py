"""`/ws/locations/`: who hears what, live and after a gap (contract 6)."""

import base64
from typing import Any

from tests.whole.cases import ADMIN, ANA, BEN, PASSWORDS, SharedCase, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.phone import Closed
from tests.whole.places import PlacesSocket, Refused
from tests.whole.web import Web


def opened(
    case: WholeCase, daemon: Daemon, user: str = ANA, query: str = "", **headers: str
) -> PlacesSocket:
    """The socket of a browser that this user signed in on, as its page would open it."""
    browser = Web(daemon.http)
    browser.sign_in(user, PASSWORDS[user])
    known = {"Origin": browser.origin, "Cookie": browser.headers()["Cookie"]}
    live = PlacesSocket(daemon.http, known | headers, "/ws/locations/" + query)
    case.addCleanup(live.close)
    return live


class LiveTests(SharedCase):
    """Messages `{"type", "seq", "data"}`."""

    def location(self, live: PlacesSocket, device: str | None = None) -> dict[str, Any]:
        """The next location of this test's device."""
        wanted = f"{ANA}/{device or self.device}"
        while True:
            message = live.expect("location")
            if message["data"]["device_name"] == wanted:
                return message

    def test_it_welcomes_with_the_time_of_its_start(self) -> None:
        """A page that sees another time than before knows that the server is a new one."""
        live = opened(self, self.daemon)
        welcome = live.read()
        self.assertEqual("welcome", welcome["type"])
        self.assertIn("seq", welcome)
        startup = welcome["data"]["server_startup"]
        self.assertEqual(startup, opened(self, self.daemon).read()["data"]["server_startup"])

    def test_a_location_over_mqtt_and_one_over_http_are_shown_at_once(self) -> None:
        """With the same fields that REST gives, whichever way they came."""
        live = opened(self, self.daemon)
        live.expect("welcome")
        first, second = fix(batt=55), fix(batt=56)
        self.signed_in(self.daemon, ANA).publish(self.topic, wire(first))
        over_mqtt = self.location(live)
        self.web(self.daemon, ANA).post_json("/pub", second, {"X-Limit-D": self.device})
        over_http = self.location(live)
        rows = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        by_id = {row["id"]: row for row in rows.json()["results"]}
        for message, sent in ((over_mqtt, first), (over_http, second)):
            self.assertEqual(sent["tst"], message["data"]["timestamp_unix"])
            self.assertEqual(sent["batt"], message["data"]["battery_level"])
            row = by_id[message["data"]["id"]]
            shared = set(row) & set(message["data"]) - {"received_at", "fix_age_seconds"}
            self.assertEqual({k: row[k] for k in shared}, {k: message["data"][k] for k in shared})
        self.assertGreater(over_http["seq"], over_mqtt["seq"])

    def test_others_see_nothing_of_it(self) -> None:
        """Neither a neighbour nor an administrator (contract 3)."""
        strangers = [opened(self, self.daemon, user) for user in (BEN, ADMIN)]
        self.signed_in(self.daemon, ANA).publish(self.topic, wire(fix()))
        for stranger, user in zip(strangers, (BEN, ADMIN), strict=True):
            topic = f"owntracks/{user}/{self.device}"
            self.signed_in(self.daemon, user).publish(topic, wire(fix()))
            while True:
                message = stranger.expect("location")
                self.assertTrue(message["data"]["device_name"].startswith(f"{user}/"), message)
                if message["data"]["device_name"] == f"{user}/{self.device}":
                    break

    def test_since_a_number_gives_what_was_missed(self) -> None:
        """A laptop that slept goes on where it was."""
        phone = self.signed_in(self.daemon, ANA)
        live = opened(self, self.daemon)
        phone.publish(self.topic, wire(fix()))
        seen = self.location(live)["seq"]
        live.close()
        missed = [fix(), fix()]
        for each in missed:
            phone.publish(self.topic, wire(each))
        again = opened(self, self.daemon, query=f"?since={seen}")
        got = [self.location(again) for _ in missed]
        self.assertEqual([m["tst"] for m in missed], [g["data"]["timestamp_unix"] for g in got])
        self.assertEqual([g["seq"] for g in got], sorted(g["seq"] for g in got))
        self.assertGreater(got[0]["seq"], seen)

    def test_what_can_no_longer_be_replayed_is_told_as_a_gap(self) -> None:
        """The page then loads the state anew instead of showing half of it."""
        live = opened(self, self.daemon, query="?since=999999999999")
        kinds = [live.read()["type"], live.read()["type"]]
        self.assertEqual({"welcome", "gap"}, set(kinds))

    def test_nonsense_for_a_number_is_refused_or_a_gap(self) -> None:
        """And never an error of ours."""
        for query in ("?since=soon", "?since=-1", "?since="):
            try:
                live = opened(self, self.daemon, query=query)
            except Refused as refused:
                self.assertEqual(400, refused.status)
            else:
                self.assertIn(live.read()["type"], ("welcome", "gap"))

    def test_a_duplicate_is_not_announced(self) -> None:
        """What was known already moves no marker."""
        live, phone = opened(self, self.daemon), self.signed_in(self.daemon, ANA)
        same, other = wire(fix()), fix()
        phone.publish(self.topic, same)
        self.location(live)
        phone.publish(self.topic, same)
        phone.publish(self.topic, wire(other))
        self.assertEqual(other["tst"], self.location(live)["data"]["timestamp_unix"])


class DoorTests(SharedCase):
    """Who may listen."""

    def test_nobody_listens_without_a_session(self) -> None:
        """The original let anyone in."""
        for headers in ({}, {"Cookie": "mt=guess; session=guess"}):
            with self.assertRaises(Refused) as refused:
                PlacesSocket(self.daemon.http, headers)
            self.assertIn(refused.exception.status, (401, 403))

    def test_another_sites_page_does_not_listen_with_our_cookie(self) -> None:
        """Browsers send cookies with any site's WebSocket; the Origin tells."""
        for origin in ("https://evil.example", "null", f"http://localhost:{self.daemon.http + 1}"):
            with self.assertRaises(Refused) as refused:
                opened(self, self.daemon, Origin=origin)
            self.assertIn(refused.exception.status, (400, 401, 403), origin)

    def test_basic_credentials_do_not_open_it_to_strangers(self) -> None:
        """Wrong ones are refused like none."""
        pair = base64.b64encode(f"{self.victim()}:not the word".encode()).decode()
        with self.assertRaises(Refused) as refused:
            PlacesSocket(self.daemon.http, {"Authorization": f"Basic {pair}"})
        self.assertIn(refused.exception.status, (401, 403))

    def test_signing_out_ends_it(self) -> None:
        """A shared computer."""
        browser = Web(self.daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        headers = {"Origin": browser.origin, "Cookie": browser.headers()["Cookie"]}
        live = PlacesSocket(self.daemon.http, headers)
        self.addCleanup(live.close)
        live.expect("welcome")
        browser.post_form("/logout/", {"csrf_token": browser.page_token()})
        self.assertRaises((Closed, ConnectionError), self.read_on, live)

    def read_on(self, live: PlacesSocket) -> None:
        """Read until something raises."""
        while True:
            live.read(5)

    def test_a_disabled_user_hears_nothing_within_a_second(self) -> None:
        """Every door (contract 3)."""
        daemon = self.new_daemon().start()
        live = opened(self, daemon, BEN)
        live.expect("welcome")
        self.assertEqual(0, daemon.cli("user", "disable", BEN).code)
        with self.assertRaises((Closed, ConnectionError)):
            live.expect("never", 1.0)

    def test_a_restart_is_seen_and_a_number_of_before_is_a_gap_or_replayed(self) -> None:
        """Numbers of a former life must not be taken for ours."""
        daemon = self.new_daemon().start()
        live = opened(self, daemon)
        phone = self.signed_in(daemon, ANA)
        first = live.expect("welcome")["data"]["server_startup"]
        for _ in range(3):
            phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        seen = [live.expect("location")["seq"] for _ in range(3)]
        daemon.stop()
        daemon.start()
        again = opened(self, daemon, query=f"?since={seen[0]}")
        kinds = {each["type"]: each for each in (again.read(), again.read())}
        self.assertNotEqual(first, kinds["welcome"]["data"]["server_startup"])
        self.assertTrue({"gap", "location"} & set(kinds), kinds)
