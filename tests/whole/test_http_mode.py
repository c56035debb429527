"""Phones that speak HTTP: what they are answered (contract 5, owntracks.md 9)."""

import base64
import json
import socket
from typing import Any

from tests.whole.cases import ANA, BEN, PASSWORDS, SharedCase, unused
from tests.whole.fixes import ANDROID_LOCATION, fix, wire
from tests.whole.web import Answer, Web

PATHS = ("/pub", "/pub/", "/api/locations", "/api/locations/", "/owntracks")


def rejected_by_android(array: object) -> list[str]:
    """What owntracks.md 9.4 would reject of an answer; a strict phone retries such for ever."""
    if not isinstance(array, list):
        return [f"not an array: {array!r}"]
    faults = []
    for element in array:
        kind = element.get("_type")
        if kind not in ("location", "card", "cmd"):
            faults.append(f"_type {kind!r}")
        if kind == "location" and not (element.get("tst") and ("tid" in element)):
            faults.append(f"incomplete {element}")
        if None in element.values():
            faults.append(f"null in {element}")
        for whole in ("batt", "tst", "rad", "bs"):
            if whole in element and not isinstance(element[whole], int):
                faults.append(f"{whole} of {element}")
    return faults


class AnswerTests(SharedCase):
    """`200` and an array for whatever was taken or set aside; never another 4xx for a payload."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.web(self.daemon, ANA)
        self.headers = {"X-Limit-U": ANA, "X-Limit-D": self.device}

    def post(self, body: bytes, path: str = "/pub", **headers: str) -> Answer:
        kind = {"Content-Type": "application/json"}
        return self.ana.ask("POST", path, body, kind | self.headers | headers)

    def assert_taken(self, answer: Answer, what: object = "") -> None:
        """The one answer that every version of both apps takes for `delivered`."""
        self.assertEqual(200, answer.status, (what, answer.body))
        self.assertEqual("application/json", answer.kind)
        self.assertEqual([], rejected_by_android(answer.json()), what)

    def found(self, device: str | None = None) -> list[dict[str, Any]]:
        path = f"{ANA}/{device or self.device}"
        results = self.ana.get("/api/locations", device=path).json()["results"]
        assert isinstance(results, list)
        return results

    def test_every_publishing_path_takes_a_location(self) -> None:
        """People typed what some manual said, years ago."""
        for path in PATHS:
            self.assert_taken(self.post(wire(fix()), path), path)
        self.assertEqual(len(PATHS), len(self.found()))
        self.assertEqual({"http"}, {each["received_via"] for each in self.found()})

    def test_whatever_cannot_be_understood_is_taken_all_the_same(self) -> None:
        """iOS deletes the message on a 4xx, Android sends it for ever (owntracks.md 9.3)."""
        for body in (
            b"",
            b"null",
            b"[]",
            b"7",
            b"{",
            b"{}",
            b"\xff\xfe\x00",
            b"[" * 50_000,
            b'{"_type":"never heard of"}',
            b'{"_type":"location"}',
            wire(fix(lat=91)),
            wire(fix(tst="soon", lat=[])),
            wire(fix(tag="\ud800")),
            wire({"_type": "encrypted", "data": "bm90IG91cnM="}),
            wire(fix(topic=f"owntracks/{BEN}/phone")),
            wire({"_type": "cmd", "action": "dump", "topic": f"owntracks/{BEN}/x/cmd"}),
            wire({"_type": "card", "name": "Ana", "topic": self.topic}),
            wire({"_type": "waypoints", "waypoints": [], "topic": self.topic + "/waypoints"}),
        ):
            self.assert_taken(self.post(body), body[:60])

    def test_other_content_types_are_taken(self) -> None:
        """Trackers and shells say what they like about the type."""
        kinds = ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=x")
        for kind in kinds:
            self.assert_taken(self.post(wire(fix()), **{"Content-Type": kind}), kind)
        self.assertEqual(len(kinds), len(self.found()))

    def test_a_body_with_another_coding_is_set_aside(self) -> None:
        """Latin-1 from an old tracker."""
        self.assert_taken(self.post('{"_type":"location","tag":"Köln"}'.encode("latin-1")))

    def test_the_same_message_again_is_taken_and_stored_once(self) -> None:
        """A reply that took longer than 10 s makes Android send it again."""
        body = wire(fix())
        for _ in range(3):
            self.assert_taken(self.post(body))
        found = self.ana.get("/api/locations", device=f"{ANA}/{self.device}", repeats=1).json()
        self.assertEqual(1, found["count"])

    def test_a_body_above_the_limit_is_taken_and_set_aside(self) -> None:
        """A picture too large must not block the queue behind it."""
        body = wire(fix(image="x" * (9 * 1024 * 1024)))
        self.assert_taken(self.post(body))
        self.assertEqual([], self.found())

    def test_a_large_picture_below_the_limit_is_a_location(self) -> None:
        """iOS sends points of interest with pictures of megabytes."""
        self.assert_taken(self.post(wire(fix(poi="Lake", image="x" * 5_000_000))))
        self.assertEqual(1, len(self.found()))

    def test_a_chunked_body_is_taken(self) -> None:
        """Some clients do not know how much they will send."""
        body = wire(fix())
        pair = base64.b64encode(f"{ANA}:{PASSWORDS[ANA]}".encode()).decode()
        with socket.create_connection(("127.0.0.1", self.daemon.http), 10) as raw:
            head = (
                f"POST /pub?d={self.device} HTTP/1.1\r\nHost: 127.0.0.1:{self.daemon.http}\r\n"
                f"Authorization: Basic {pair}\r\nTransfer-Encoding: chunked\r\n"
                "Connection: close\r\n\r\n"
            )
            half = len(body) // 2
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:half], body[half:]))
            raw.sendall(head.encode() + chunks + b"0\r\n\r\n")
            raw.settimeout(10)
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertEqual(1, len(self.found()))

    def test_the_stock_android_message_is_read(self) -> None:
        """As recorded from a phone (owntracks.md 18)."""
        self.assert_taken(self.post(ANDROID_LOCATION.encode()))
        found = self.found()[0]
        self.assertEqual("3fa91c07", found["owntracks_message_id"])
        self.assertEqual("fused", found["fix_source"])
        self.assertEqual(1767225605, found["owntracks_created_at"])


class DeviceNameTests(SharedCase):
    """`X-Limit-D`, `?d=`, the third level of `topic`, else `phone` (contract 5)."""

    def setUp(self) -> None:
        super().setUp()
        self.ana = self.web(self.daemon, ANA)

    def devices(self) -> set[str]:
        return {each["name"] for each in self.ana.get("/api/devices").json()["results"]}

    def test_the_header_wins_over_the_query_over_the_topic(self) -> None:
        """The phone's own setting first."""
        header, query, topic = unused("h"), unused("q"), unused("t")
        message = fix(topic=f"owntracks/{ANA}/{topic}")
        self.ana.post_json(f"/pub?d={query}", message, {"X-Limit-D": header})
        self.assertIn(header, self.devices())
        self.ana.post_json(f"/pub?d={query}", fix(topic=message["topic"]))
        self.assertIn(query, self.devices())
        self.ana.post_json("/pub", fix(topic=message["topic"]))
        self.assertIn(topic, self.devices())

    def test_without_any_it_is_called_phone(self) -> None:
        """`curl -d @fix.json` works."""
        self.web(self.daemon, BEN).post_json("/pub", fix())
        found = self.web(self.daemon, BEN).get("/api/devices").json()["results"]
        self.assertIn("phone", {each["name"] for each in found})

    def test_the_credentials_decide_whose_it_is(self) -> None:
        """`X-Limit-U`, `?u=` and the topic's user are no identity."""
        headers = {"X-Limit-U": BEN, "X-Limit-D": self.device}
        self.assertEqual(200, self.ana.post_json(f"/pub?u={BEN}", fix(), headers).status)
        self.assertIn(self.device, self.devices())
        theirs = self.web(self.daemon, BEN).get("/api/devices").json()["results"]
        self.assertNotIn(self.device, {each["name"] for each in theirs})

    def test_a_name_that_cannot_be_a_device_is_set_aside(self) -> None:
        """Taken, and harmful to nobody."""
        for name in ("a/b", "a+b", "x" * 65, "#"):
            answer = self.ana.post_json("/pub", fix(), {"X-Limit-D": name})
            self.assertEqual(200, answer.status, name)
            self.assertNotIn(name, self.devices())


