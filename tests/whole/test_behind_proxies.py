"""Addresses, schemes and hosts: believed only from whom the settings name (contract 1, 7)."""

import json
import socket

from tests.whole.cases import ANA, EVE, PASSWORDS, WholeCase
from tests.whole.daemon import LOCAL
from tests.whole.web import Web

BEHIND = (*LOCAL, "--public-url", "https://tracks.example.org", "--trusted-proxies", "127.0.0.0/8")
TLS = {"X-Forwarded-Proto": "https", "Host": "tracks.example.org"}


class ProxyTests(WholeCase):
    """With a proxy in front that speaks TLS."""

    def test_behind_tls_the_cookie_is_secure_and_hsts_is_sent(self) -> None:
        """`__Host-`, `Secure`: the cookie never travels in the clear, nor to a sister host."""
        daemon = self.new_daemon(flags=BEHIND).start()
        web = Web(daemon.http)
        origin = {"Origin": "https://tracks.example.org"} | TLS
        page = web.ask("GET", "/login/", headers=TLS)
        self.assertIn("max-age", page.headers["Strict-Transport-Security"])
        fields = {"username": ANA, "password": PASSWORDS[ANA]}
        token = page.body.decode().split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        answer = web.post_form("/login/", fields | {"csrf_token": token}, origin)
        self.assertIn(answer.status, (302, 303), answer.body)
        line = next(c for c in web.set_cookies if "HttpOnly" in c and c.startswith("__Host-"))
        self.assertRegex(line, r"(?i);\s*secure")
        self.assertEqual(200, web.ask("GET", "/api/account", headers=TLS).status)

    def test_a_trusted_proxys_clients_are_told_apart(self) -> None:
        """Else one guesser behind the proxy slows everybody down."""
        daemon = self.new_daemon(flags=BEHIND).start()
        wrong, right = (
            Web(daemon.http, (EVE, "not the word")),
            Web(daemon.http, (EVE, PASSWORDS[EVE])),
        )
        for _ in range(9):
            wrong.ask("GET", "/api/account", headers={"X-Forwarded-For": "203.0.113.9"})
        guesser = wrong.ask("GET", "/api/account", headers={"X-Forwarded-For": "203.0.113.9"})
        self.assertEqual(429, guesser.status)
        other = right.ask("GET", "/api/account", headers={"X-Forwarded-For": "198.51.100.7"})
        self.assertEqual(200, other.status)

    def test_the_right_most_untrusted_hop_counts(self) -> None:
        """What stands left of it was written by the client."""
        daemon = self.new_daemon(flags=BEHIND).start()
        wrong = Web(daemon.http, (EVE, "not the word"))
        statuses = [
            wrong.ask(
                "GET", "/api/account", headers={"X-Forwarded-For": f"192.0.2.{n}, 203.0.113.9"}
            ).status
            for n in range(12)
        ]
        self.assertIn(429, statuses)

    def test_without_trust_the_headers_are_not_read(self) -> None:
        """Everybody can write `X-Forwarded-For`."""
        daemon = self.new_daemon().start()
        wrong = Web(daemon.http, (EVE, "not the word"))
        statuses = [
            wrong.ask("GET", "/api/account", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status
            for n in range(12)
        ]
        self.assertIn(429, statuses)
        page = Web(daemon.http).ask("GET", "/login/", headers={"X-Forwarded-Proto": "https"})
        self.assertNotIn("Strict-Transport-Security", page.headers)


class ListenerTests(WholeCase):
    """Where it listens."""

    def test_without_bind_both_families_are_served(self) -> None:
        """`::` takes IPv4 as well, which phones in old networks speak."""
        daemon = self.new_daemon(flags=LOCAL[2:]).start()
        addresses = ["127.0.0.1"]
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pass
        else:
            addresses.append("::1")
        for address in addresses:
            with socket.create_connection((address, daemon.http), 5) as raw:
                raw.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                self.assertTrue(raw.recv(100).startswith(b"HTTP/1.1 200"), address)

    def test_the_json_log_is_one_object_a_line(self) -> None:
        """For machines that read logs."""
        daemon = self.new_daemon(flags=[*LOCAL, "--log-format", "json"]).start()
        self.signed_in(daemon, ANA).disconnect()
        daemon.stop()
        self.assertTrue(daemon.lines)
        for line in daemon.lines:
            self.assertIsInstance(json.loads(line), dict)
