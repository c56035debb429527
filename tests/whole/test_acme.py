"""Public certificates with the real daemon and Debian's `pebble`: fetched, renewed, not fetched."""

import contextlib
import http.client
import socket
import ssl
import subprocess
import sys
from threading import Thread
from typing import Any

from cryptography import x509

from tests.whole.cases import ADMIN, ANA, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.patience import Impatient, until
from tests.whole.pebble import LOCAL, Pebble, free_port
from tests.whole.tls import context, s_client

TRACK, MQTT = "track.example.test", "mqtt.example.test"
SOON = 120.0
"""Seconds for an order: it takes two, on a machine that does nothing else."""
CHALLENGE = "/.well-known/acme-challenge/"


def shown(port: int | None, name: str = TRACK) -> x509.Certificate:
    """What a listener shows to whoever asks for this name."""
    assert port is not None
    plain = socket.create_connection((LOCAL, port), 10)
    with context("1.3").wrap_socket(plain, server_hostname=name) as tls:
        der = tls.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def names(certificate: x509.Certificate) -> list[str]:
    """The host names it is for."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(found.value.get_values_for_type(x509.DNSName))


class ACMECase(WholeCase):
    """A daemon and the authority that it asks."""

    def authority(self, validity: int | None = None) -> Pebble:
        """Not started yet."""
        home = self.new_daemon(accounts=False).home
        home.mkdir(parents=True, exist_ok=True)
        pebble = Pebble(home, validity)
        self.addCleanup(pebble.stop)
        return pebble

    def daemon_for(self, pebble: Pebble, http_port: int | None = None, **more: str) -> Daemon:
        """Running, with the ports that the authority comes to."""
        flags = (
            *("--bind", LOCAL, "--http-port", str(http_port or pebble.http)),
            *("--https-port", str(pebble.tls), "--mqtt-port", "0", "--mqtt-tls-port", "0"),
        )
        asked = pebble.settings(*more.pop("names", f"{TRACK},{MQTT}").split(","), **more)
        return self.new_daemon(flags=flags, environ=asked).start()

    def told(self, daemon: Daemon) -> Any:
        """What administrators are told of certificates."""
        done = daemon.cli("pki", "list", "--json")
        self.assertEqual(0, done.code, done)
        return done.json()

    def fetched(self, daemon: Daemon) -> int:
        """How many certificates came, old ones too."""
        return len(self.told(daemon)["servers"])

    def ports(self, daemon: Daemon) -> tuple[int | None, int | None]:
        """HTTPS, and MQTT over TLS."""
        daemon._ready()
        return daemon.runtime["https_port"], daemon.runtime["mqtt_tls_port"]

    def served(self, daemon: Daemon) -> x509.Certificate:
        """What HTTPS shows, once it is open with a certificate of the authority's."""

        def look() -> x509.Certificate | None:
            with contextlib.suppress(OSError, AssertionError):
                found = shown(self.ports(daemon)[0])
                return found if "Pebble" in found.issuer.rfc4514_string() else None
            return None

        try:
            return until(look, SOON, "a public certificate at HTTPS")
        except Impatient as error:
            raise Impatient(f"{error}\n{daemon.log}") from error

    def alarm(self, daemon: Daemon, *words: str) -> str:
        """The line that says so, once it is there."""

        def look() -> str | None:
            lines: list[str] = self.told(daemon)["problems"]
            return next((each for each in lines if all(word in each for word in words)), None)

        return until(look, SOON, f"an alarm with {words}")


