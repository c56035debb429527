"""People who try things: at the web's doors."""

import http.client
import socket
import threading

from tests.whole.cases import ADMIN, ANA, PASSWORDS, SharedCase, WholeCase
from tests.whole.fixes import fix, wire
from tests.whole.web import Web


class PathTests(SharedCase):
    """Only what is meant to be served is served."""

    def test_no_path_leads_out_of_the_static_files(self) -> None:
        """The database lies one directory away."""
        for path in (
            "/static/../mytracks.sqlite3",
            "/static/%2e%2e/%2e%2e/etc/passwd",
            "/static/..%2f..%2fetc/passwd",
            "/static//etc/passwd",
            "/static/%00",
            "/static/",
            "/static",
            "/../../etc/passwd",
            "//etc/passwd",
            "/%ff%fe",
            "/runtime.json",
        ):
            answer = Web(self.daemon.http).get(path)
            self.assertIn(answer.status, (301, 302, 303, 400, 404), path)
            self.assertNotIn(b"root:", answer.body, path)
            self.assertFalse(answer.headers.get("Location", "").startswith("//"), path)

    def test_odd_methods_and_long_lines_are_answered(self) -> None:
        """With a status of theirs, never with one of ours."""
        web = self.web(self.daemon, ANA)
        for method in ("HEAD", "OPTIONS", "TRACE", "BREW", "PROPFIND"):
            for path in ("/", "/api/health", "/api/locations", "/pub", "/login/"):
                answer = web.ask(method, path)
                self.assertLess(answer.status, 502, (method, path))
                self.assertNotEqual(500, answer.status, (method, path))
        for path in ("/" + "a" * 8000, "/api/locations?device=" + "x" * 8000):
            try:
                self.assertLess(web.get(path).status, 500)
            except (ConnectionError, http.client.HTTPException):
                continue

    def test_head_answers_like_get_without_a_body(self) -> None:
        """Monitors use it."""
        answer = Web(self.daemon.http).ask("HEAD", "/api/health")
        self.assertEqual((200, b""), (answer.status, answer.body))

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        """RFC 9112."""
        with socket.create_connection(("127.0.0.1", self.daemon.http), 10) as raw:
            one = "GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n"
            raw.sendall(
                (
                    one.format("/api/health", "")
                    + one.format("/nothing", "")
                    + one.format("/api/health", "Connection: close\r\n")
                ).encode()
            )
            raw.settimeout(10)
            told = b"".join(iter(lambda: raw.recv(65536), b""))
        statuses = [part[:3] for part in told.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual([b"200", b"404", b"200"], statuses)

    def test_ten_thousand_headers_harm_nobody(self) -> None:
        """Memory for strangers, again."""
        with socket.create_connection(("127.0.0.1", self.daemon.http), 10) as raw:
            raw.settimeout(10)
            try:
                raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n")
                status = raw.recv(100)
            except ConnectionError:
                status = b""
        self.assertNotIn(b" 200 ", status)
        self.assertNotIn(b" 500 ", status)


class MarkupTests(SharedCase):
    """Names are text."""

    def test_a_device_called_like_a_script_stays_text(self) -> None:
        """The original put names into pages as they came."""
        name = "<img src=x onerror=alert(1)>"
        self.web(self.daemon, ANA).post_json(f"/pub?d={name.replace(' ', '%20')}", fix(tid="<b>"))
        browser = Web(self.daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        page = browser.get("/").body
        self.assertNotIn(b"<img src=x", page)
        self.assertNotIn(b"<b>", page)


class SetupTests(WholeCase):
    """The first administrator is made once."""

    def test_two_at_once_make_one_administrator(self) -> None:
        """The token is good for one, however fast the second is."""
        daemon = self.new_daemon(accounts=False).start()
        path = "/setup/" + daemon.setup_url().rstrip("/").rsplit("/", 1)[1] + "/"
        webs = [Web(daemon.http) for _ in range(6)]
        tokens = [web.form_token(path) for web in webs]
        statuses: list[int] = []

        def make(number: int) -> None:
            fields = {"username": f"boss{number}", "password": "a long enough word"}
            answer = webs[number].post_form(path, fields | {"csrf_token": tokens[number]})
            statuses.append(answer.status)

        threads = [threading.Thread(target=make, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = daemon.cli("user", "list", "--json").json()
        rows = found["results"] if isinstance(found, dict) else found
        self.assertEqual(1, len(rows), (rows, statuses))

    def test_a_weak_password_or_a_bad_name_is_told_and_the_token_stays_good(self) -> None:
        """A typing error must not lock the first person out."""
        daemon = self.new_daemon(accounts=False).start()
        path = "/setup/" + daemon.setup_url().rstrip("/").rsplit("/", 1)[1] + "/"
        web = Web(daemon.http)
        for name, word in (("boss", "short"), ("no/name", "a long enough word"), ("", "")):
            fields = {"username": name, "password": word, "csrf_token": web.form_token(path)}
            self.assertIn(web.post_form(path, fields).status, (200, 400, 422), name)
        fields = {"username": "boss", "password": "a long enough word"}
        made = web.post_form(path, fields | {"csrf_token": web.form_token(path)})
        self.assertIn(made.status, (302, 303))

    def test_setting_up_from_another_site_is_refused(self) -> None:
        """The token may be in a link that somebody was sent."""
        daemon = self.new_daemon(accounts=False).start()
        path = "/setup/" + daemon.setup_url().rstrip("/").rsplit("/", 1)[1] + "/"
        web = Web(daemon.http)
        fields = {"username": "boss", "password": "a long enough word"}
        fields["csrf_token"] = web.form_token(path)
        evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        self.assertEqual(403, web.post_form(path, fields, evil).status)


class SecretTests(WholeCase):
    """What may stand in a log (contract 8)."""

    def test_no_place_and_no_secret_stands_in_the_log_above_debug(self) -> None:
        """Logs are mailed around, copied, kept."""
        daemon = self.new_daemon().start()
        phone, web, browser = self.signed_in(daemon, ANA), self.web(daemon, ANA), Web(daemon.http)
        marks = fix(lat=12.345678, lon=98.765432, SSID="secret-net", note="secret-note")
        phone.publish(f"owntracks/{ANA}/p", wire(marks))
        web.post_json("/pub", fix(lat=12.345678, lon=98.765432, note="secret-note"))
        phone.publish(f"owntracks/{ANA}/p", b"{secret-junk 12.345678")
        browser.sign_in(ADMIN, PASSWORDS[ADMIN])
        Web(daemon.http).sign_in(ADMIN, "secret-guess")
        web.get("/api/locations", device=f"{ANA}/p")
        phone.close()
        daemon.stop()
        for word in (
            "12.345678",
            "98.765432",
            "secret",
            *PASSWORDS.values(),
            *browser.cookies.values(),
        ):
            self.assertNotIn(word, daemon.log)
