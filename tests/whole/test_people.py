"""The doors closed on people, tokens and devices, with all of the daemon behind them (contract 3):
within a second, live connections included, and still after a restart."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from tests.whole.cases import ADMIN, ANA, BEN, EVE, PASSWORDS, WholeCase, unused
from tests.whole.fixes import fix, wire
from tests.whole.patience import until
from tests.whole.phone import Closed, Phone
from tests.whole.places import PlacesSocket, Refused
from tests.whole.web import Answer, Web

Live: TypeAlias = PlacesSocket | Phone

AT_ONCE = 1.0
NEW = "a new word for the same door"


class Script:
    """Asks the API with this Authorization header, or as a browser that is signed in."""

    def __init__(self, web: Web, authorization: str | None = None) -> None:
        self.web = web
        self._known = {} if authorization is None else {"Authorization": authorization}
        if authorization is None:
            self._known = {"X-CSRF-Token": web.page_token(), "Origin": web.origin}

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request; a body goes as JSON."""
        if body is None:
            return self.web.ask(method, path, None, self._known)
        kind = {"Content-Type": "application/json"}
        return self.web.ask(method, path, json.dumps(body).encode(), kind | self._known)

    @property
    def headers(self) -> Mapping[str, str]:
        """What a socket of theirs shows."""
        return {"Origin": self.web.origin, **self._known, **self._cookie()}

    def _cookie(self) -> Mapping[str, str]:
        known = self.web.headers()
        return {"Cookie": known["Cookie"]} if "Cookie" in known else {}


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class PeopleCase(WholeCase):
    """A daemon of its own."""

    def setUp(self) -> None:
        self.daemon = self.new_daemon().start()

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.daemon.log)

    def browser(self, user: str) -> Script:
        """Somebody's browser, signed in."""
        web = Web(self.daemon.http)
        self.assertEqual(303, web.sign_in(user, PASSWORDS[user]).status)
        return Script(web)

    def script(self, user: str) -> Script:
        """By Basic."""
        return Script(Web(self.daemon.http), basic(user, PASSWORDS[user]))

    def token(self, user: str, *scopes: str) -> tuple[int, Script]:
        """A new token of theirs: its number, and a script that has it."""
        body = {"name": unused("script"), "scopes": list(scopes)}
        made = self.script(user).ask("POST", "/api/account/tokens", body)
        self.assertEqual(201, made.status, made.body)
        told = made.json()
        return told["id"], Script(Web(self.daemon.http), f"Bearer {told['token']}")

    def listening(self, script: Script) -> PlacesSocket:
        """Their socket, welcomed."""
        live = PlacesSocket(self.daemon.http, script.headers)
        self.addCleanup(live.close)
        live.expect("welcome")
        return live

    def number(self, user: str) -> int:
        """Of the account."""
        listed = self.script(ADMIN).ask("GET", "/api/admin/users").json()["results"]
        return int(next(each["id"] for each in listed if each["username"] == user))

    def assert_cut(self, *doors: Live) -> None:
        """All are closed within a second from now."""
        ends = time.monotonic() + AT_ONCE
        for door in doors:
            left = max(0.01, ends - time.monotonic())
            if isinstance(door, Phone):
                door.closed_within(left)
            else:
                self.assertRaises(Closed, door.expect, "nothing", left)

    def assert_alive(self, *doors: Live) -> None:
        """None of them is."""
        for door in doors:
            if isinstance(door, Phone):
                door.ping()
            else:
                self.assertRaises(TimeoutError, door.expect, "nothing", 0.2)


class DisabledTests(PeopleCase):
    """An account that an administrator closes."""

    def test_every_door_closes_within_a_second_and_none_opens(self) -> None:
        """A browser, a script by password, one by token, phones by both passwords."""
        browser, script, (_, token) = self.browser(EVE), self.script(EVE), self.token(EVE, "read")
        sockets = [self.listening(each) for each in (browser, script, token)]
        secret = self.daemon.device_password(f"{EVE}/phone")
        phones = [
            self.signed_in(self.daemon, EVE),
            self.signed_in(self.daemon, EVE, password=secret),
        ]
        others: list[Live] = [self.listening(self.browser(ANA)), self.signed_in(self.daemon, ANA)]
        path = f"/api/admin/users/{self.number(EVE)}"
        closed = self.script(ADMIN).ask("PATCH", path, {"is_active": False})
        self.assertEqual((200, False), (closed.status, closed.json()["is_active"]))
        self.assert_cut(*sockets, *phones)
        self.assert_alive(*others)
        for each in (browser, script, token):
            self.assertEqual(401, each.ask("GET", "/api/account").status)
            self.assertRaises(Refused, PlacesSocket, self.daemon.http, each.headers)
        self.assertNotEqual(0, self.phone(self.daemon).connect("c", EVE, PASSWORDS[EVE]))
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(401, self.script(EVE).ask("GET", "/api/account").status)
        opened = self.script(ADMIN).ask("POST", f"{path}/reactivate")
        self.assertEqual(200, opened.status)
        again = Script(Web(self.daemon.http), token.headers["Authorization"])
        self.assertEqual(200, again.ask("GET", "/api/account").status)
        back = Web(self.daemon.http)
        back.cookies = browser.web.cookies
        self.assertEqual(401, back.get("/api/account").status)