class FetchingTests(ACMECase):
    """The first certificate."""

    def test_by_http_where_there_was_none(self) -> None:
        """HTTPS opens with it, its chain behind it; MQTT, which is private, stays closed."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble)
        certificate = self.served(daemon)
        self.assertEqual([MQTT, TRACK], names(certificate))
        self.assertIsNone(self.ports(daemon)[1])
        said = s_client(pebble.tls, "1.3", None, None, "-showcerts", words=b"Q\n", enough=b"DONE")
        self.assertEqual(2, said.count(b"-----BEGIN CERTIFICATE"), said)
        self.assertEqual([], self.told(daemon)["problems"])

    def test_by_tls_where_there_was_none(self) -> None:
        """The listener opens to prove that the name is ours, and only for that."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble, free_port(), challenge="tls-alpn-01")
        self.assertEqual([MQTT, TRACK], names(self.served(daemon)))
        self.assertNotIn("Traceback", daemon.log)

    def test_for_mqtt_as_well_and_in_place_of_ours(self) -> None:
        """Who wants it has one certificate for all."""
        pebble = self.authority()
        daemon = self.daemon_for(pebble, for_mqtt="true")
        self.assertEqual(0, daemon.cli("pki", "init", "--json").code)
        made = daemon.cli("pki", "server", "--san", TRACK, "--json")
        self.assertEqual(0, made.code, made)
        until(lambda: self.ports(daemon)[1] is not None, 10, "MQTT over TLS")
        self.assertNotIn("Pebble", shown(self.ports(daemon)[1]).issuer.rfc4514_string())
        pebble.start()
        certificate = self.served(daemon)
        self.assertEqual(certificate, shown(self.ports(daemon)[1]))

    def test_ours_goes_on_at_mqtt_where_the_public_one_is_for_the_web(self) -> None:
        """Phones of the family trust the family's authority."""
        pebble = self.authority()
        daemon = self.daemon_for(pebble)
        self.assertEqual(0, daemon.cli("pki", "init", "--json").code)
        self.assertEqual(0, daemon.cli("pki", "server", "--san", TRACK, "--json").code)
        until(lambda: self.ports(daemon)[1] is not None, 10, "MQTT over TLS")
        ours = shown(self.ports(daemon)[1])
        pebble.start()
        self.assertNotEqual(ours, self.served(daemon))
        self.assertEqual(ours, shown(self.ports(daemon)[1]))

    def test_it_is_there_after_a_restart_and_not_fetched_again(self) -> None:
        """Authorities count how often one asks."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble)
        first = self.served(daemon)
        daemon.stop()
        asked = pebble.log.count("GET /dir")
        daemon.start()
        self.assertEqual(first, self.served(daemon))
        until(lambda: pebble.log.count("GET /dir") > asked, SOON, "a question when to renew it")
        self.assertEqual(1, pebble.log.count("POST /order-plz"), pebble.log)
        self.assertEqual(1, self.fetched(daemon))

    def test_its_private_keys_lie_nowhere_in_clear(self) -> None:
        """Neither the account's nor the certificate's, nor an order's."""
        daemon = self.daemon_for(self.authority().start())
        self.served(daemon)
        daemon.stop()
        for path in daemon.data.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(b"PRIVATE KEY", content, path)
        self.assertNotIn("PRIVATE KEY", daemon.log)

    def test_a_new_key_of_the_ring_seals_account_and_order_anew(self) -> None:
        """The old one goes, and all can be read after a restart."""
        pebble = self.authority(validity=150).start()
        daemon = self.daemon_for(pebble)
        first = self.served(daemon)
        done = daemon.cli("key", "rotate", "--json")
        self.assertEqual(0, done.code, done)
        self.assertEqual(1, done.json()["keys"], done)
        daemon.stop()
        daemon._extra = daemon._extra | {"MYTRACKS_ACME__RENEW_AT": "0.1"}
        daemon.start()
        until(lambda: self.served(daemon) != first, SOON, "the next certificate")
        self.assertEqual(1, pebble.log.count("POST /sign-me-up"))
        self.assertNotIn("cannot be read", daemon.log)


class OffTests(ACMECase):
    """Without a directory."""

    def test_nobody_is_contacted_and_nothing_is_answered(self) -> None:
        """Off by default; what would contact somebody is not even loaded, nor what few use."""
        daemon = self.new_daemon().start()
        answer = self.web(daemon).ask("GET", CHALLENGE + "abc")
        self.assertEqual(404, answer.status)
        self.assertEqual([], self.told(daemon)["problems"])
        names = "{'acme', 'requests', 'webauthn'}"
        words = f"import mytracks.daemon.service, sys; print({names} & {{*sys.modules}})"
        done = subprocess.run(
            [sys.executable, "-c", words], capture_output=True, env=daemon.environ, check=True
        )
        self.assertEqual(b"set()", done.stdout.strip())

    def test_terms_that_nobody_agreed_to_end_the_start(self) -> None:
        """In one line that says what to do."""
        environ = dict(self.authority().settings(TRACK, terms_agreed="false"))
        daemon = self.new_daemon(environ=environ)
        done = daemon.fail_to_start()
        self.assertNotEqual(0, done.code)
        self.assert_one_clear_line(done.out, "terms_agreed")

    def test_tls_for_a_proof_is_refused_while_there_is_nothing_to_prove(self) -> None:
        """At HTTPS and at MQTT alike; and whoever wants something else is served."""
        daemon = self.daemon_for(self.authority().start(), for_mqtt="true")
        self.served(daemon)
        for port in self.ports(daemon):
            assert port is not None
            wanting = context("1.3")
            wanting.set_alpn_protocols(["acme-tls/1"])
            plain = socket.create_connection((LOCAL, port), 10)
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                wanting.wrap_socket(plain, server_hostname=TRACK)
        self.served(daemon)