class CredentialTests(SharedCase):
    """Who may post."""

    def test_wrong_and_missing_credentials_are_401_with_a_challenge(self) -> None:
        """A missing and a wrong one alike, known user or not."""
        for basic in (None, (self.victim(), "not eve's word"), (unused("nobody"), "what")):
            for path in ("/pub", "/api/locations"):
                answer = Web(self.daemon.http, basic).post_json(path, fix())
                self.assertEqual(401, answer.status, (basic, path))
                self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Basic "))

    def test_nonsense_in_the_authorization_header_is_401(self) -> None:
        """No header may make it stumble."""
        for value in (
            "Basic",
            "Basic !!!",
            "Basic " + base64.b64encode(b"nocolon").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
            "Digest x",
            "Bearer mt_u_nothing",
        ):
            answer = Web(self.daemon.http).post_json("/pub", fix(), {"Authorization": value})
            self.assertEqual(401, answer.status, value)

    def test_a_browsers_cookie_does_not_publish_without_its_token(self) -> None:
        """A foreign page could make a browser post places otherwise."""
        browser = Web(self.daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        headers = {"X-Limit-D": self.device}
        self.assertIn(browser.post_json("/pub", fix(), headers).status, (401, 403))
        self.assertIn(browser.post_json("/api/locations", fix(), headers).status, (401, 403))

    def test_a_utf8_password_works(self) -> None:
        """RFC 7617."""
        password = "pässwörd mit Umläuten"
        name = unused("uml")
        self.daemon.add_user(name, password)
        self.assertEqual(
            200, Web(self.daemon.http, (name, password)).post_json("/pub", fix()).status
        )


class MethodTests(SharedCase):
    """A GET must not count as delivered; nothing redirects."""

    def test_get_on_the_publishing_paths_is_405(self) -> None:
        """A redirected POST arrives as GET, and Android would count the point as delivered."""
        for path in PATHS:
            if path.startswith("/api/"):
                continue
            for web in (self.web(self.daemon, ANA), self.web(self.daemon)):
                answer = web.get(path)
                self.assertEqual(405, answer.status, path)
                self.assertIn("POST", answer.headers["Allow"])

    def test_nothing_redirects_a_post(self) -> None:
        """With and without slash, with and without credentials."""
        for path in PATHS:
            for web in (self.web(self.daemon, ANA), self.web(self.daemon)):
                status = web.post_json(path, fix()).status
                self.assertNotIn(status // 100, (3,), path)

    def test_a_kept_connection_takes_many(self) -> None:
        """Phones keep theirs; a queue of thousands comes over one."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.http, timeout=15)
        self.addCleanup(connection.close)
        headers = self.web(self.daemon, ANA).headers() | {"X-Limit-D": self.device}
        for _ in range(20):
            connection.request("POST", "/pub", wire(fix()), headers)
            answer = connection.getresponse()
            self.assertEqual((200, []), (answer.status, json.loads(answer.read())))
        count = self.web(self.daemon, ANA).get("/api/locations", device=f"{ANA}/{self.device}")
        self.assertEqual(20, count.json()["count"])
