"""What protects people in browsers: sessions, tokens, headers, limits (contract 5 to 8)."""

import re
import socket
import time
from threading import Event

from tests.whole.cases import ANA, EVE, PASSWORDS, SharedCase, WholeCase, unused
from tests.whole.fixes import fix
from tests.whole.patience import Impatient
from tests.whole.test_rest import assert_problem
from tests.whole.web import Answer, Web


class SessionTests(SharedCase):
    """Signing in and out."""

    def signed_in_browser(self) -> Web:
        browser = Web(self.daemon.http)
        answer = browser.sign_in(ANA, PASSWORDS[ANA])
        self.assertIn(answer.status, (302, 303), answer.body)
        return browser

    def test_signing_in_leads_to_the_map_and_out_again_to_the_form(self) -> None:
        """The session is dead afterwards, whoever kept a copy of the cookie."""
        browser = self.signed_in_browser()
        token = browser.page_token()
        kept = dict(browser.cookies)
        out = browser.post_form("/logout/", {"csrf_token": token})
        self.assertIn(out.status, (302, 303))
        self.assertTrue(out.location.startswith("/login"), out.location)
        thief = Web(self.daemon.http)
        thief.cookies = kept
        self.assertEqual(401, thief.get("/api/account").status)

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(self) -> None:
        """HttpOnly, SameSite=Lax, for the whole site, and new at each sign-in."""
        first, second = self.signed_in_browser(), self.signed_in_browser()
        line = next(c for c in reversed(first.set_cookies) if "HttpOnly" in c)
        self.assertRegex(line, r"(?i)samesite=lax")
        self.assertRegex(line, r"(?i)path=/(;|$)")
        self.assertNotRegex(line, r"(?i)domain=")
        self.assertFalse(set(first.cookies.values()) & set(second.cookies.values()))

    def test_a_session_that_was_there_before_signing_in_is_not_taken_over(self) -> None:
        """Session fixation: the id of before is worth nothing after."""
        browser = Web(self.daemon.http)
        browser.form_token("/login/")
        before = dict(browser.cookies)
        browser.sign_in(ANA, PASSWORDS[ANA])
        thief = Web(self.daemon.http)
        thief.cookies = before
        self.assertEqual(401, thief.get("/api/account").status)

    def test_a_wrong_password_and_an_unknown_user_look_alike(self) -> None:
        """Nobody finds out who lives here."""
        answers = []
        for user in (self.victim(), unused("nobody")):
            browser = Web(self.daemon.http)
            answer = browser.sign_in(user, "not the word")
            self.assertIn(answer.status, (400, 401, 403, 422, 200))
            self.assertEqual(401, browser.get("/api/account").status)
            text = answer.body.decode().replace(user, "")
            answers.append((answer.status, re.sub(r'value="[^"]*"', "", text)))
        self.assertEqual(answers[0], answers[1])

    def test_pages_send_strangers_to_the_form_and_back(self) -> None:
        """`next` leads where one wanted to go, and never off the site."""
        answer = Web(self.daemon.http).get("/")
        self.assertIn(answer.status, (302, 303))
        self.assertTrue(answer.location.startswith("/login"), answer.location)
        for to in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1"):
            answer = Web(self.daemon.http).sign_in(ANA, PASSWORDS[ANA], to=to)
            self.assertNotIn("evil", answer.location)
            self.assertTrue(answer.location.startswith("/"), answer.location)
            self.assertFalse(answer.location.startswith(("//", "/\\")), answer.location)

    def test_pages_work_with_and_without_the_final_slash(self) -> None:
        """People type either."""
        for path in ("/login", "/login/"):
            self.assertEqual(200, Web(self.daemon.http).get(path).status, path)

    def test_a_session_outlives_a_restart(self) -> None:
        """An update must not sign everybody out."""
        daemon = self.new_daemon().start()
        browser = Web(daemon.http)
        browser.sign_in(ANA, PASSWORDS[ANA])
        daemon.stop()
        daemon.start()
        browser.port = daemon.http
        self.assertEqual(200, browser.get("/api/account").status)