class RenewingTests(ACMECase):
    """The next one."""

    def test_before_it_ends(self) -> None:
        """No connection that was open is cut, new ones get the new one."""
        pebble = self.authority(validity=50).start()
        daemon = self.daemon_for(pebble, renew_at="0.1", retry_first="2")
        first = self.served(daemon)
        old = http.client.HTTPSConnection(LOCAL, pebble.tls, timeout=10, context=context("1.3"))
        self.addCleanup(old.close)
        old.request("GET", "/api/health")
        self.assertIn(b"ok", old.getresponse().read())
        until(lambda: shown(pebble.tls) != first, SOON, "the next certificate")
        old.request("GET", "/api/health")
        self.assertEqual(200, old.getresponse().status)

    def test_by_tls_while_the_listener_is_in_use(self) -> None:
        """A proof does not disturb whoever comes for the pages."""
        pebble = self.authority(validity=50).start()
        more = {"challenge": "tls-alpn-01", "renew_at": "0.1", "retry_first": "2"}
        daemon = self.daemon_for(pebble, free_port(), **more)
        first = self.served(daemon)
        until(lambda: shown(pebble.tls) != first, SOON, "the next certificate")
        self.assertNotIn("Traceback", daemon.log)

    def test_other_names_make_another_one(self) -> None:
        """Whoever adds a name waits for no renewal."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble, names=TRACK)
        self.assertEqual([TRACK], names(self.served(daemon)))
        daemon.stop()
        more = dict(daemon._extra) | dict(pebble.settings(TRACK, MQTT))
        daemon._extra = more
        daemon.start()
        until(lambda: names(self.served(daemon)) == [MQTT, TRACK], SOON, "a certificate for both")


class FailingTests(ACMECase):
    """Whatever goes wrong."""

    def test_a_directory_that_is_down_leaves_the_old_one_served(self) -> None:
        """Administrators are told, with the reason and when it is tried again; and once it is
        there, all is well again."""
        pebble = self.authority(validity=150).start()
        daemon = self.daemon_for(pebble, renew_at="0.1", retry_first="2", retry_most="2")
        first = self.served(daemon)
        pebble.stop()
        alarm = self.alarm(daemon, "no public certificate", "tried again at")
        self.assertIn("cannot be reached", alarm)
        self.assertIn("ends on", alarm)
        last = self.served(daemon)
        self.assertIn("Pebble", last.issuer.rfc4514_string())
        self.assertNotIn("Traceback", daemon.log)
        pebble.start()  # It knows neither our account nor our order any more.
        until(lambda: shown(pebble.tls) not in (first, last), SOON, "the next certificate")
        until(lambda: self.told(daemon)["problems"] == [], SOON, "no alarm any more")

    def test_a_name_that_is_not_ours_is_told_with_the_authoritys_reason(self) -> None:
        """It comes to a port where nobody answers as we should."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble, free_port())
        alarm = self.alarm(daemon, "could not see that the names are ours")
        self.assertIn(TRACK, alarm)
        self.assertIsNone(self.ports(daemon)[0])
        entries = self.web(daemon, ADMIN).ask("GET", "/api/admin/audit?action=pki.acme.fail")
        self.assertEqual(1, entries.json()["count"], entries.body)
        self.assertNotIn("Traceback", daemon.log)

    def test_a_wrong_answer_is_told(self) -> None:
        """Somebody else answers at our port."""
        pebble = self.authority().start()
        liar = socket.create_server((LOCAL, pebble.http))
        self.addCleanup(liar.close)

        def lie() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = liar.accept()
                    wire.recv(4096)
                    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
                    wire.close()

        Thread(target=lie, name="liar", daemon=True).start()
        daemon = self.daemon_for(pebble, free_port())
        self.alarm(daemon, "could not see that the names are ours", "wrong")

    def test_names_that_cannot_be_proved_are_told_and_nobody_is_asked(self) -> None:
        """A star needs DNS; a bare name nobody knows."""
        pebble = self.authority()
        for name, why in (("*.example.test", "DNS"), ("nas", "dot"), ("192.0.2.1", "address")):
            daemon = self.daemon_for(pebble, free_port(), names=name)
            self.assertIn(why, self.alarm(daemon, "no public certificate"))
            daemon.stop()

    def test_an_authority_whose_own_certificate_nobody_vouches_for_is_not_believed(self) -> None:
        """It could be anybody."""
        pebble = self.authority().start()
        daemon = self.daemon_for(pebble, ca_file="")
        self.alarm(daemon, "certificate is not trusted")

    def test_it_ends_in_time_while_an_authority_keeps_us_waiting(self) -> None:
        """Whoever stops the server does not wait for a certificate."""
        pebble = self.authority()
        silent = socket.create_server((LOCAL, pebble._port))
        self.addCleanup(silent.close)
        daemon = self.daemon_for(pebble)
        answer = self.web(daemon, ANA).ask("GET", "/api/health")
        self.assertEqual(200, answer.status)
        self.assertLess(daemon.stop(), 5)
        self.assertNotIn("Traceback", daemon.log)