class WithdrawnTests(PeopleCase):
    """What its owner ends."""

    def test_a_token_is_cut_and_the_others_stay(self) -> None:
        """The script that leaked, and nobody else."""
        number, leaked = self.token(ANA, "read")
        _, other = self.token(ANA, "read")
        live, kept = self.listening(leaked), self.listening(other)
        browser = self.browser(ANA)
        here = self.listening(browser)
        self.assertEqual(204, browser.ask("DELETE", f"/api/account/tokens/{number}").status)
        self.assert_cut(live)
        self.assert_alive(kept, here)
        self.assertEqual(401, leaked.ask("GET", "/api/account").status)

    def test_a_changed_password_ends_all_but_the_browser_that_changed_it(self) -> None:
        """Device passwords and tokens are doors of their own."""
        here, there = self.browser(ANA), self.browser(ANA)
        _, token = self.token(ANA, "read")
        secret = self.daemon.device_password(f"{ANA}/phone")
        kept: list[Live] = [
            self.listening(here),
            self.listening(token),
            self.signed_in(self.daemon, ANA, password=secret),
        ]
        cut: list[Live] = [
            self.listening(there),
            self.listening(self.script(ANA)),
            self.signed_in(self.daemon, ANA),
        ]
        body = {"current_password": PASSWORDS[ANA], "new_password": NEW}
        self.assertEqual(200, here.ask("POST", "/api/account/change-password", body).status)
        self.assert_cut(*cut)
        self.assert_alive(*kept)
        self.assertEqual(200, here.ask("GET", "/api/account").status)
        self.assertEqual(401, there.ask("GET", "/api/account").status)

    def test_an_ended_session_is_cut(self) -> None:
        """The library's computer, from home."""
        here, there = self.browser(ANA), self.browser(ANA)
        live, kept = self.listening(there), self.listening(here)
        self.assertEqual(204, here.ask("DELETE", "/api/account/sessions").status)
        self.assert_cut(live)
        self.assert_alive(kept)

    def test_a_revoked_device_password_cuts_its_phone_only(self) -> None:
        """Without a new one being made."""
        ana = self.script(ANA)
        made = [ana.ask("POST", f"/api/devices/{ANA}/{d}/credential") for d in ("p", "q")]
        lost, kept = [
            self.signed_in(self.daemon, ANA, password=each.json()["password"]) for each in made
        ]
        self.assertEqual(204, ana.ask("DELETE", f"/api/devices/{ANA}/p/credential").status)
        self.assert_cut(lost)
        self.assert_alive(kept)


class TokenTests(PeopleCase):
    """What a token is for."""

    def test_one_for_ingest_publishes_and_does_not_read(self) -> None:
        """Over HTTP, as phones do."""
        _, phone = self.token(ANA, "ingest")
        self.assertEqual(200, phone.ask("POST", "/pub?d=phone", fix()).status)
        self.assertEqual(403, phone.ask("GET", "/api/locations").status)
        self.assertRaises(Refused, PlacesSocket, self.daemon.http, phone.headers)
        _, reader = self.token(ANA, "read")
        self.assertEqual(1, reader.ask("GET", "/api/locations").json()["count"])
        self.assertEqual(403, reader.ask("POST", "/pub?d=phone", fix()).status)
        _, bens = self.token(BEN, "read")
        self.assertEqual(0, bens.ask("GET", "/api/locations").json()["count"])

    def test_it_outlives_a_restart(self) -> None:
        """A phone that posts by it does not notice."""
        _, phone = self.token(ANA, "ingest", "read")
        self.daemon.kill()
        self.daemon.start()
        again = Script(Web(self.daemon.http), phone.headers["Authorization"])
        self.assertEqual(200, again.ask("GET", "/api/account").status)