class ForgeryTests(SharedCase):
    """Other sites' pages in the same browser."""

    def setUp(self) -> None:
        super().setUp()
        self.browser = Web(self.daemon.http)
        self.browser.sign_in(ANA, PASSWORDS[ANA])
        self.token = self.browser.page_token()

    def test_an_unsafe_method_without_the_token_is_403_before_anything_else(self) -> None:
        """Contract 6: checked first, also where there is nothing."""
        for method, path in (
            ("POST", "/api/account/change-password"),
            ("PATCH", "/api/account"),
            ("DELETE", "/api/locations/1"),
            ("POST", "/api/nothing-here"),
        ):
            assert_problem(self, self.browser.ask(method, path, b"{}"), 403)
            wrong = {"X-CSRF-Token": "guess"}
            assert_problem(self, self.browser.ask(method, path, b"{}", wrong), 403)

    def test_a_form_without_its_token_does_nothing(self) -> None:
        """Signing out is the least, but the rule is one."""
        for fields in ({}, {"csrf_token": "guess"}):
            self.assertEqual(403, self.browser.post_form("/logout/", fields).status)
        self.assertEqual(200, self.browser.get("/api/account").status)

    def test_the_token_of_another_session_does_not_fit(self) -> None:
        """An attacker has an account, too."""
        other = Web(self.daemon.http)
        other.sign_in(EVE, PASSWORDS[EVE])
        fields = {"csrf_token": other.page_token()}
        self.assertEqual(403, self.browser.post_form("/logout/", fields).status)

    def test_a_form_sent_from_another_origin_is_refused(self) -> None:
        """Even with the right token."""
        fields = {"csrf_token": self.token}
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = self.browser.post_form("/logout/", fields, headers)
            self.assertEqual(403, answer.status, headers)
        self.assertEqual(200, self.browser.get("/api/account").status)

    def test_signing_in_from_another_site_is_refused(self) -> None:
        """Else a page signs its visitor in as somebody else, who then sees their places."""
        browser = Web(self.daemon.http)
        fields = {"username": ANA, "password": PASSWORDS[ANA]}
        fields["csrf_token"] = browser.form_token("/login/")
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        self.assertEqual(403, browser.post_form("/login/", fields, headers).status)


class HeaderTests(SharedCase):
    """On everything that is sent."""

    def answers(self) -> dict[str, Answer]:
        nobody, ana, browser = (
            self.web(self.daemon),
            self.web(self.daemon, ANA),
            self.web(self.daemon),
        )
        browser.sign_in(ANA, PASSWORDS[ANA])
        return {
            "sign-in page": nobody.get("/login/"),
            "redirect": nobody.get("/"),
            "map": browser.get("/"),
            "not found": nobody.get("/nothing/here"),
            "not found, static": nobody.get("/static/nothing.js"),
            "health": nobody.get("/api/health"),
            "locations": ana.get("/api/locations"),
            "401": nobody.get("/api/locations"),
            "404": ana.get("/api/nothing"),
            "405": nobody.get("/pub"),
            "published": ana.post_json("/pub", fix(), {"X-Limit-D": self.device}),
            "too large": nobody.ask("POST", "/login/", b"x" * 2_000_000),
            "a websocket's path": browser.get("/ws/locations/"),
        }

    def test_security_headers_are_on_every_answer(self) -> None:
        """Strict content policy, no sniffing, no referrer, no framing; errors included."""
        for name, answer in self.answers().items():
            self.assertLess(answer.status, 500, name)
            policy = answer.headers.get("Content-Security-Policy", "")
            self.assertIn("default-src 'none'", policy, name)
            self.assertIn("frame-ancestors 'none'", policy, name)
            self.assertNotRegex(policy, r"unsafe-inline|unsafe-eval|https?://|\*", name)
            self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"], name)
            self.assertEqual("no-referrer", answer.headers["Referrer-Policy"], name)

    def test_no_answer_tells_what_runs_here_or_shows_a_traceback(self) -> None:
        """Versions are for attackers' lists."""
        for name, answer in self.answers().items():
            self.assertNotIn("twisted", answer.headers.get("Server", "").lower(), name)
            self.assertNotIn(b"Traceback", answer.body, name)
            self.assertNotIn(b"klein", answer.body.lower(), name)

    def test_places_are_not_kept_by_caches(self) -> None:
        """A shared computer's disk."""
        answers = self.answers()
        for name in ("map", "locations"):
            self.assertIn("no-store", answers[name].headers["Cache-Control"], name)

    def test_pages_name_no_other_host(self) -> None:
        """No third party is contacted (contract 8)."""
        for name, answer in self.answers().items():
            if answer.kind == "text/html":
                links = re.findall(r'(?:src|href)="(https?:)?//([^"]+)"', answer.body.decode())
                self.assertEqual([], links, name)

    def test_nothing_allows_other_origins(self) -> None:
        """No CORS: the API is used by scripts with credentials, not by other sites."""
        for name, answer in self.answers().items():
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers, name)


