"""MQTT over TLS with the real daemon: who gets in, by two implementations and both versions."""

import socket
import ssl
from collections.abc import Callable, Mapping

from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from tests.pki import lab
from tests.pki.lab import DAY, SERVER, Made, make
from tests.whole.daemon import Daemon
from tests.whole.phone import Closed, Phone
from tests.whole.tls import (
    ANA,
    BEN,
    NOT_AUTHORISED,
    PASSWORDS,
    TLSCase,
    both,
    context,
    s_client,
)


class AdmittanceTests(TLSCase):
    """A certificate that is shown must be good; who that is, it says itself."""

    def test_a_certificate_of_ours_lets_its_user_in(self) -> None:
        """Nothing else needs to be known; a name may be given if it is the right one."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        for version in both():
            self.assert_let_in(daemon, version, shown)
            phone = self.secure_phone(daemon, version, shown)
            self.assertEqual(0, phone.connect("phone", "ANA", "not the password"))
            phone.publish("owntracks/ana/phone", b"{}")
            phone.disconnect()
            phone = self.secure_phone(daemon, version, shown)
            code = phone.connect("phone", BEN, PASSWORDS[BEN])
            self.assertEqual(NOT_AUTHORISED, code)

    def test_a_phone_that_knows_no_name_has_its_own_topics(self) -> None:
        """As Android is when nothing but the host is filled in: `user` is its owner."""
        daemon = self.secure_daemon()
        shown, watcher = self.client(daemon, ANA), self.signed_in(daemon, ANA)
        watcher.subscribe("owntracks/+/+", "owntracks/ana/+/cmd")
        phone = self.secure_phone(daemon, "1.3", shown)
        self.assertEqual(0, phone.connect("android", "", ""))
        phone.subscribe("owntracks/user/pixel/cmd", "owntracks/+/+")
        phone.publish("owntracks/user/pixel", b"{}")
        self.assertEqual("owntracks/ana/pixel", watcher.delivery().topic)
        self.assertEqual("owntracks/user/pixel", phone.delivery().topic)
        command = b'{"_type":"cmd","action":"reportLocation"}'
        watcher.publish("owntracks/ana/pixel/cmd", command)
        delivery = phone.delivery()
        self.assertEqual(("owntracks/user/pixel/cmd", command), (delivery.topic, delivery.payload))

    def test_no_bad_certificate_gets_in_whatever_password_comes_with_it(self) -> None:
        """All are refused in the handshake; the reason stands in the log, in words."""
        daemon, ca = self.secure_daemon(), self.ca
        strange = "its issuer is none that we trust"
        cases: Mapping[str, tuple[Callable[[], Made], str]] = {
            "another CA": (lambda: make("ana", lab.authority("Other CA")), strange),
            "of the same name": (lambda: make("ana", lab.authority("Family CA")), strange),
            "signed by itself": (lambda: make("ana"), "it is signed by itself"),
            "expired": (lambda: make("ana", ca, begin=-9 * DAY, end=-DAY), "it has expired"),
            "not yet valid": (lambda: make("ana", ca, begin=DAY, end=9 * DAY), "not valid yet"),
            "for servers": (lambda: make("ana", ca, purposes=SERVER), "it is not for clients"),
            "for code": (
                lambda: make("ana", ca, purposes=[Purpose.CODE_SIGNING]),
                "it is not for clients",
            ),
            "without any purpose": (lambda: make("ana", ca, purposes=()), "we did not issue it"),
            "unknown to us": (lambda: make("ana", ca), "we did not issue it"),
            "the CA itself": (lambda: ca, "it is not for clients"),
        }
        for case, (making, reason) in cases.items():
            shown = self.file(making())
            for version in both():
                with self.subTest(case, version=version):
                    self.assert_refused(daemon, version, shown)
            daemon.expect_line(reason)
        self.assertEqual(0, self.secure_phone(daemon, "1.3").connect("c", ANA, PASSWORDS[ANA]))

    def test_without_a_certificate_the_setting_decides(self) -> None:
        """`optional`: user and password. `required`: no entry."""
        daemon = self.secure_daemon()
        for version in both():
            self.assert_let_in(daemon, version, None, ANA)
            phone = self.secure_phone(daemon, version)
            self.assertEqual(4, phone.connect("c", ANA, "not the word"))
            phone = self.secure_phone(daemon, version)
            self.assertEqual(NOT_AUTHORISED, phone.connect("c"))
        strict = self.secure_daemon("--mqtt-client-cert", "required")
        shown = self.client(strict, ANA)
        for version in both():
            self.assert_refused(strict, version, None)
            self.assert_let_in(strict, version, shown)
        strict.expect_line("it showed no certificate, and one is required")

    def test_a_disabled_account_is_out_of_this_door_as_well(self) -> None:
        """Its connection is cut, and its certificate lets nobody in."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, BEN)
        phone = self.secure_phone(daemon, "1.3", shown)
        self.assertEqual(0, phone.connect("phone"))
        self.cli(daemon, "user", "disable", BEN)
        phone.closed_within(1)
        again = self.secure_phone(daemon, "1.3", shown)
        self.assertNotEqual(0, again.connect("phone"))