class DeviceTests(PeopleCase):
    """How a device is seen, and its end."""

    def publish(self, phone: Phone, device: str, **members: Any) -> None:
        """Where it is, retained as phones do."""
        phone.publish(f"owntracks/{ANA}/{device}", wire(fix(**members)), retain=True)

    def test_how_it_is_seen_outlives_a_restart(self) -> None:
        """Its key is not in the database as it was typed."""
        phone, ana = self.signed_in(self.daemon, ANA), self.script(ANA)
        self.publish(phone, "p", tid="pp")
        look = {"name": "Ana's phone", "tid": "AP", "color": "#0a0b0c"}
        path = f"/api/devices/{ANA}/p"
        answer = ana.ask("PATCH", path, {**look, "encryption_key": "a very secret key"})
        self.assertEqual(200, answer.status, answer.body)
        self.publish(phone, "p", tid="xx")
        self.daemon.kill()
        self.daemon.start()
        shown = self.script(ANA).ask("GET", path).json()
        self.assertEqual(look | {"id": f"{ANA}/p"}, {n: shown[n] for n in (*look, "id")})
        self.assertTrue(shown["has_encryption_key"])
        for file in self.daemon.data.rglob("*"):
            if file.is_file():
                self.assertNotIn(b"a very secret key", file.read_bytes(), file)
        answer = self.script(ANA).ask("PATCH", path, {"tid": "", "name": ""})
        self.assertEqual(("p", 200), (answer.json()["name"], answer.status))
        self.publish(self.signed_in(self.daemon, ANA), "p", tid="yy")
        self.assertEqual("yy", self.script(ANA).ask("GET", path).json()["tid"])

    def test_removed_it_is_gone_from_everywhere(self) -> None:
        """Its places, its phone, what is retained of it and what waits for others."""
        phone, ana = self.signed_in(self.daemon, ANA), self.script(ANA)
        away = self.signed_in(self.daemon, ANA, "away", clean=False)
        away.subscribe(f"owntracks/{ANA}/#", qos=1)
        away.disconnect()
        secret = self.daemon.device_password(f"{ANA}/p")
        itself = self.signed_in(self.daemon, ANA, password=secret)
        for device in ("p", "p2"):
            self.publish(phone, device)
        self.assertEqual(204, ana.ask("DELETE", f"/api/devices/{ANA}/p").status)
        self.assert_cut(itself)
        self.assert_only_the_other_is_there()
        self.daemon.kill()
        self.daemon.start()
        self.assert_only_the_other_is_there()
        again = self.signed_in(self.daemon, ANA, "away", clean=False)
        self.assertEqual(f"owntracks/{ANA}/p2", again.delivery().topic)
        again.ping()
        self.assertRaises(TimeoutError, again.delivery, 0.3)
        self.assertNotEqual(0, self.phone(self.daemon).connect("c", ANA, secret))
        self.publish(self.signed_in(self.daemon, ANA), "p")
        page = self.script(ANA).ask("GET", f"/api/devices/{ANA}/p/locations").json()
        self.assertEqual(1, page["count"], "a new device of the old name")

    def assert_only_the_other_is_there(self) -> None:
        """By REST, and for whoever subscribes."""
        ana = self.script(ANA)
        self.assertEqual(404, ana.ask("GET", f"/api/devices/{ANA}/p").status)
        devices = ana.ask("GET", "/api/devices").json()["results"]
        self.assertEqual([f"{ANA}/p2"], [each["id"] for each in devices])
        locations = ana.ask("GET", "/api/locations").json()["results"]
        self.assertEqual([f"{ANA}/p2"], [each["device"] for each in locations])
        listener = self.signed_in(self.daemon, ANA)
        listener.subscribe("owntracks/+/+")
        self.assertEqual(f"owntracks/{ANA}/p2", listener.delivery().topic)
        listener.ping()
        self.assertRaises(TimeoutError, listener.delivery, 0.2)

    def test_all_of_it_is_noted(self) -> None:
        """Who did what, for administrators, after a kill."""
        ana = self.browser(ANA)
        ana.ask("POST", f"/api/devices/{ANA}/p/credential")
        ana.ask("PATCH", f"/api/devices/{ANA}/p", {"name": "P"})
        ana.ask("DELETE", f"/api/devices/{ANA}/p")
        ana.ask("PATCH", "/api/account", {"first_name": "Ana"})
        until(lambda: "was removed" in self.daemon.log, 5, "it is logged")
        self.daemon.kill()
        self.daemon.start()
        found = self.script(ADMIN).ask("GET", f"/api/admin/audit?actor={ANA}").json()["results"]
        actions = [each["action"] for each in found]
        for action in ("device.credential", "device.change", "device.delete", "user.profile"):
            self.assertIn(action, actions)
        self.assertTrue(all(each["address"] == "127.0.0.1" for each in found))