class BodyLimitTests(SharedCase):
    """Cut before any handler (and before sign-in) looks."""

    def raw(self, head: str, body: bytes = b"") -> tuple[socket.socket, bytes]:
        raw = socket.create_connection(("127.0.0.1", self.daemon.http), 10)
        self.addCleanup(raw.close)
        raw.settimeout(10)
        raw.sendall(head.encode() + b"\r\n\r\n" + body)
        return raw, raw.recv(65536)

    def test_a_body_announced_too_large_is_413_before_it_is_sent(self) -> None:
        """Nobody fills our disk or memory without an account."""
        for path in ("/login/", "/api/account", "/nothing"):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824"
            self.assertIn(b" 413 ", self.raw(head)[1].split(b"\r\n")[0], path)

    def test_a_chunked_body_is_413_as_soon_as_it_is_too_large(self) -> None:
        """Who announces nothing is counted."""
        head = "POST /login/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        self.assertIn(b" 413 ", self.raw(head, chunk * 17)[1].split(b"\r\n")[0])

    def test_an_unauthenticated_large_body_to_the_phones_path_is_not_kept(self) -> None:
        """8 MiB are for phones that signed in."""
        head = "POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824"
        status = self.raw(head)[1].split(b"\r\n")[0]
        self.assertTrue(b" 401 " in status or b" 413 " in status, status)

    def test_smuggled_framing_is_refused(self) -> None:
        """Two lengths, or a length and chunks: a proxy in front may see another request."""
        two = "POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6"
        both = "POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"
        for head in (two, both):
            try:
                answer = self.raw(head, b"0\r\n\r\nGET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")[1]
            except ConnectionError:
                continue
            self.assertNotIn(b" 200 ", answer)


class SlowTests(WholeCase):
    """Who keeps a connection and says nothing (10 s for the header)."""

    def test_half_a_header_is_cut_after_ten_seconds(self) -> None:
        """Slowloris: a few hundred such connections must not cost anybody else theirs."""
        daemon = self.new_daemon(accounts=False).start()
        begin = time.monotonic()
        slow = socket.create_connection(("127.0.0.1", daemon.http), 10)
        self.addCleanup(slow.close)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        slow.settimeout(0.5)
        step, end = Event(), begin + 20
        while time.monotonic() < end:
            try:
                slow.sendall(b"X-Slow: 1\r\n")
                if not slow.recv(4096):
                    break
            except TimeoutError:
                step.wait(0.1)
            except ConnectionError:
                break
        else:
            raise Impatient("the connection is still open after 20 s")
        self.assertGreater(time.monotonic() - begin, 5)


class ThrottleTests(WholeCase):
    """Guessing is slowed, the right password is not shut out (contract 7)."""

    def test_from_the_sixth_failure_the_answer_is_to_wait(self) -> None:
        """429 with Retry-After for browsers and scripts, 503 for phones, CONNACK 3 for MQTT."""
        daemon = self.new_daemon().start()
        wrong = Web(daemon.http, (EVE, "not the word"))
        statuses = [wrong.get("/api/account").status for _ in range(5)]
        self.assertEqual([401] * 5, statuses)
        answer = next(a for a in (wrong.get("/api/account") for _ in range(4)) if a.status != 401)
        self.assertEqual(429, answer.status)
        self.assertLessEqual(int(answer.headers["Retry-After"]), 90)
        self.assertEqual(503, wrong.post_json("/pub", fix()).status)
        self.assertEqual(3, self.phone(daemon).connect("x", EVE, "not the word"))
        self.assertEqual(200, self.web(daemon, ANA).get("/api/account").status)