class OfferTests(TLSCase):
    """What is offered."""

    def test_old_versions_and_renegotiation_are_refused(self) -> None:
        """By the program that can still try."""
        daemon = self.secure_daemon()
        port = self.mqtts(daemon)
        for old in ("1", "1.1"):
            said = s_client(port, old, None, ANA, "-cipher", "ALL:@SECLEVEL=0")
            self.assertNotIn(b"\x20\x02", said)
            self.assertIn(b"alert", said)
        said = s_client(port, "1.2", None, None, words=b"R\n", enough=b"no renegotiation")
        self.assertIn(b"no renegotiation", said)

    def test_the_protocol_is_agreed_on_by_name_if_the_client_wants_that(self) -> None:
        """ALPN; a client that offers another one is let in all the same."""
        daemon = self.secure_daemon()
        port = self.mqtts(daemon)
        said = s_client(port, "1.3", None, ANA, "-alpn", "mqtt")
        self.assertIn(b"ALPN protocol: mqtt", said)
        self.assertIn(b"\x20\x02\x00\x00", s_client(port, "1.3", None, ANA, "-alpn", "h2"))

    def test_phones_are_told_whose_certificates_are_wanted(self) -> None:
        """Android offers its owner only those."""
        daemon = self.secure_daemon()
        said = s_client(self.mqtts(daemon), "1.2", None, ANA)
        self.assertIn(b"Acceptable client certificate CA names\nCN = Family CA", said)
        self.assertIn(b"\x20\x02\x00\x00", said)

    def test_the_server_is_whom_phones_expect(self) -> None:
        """By name and by address, as strict clients verify it."""
        daemon = self.secure_daemon()
        for version in both():
            for name in ("localhost", "127.0.0.1"):
                strict = ssl.create_default_context(cadata=self.ca.pem.decode())
                strict.minimum_version = strict.maximum_version = context(version).maximum_version
                self._verify(daemon, strict, name)
            with self.assertRaises(ssl.SSLCertVerificationError):
                self._verify(daemon, strict, "elsewhere.test")
        daemon.expect_line("our certificate")

    def _verify(self, daemon: Daemon, strict: ssl.SSLContext, name: str) -> None:
        plain = socket.create_connection(("127.0.0.1", self.mqtts(daemon)), 10)
        self.addCleanup(plain.close)
        with strict.wrap_socket(plain, server_hostname=name) as tls:
            self.assertIsNotNone(tls.version())


class ClosedTests(TLSCase):
    """What comes from nobody."""

    def test_a_plain_client_at_this_port_hears_nothing_and_is_told_in_the_log(self) -> None:
        """A common mistake in phones' settings."""
        daemon = self.secure_daemon()
        phone = Phone(self.mqtts(daemon))
        self.addCleanup(phone.close)
        with self.assertRaises((Closed, AssertionError)):
            phone.connect("phone", ANA, PASSWORDS[ANA])
        daemon.expect_line("it does not speak TLS")
