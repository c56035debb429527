"""The web over TLS with the real daemon: the same pages, insisting on TLS where the world does."""

import base64
import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.whole.daemon import Daemon
from tests.whole.tls import ANA, PASSWORDS, VERSIONS, TLSCase, both, context, s_client
from tests.whole.web import Answer, Web

PUBLIC = "https://tracks.example.org"
HOST = {"Host": "tracks.example.org"}


class HTTPSCase(TLSCase):
    """A daemon with HTTPS open."""

    def https(self, daemon: Daemon) -> int:
        """Its port."""
        port = self.ports(daemon)[1]
        assert port is not None
        return port

    def ask(
        self,
        daemon: Daemon,
        path: str,
        method: str = "GET",
        version: str = "1.3",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request over TLS, by a client that trusts the daemon's authority."""
        strict = ssl.create_default_context(cadata=self.ca.pem.decode())
        strict.minimum_version = strict.maximum_version = VERSIONS[version]
        strict.set_alpn_protocols(["http/1.1"])
        connection = http.client.HTTPSConnection(
            "localhost", self.https(daemon), timeout=15, context=strict
        )
        self.addCleanup(connection.close)
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.msg, answer.read())


class HTTPSTests(HTTPSCase):
    """The same over TLS."""

    def test_pages_and_scripts_are_served_in_both_versions(self) -> None:
        """By the same certificate as MQTT; nobody is asked for one."""
        daemon = self.secure_daemon("--mqtt-client-cert", "required")
        for version in both():
            page = self.ask(daemon, "/login/", version=version)
            self.assertEqual((200, "text/html"), (page.status, page.kind))
            self.assertIn("__Host-", page.headers.get("Set-Cookie", ""))
            self.assertEqual(200, self.ask(daemon, "/health/", version=version).status)
        said = s_client(
            self.https(daemon),
            "1.3",
            None,
            None,
            "-alpn",
            "h2,http/1.1",
            words=b"\n",
            enough=b"ALPN",
        )
        self.assertIn(b"ALPN protocol: http/1.1", said)

    def test_phones_publish_over_it(self) -> None:
        """Basic credentials, as without TLS."""
        daemon = self.secure_daemon()
        word = base64.b64encode(f"{ANA}:{PASSWORDS[ANA]}".encode()).decode()
        answer = self.ask(
            daemon,
            "/pub?u=ana&d=phone",
            "POST",
            headers={"Authorization": f"Basic {word}", "Content-Type": "application/json"},
            body=b'{"_type":"location","lat":1,"lon":2,"tst":1767225600}',
        )
        self.assertEqual((200, b"["), (answer.status, answer.body[:1]))

    def test_mqtt_is_spoken_over_websockets_with_it(self) -> None:
        """By Paho, which verifies our certificate."""
        daemon = self.secure_daemon()
        codes: list[str] = []
        client = Client(CallbackAPIVersion.VERSION2, client_id="wss", transport="websockets")
        client.username_pw_set(ANA, PASSWORDS[ANA])
        client.ws_set_options("/mqtt")
        client.tls_set(str(daemon.home / "ca.pem"))
        client.on_connect = lambda _client, _data, _flags, code, _more: codes.append(str(code))
        client.connect("localhost", self.https(daemon))
        self.addCleanup(client.disconnect)
        end = time.monotonic() + 10
        while not codes and time.monotonic() < end:
            client.loop(0.05)
        self.assertEqual(["Success"], codes)

    def test_a_new_certificate_is_shown_to_whoever_comes_next(self) -> None:
        """At once, without a restart."""
        daemon = self.secure_daemon()
        before = ssl.get_server_certificate(("127.0.0.1", self.https(daemon)))
        self.make_server(daemon, "localhost", "new.test")
        self.assertNotEqual(before, ssl.get_server_certificate(("127.0.0.1", self.https(daemon))))

    def test_without_a_public_address_nobody_insists_on_tls(self) -> None:
        """A browser would do so at every port of that name, ours without TLS included."""
        daemon = self.secure_daemon()
        page = self.ask(daemon, "/login/")
        self.assertNotIn("Strict-Transport-Security", page.headers)
        self.assertEqual(200, Web(daemon.http).ask("GET", "/login/").status)


class InsistingTests(HTTPSCase):
    """`public_url` is https."""

    def test_answers_tell_browsers_to_insist_on_tls(self) -> None:
        """HSTS, for at least half a year."""
        daemon = self.secure_daemon("--public-url", PUBLIC)
        page = self.ask(daemon, "/login/", headers=HOST)
        self.assertIn("max-age=31536000", page.headers["Strict-Transport-Security"])

    def test_pages_asked_for_without_tls_are_elsewhere(self) -> None:
        """With path and query; a form that is posted is not sent on, for it was readable."""
        daemon = self.secure_daemon("--public-url", PUBLIC)
        plain = Web(daemon.http)
        for path in ("/login/?next=/days/", "/"):
            for method in ("GET", "HEAD"):
                answer = plain.ask(method, path, headers=HOST)
                self.assertIn(answer.status, (301, 302, 307, 308))
                self.assertEqual(PUBLIC + path, answer.headers["Location"])
        self.assertNotIn(plain.ask("POST", "/login/", headers=HOST).status, (301, 302, 307, 308))

    def test_phones_scripts_and_watchers_are_answered_where_they_ask(self) -> None:
        """They follow no redirect."""
        daemon = self.secure_daemon("--public-url", PUBLIC)
        plain = Web(daemon.http, basic=(ANA, PASSWORDS[ANA]))
        for path in ("/health/", "/api/health", "/api/locations", "/api/account"):
            self.assertEqual(200, plain.ask("GET", path, headers=HOST).status, path)
        fix = b'{"_type":"location","lat":1,"lon":2,"tst":1767225600}'
        self.assertEqual(200, plain.ask("POST", "/pub", fix, HOST).status)

    def test_while_there_is_no_tls_pages_are_served_without_it(self) -> None:
        """Else nobody could set it up; and a proxy may see to it."""
        daemon = self.secure_daemon("--public-url", PUBLIC, ready=False)
        self.assertEqual(200, Web(daemon.http).ask("GET", "/login/", headers=HOST).status)

    def test_silent_clients_are_let_go(self) -> None:
        """In the handshake as in the header."""
        daemon = self.secure_daemon(environ={"MYTRACKS_HTTP__HEADER_TIMEOUT": "1"})
        began = time.monotonic()
        silent = socket.create_connection(("127.0.0.1", self.https(daemon)), 10)
        self.addCleanup(silent.close)
        shaken = socket.create_connection(("127.0.0.1", self.https(daemon)), 10)
        tls = context("1.3").wrap_socket(shaken, server_hostname="localhost")
        self.addCleanup(tls.close)
        for each in (silent, tls):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while each.recv(65_536):
                    pass
        self.assertLess(time.monotonic() - began, 8)
