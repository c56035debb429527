"""MQTT over TLS while certificates come and go: within a second, and nobody else is touched."""

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

from tests.pki import lab
from tests.whole import packets
from tests.whole.cases import unused
from tests.whole.daemon import LOCAL, Daemon
from tests.whole.packets import Will
from tests.whole.patience import until
from tests.whole.phone import Phone
from tests.whole.tls import (
    ANA,
    BEN,
    PASSWORDS,
    WELCOME,
    TLSCase,
    Wire,
    both,
    context,
    s_client,
)

SOON = 1.0
"""Seconds from the answer to a revocation until nobody is in by it."""


class RevocationTests(TLSCase):
    """One certificate is revoked."""

    def test_its_connections_are_cut_and_no_others_and_its_will_is_published(self) -> None:
        """All that it has, within a second."""
        daemon = self.secure_daemon()
        lost, kept = self.client(daemon, ANA), self.client(daemon, BEN)
        phones = [self.secure_phone(daemon, version, lost) for version in both()]
        will = Will("owntracks/ana/phone", b'{"_type":"lwt"}')
        for phone in phones:
            self.assertEqual(0, phone.connect(unused("phone"), will=will))
        silent = self.secure_phone(daemon, "1.3", lost)
        others = [self.secure_phone(daemon, version, kept) for version in both()]
        self.assertEqual([0, 0], [each.connect(unused("phone")) for each in others])
        watcher = self.signed_in(daemon, ANA)
        watcher.subscribe("owntracks/ana/#")
        self.cli(daemon, "pki", "revoke", lost.serial, "--reason", "key-compromise")
        told = time.monotonic()
        for phone in (*phones, silent):
            self.assertEqual([], phone.closed_within(SOON))
        self.assertLess(time.monotonic() - told, SOON)
        self.assertEqual(b'{"_type":"lwt"}', watcher.delivery().payload)
        for phone in (*others, watcher):
            phone.ping()
        for version in both():
            self.assert_refused(daemon, version, lost)
            self.assert_let_in(daemon, version, kept)
        daemon.expect_line("it is revoked")

    def test_a_newer_certificate_of_the_same_person_revokes_the_one_before(self) -> None:
        """Superseded: its connection is cut; the new one is let in."""
        daemon = self.secure_daemon()
        old = self.client(daemon, ANA)
        phone = self.secure_phone(daemon, "1.3", old)
        self.assertEqual(0, phone.connect("phone"))
        new = self.client(daemon, ANA)
        phone.closed_within(SOON)
        self.assert_refused(daemon, "1.3", old)
        self.assert_let_in(daemon, "1.3", new)

    def test_no_session_is_resumed_past_it(self) -> None:
        """As `openssl` remembers them, in both versions: before, every handshake is a whole one;
        after, none gets in."""
        daemon = self.secure_daemon()
        shown, port = self.client(daemon, ANA), self.mqtts(daemon)
        sessions: list[tuple[str, Path]] = []
        for version in both():
            path = daemon.home / f"session{version}"
            sessions.append((version, path))
            said = s_client(port, version, shown, None, "-sess_out", str(path))
            self.assertIn(WELCOME, said)
            if path.exists():
                said = s_client(port, version, shown, None, "-sess_in", str(path))
                self.assertIn(WELCOME, said)
                self.assertNotIn(b"Reused,", said)
        self.assertTrue(any(path.exists() for _, path in sessions))
        self.cli(daemon, "pki", "revoke", shown.serial)
        for version, path in sessions:
            if path.exists():
                said = s_client(port, version, shown, None, "-sess_in", str(path))
                self.assertNotIn(b"\x20\x02", said)
                without = s_client(port, version, None, None, "-sess_in", str(path))
                self.assertNotIn(WELCOME, without)

    def test_nor_by_python_which_shows_the_session_again(self) -> None:
        """The other implementation."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        for version in both():
            client = context(version, shown)
            first = self.resuming(daemon, client, None)
            phone = Phone(Wire(first))
            self.assertEqual(0, phone.connect(unused("phone")))
            again = self.resuming(daemon, client, first.session)
            self.assertFalse(again.session_reused)

    def test_a_handshake_held_open_over_it_does_not_get_in(self) -> None:
        """It began with the list of before. Held open without one, it does."""
        daemon = self.secure_daemon()
        for version in both():
            for revoked in (False, True):
                shown = self.client(daemon, ANA)
                plain = socket.create_connection(("127.0.0.1", self.mqtts(daemon)), 10)
                plain.settimeout(10)
                self.addCleanup(plain.close)
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = context(version, shown).wrap_bio(incoming, outgoing)
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65_536))
                if revoked:
                    self.cli(daemon, "pki", "revoke", shown.serial)
                heard = self.finish(plain, tls, incoming, outgoing)
                self.assertEqual(b"" if revoked else WELCOME, heard)

    def finish(
        self,
        plain: socket.socket,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> bytes:
        """Go on with a handshake, and say CONNECT; the first that comes of MQTT until the end."""
        said = False
        while True:
            try:
                tls.do_handshake()
                if not said:
                    said = True
                    tls.write(packets.connect(unused("phone"), ANA, PASSWORDS[ANA]))
                return tls.read(65_536)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return b""
            try:
                plain.sendall(outgoing.read())
                data = plain.recv(65_536)
            except ConnectionError:
                return b""
            if not data:
                return b""
            incoming.write(data)

    def resuming(
        self, daemon: Daemon, client: ssl.SSLContext, session: ssl.SSLSession | None
    ) -> ssl.SSLSocket:
        """A connection that offers to go on with `session`."""
        plain = socket.create_connection(("127.0.0.1", self.mqtts(daemon)), 10)
        self.addCleanup(plain.close)
        tls = client.wrap_socket(plain, server_hostname="localhost", session=session)
        self.addCleanup(tls.close)
        return tls

    def test_many_revocations_disturb_nobody(self) -> None:
        """Each is a new context; a phone that stays is not touched, others get in all the time."""
        daemon = self.secure_daemon()
        kept = self.client(daemon, BEN)
        phone = self.secure_phone(daemon, "1.3", kept)
        self.assertEqual(0, phone.connect("phone"))
        for _ in range(10):
            gone = self.client(daemon, ANA)
            self.cli(daemon, "pki", "revoke", gone.serial)
            phone.ping()
            newcomer = self.secure_phone(daemon, "1.2", kept)
            self.assertEqual(0, newcomer.connect(unused("phone")))
            newcomer.disconnect()


class ServerTests(TLSCase):
    """The server's certificate, and who signs."""

    def test_the_listeners_open_with_the_first_certificate_and_close_with_the_last(self) -> None:
        """Without a restart; `runtime.json` tells."""
        daemon = self.secure_daemon(ready=False)
        self.assertEqual((None, None), self.ports(daemon))
        self.bring_authority(daemon, self.ca)
        self.assertEqual((None, None), self.ports(daemon))
        first = self.make_server(daemon)
        ports = self.ports(daemon)
        self.assertNotIn(None, ports)
        self.assert_let_in(daemon, "1.3", None, ANA)
        self.make_server(daemon, "localhost", "other.test")
        self.assertEqual(ports, self.ports(daemon))
        for server in self.cli(daemon, "pki", "list")["servers"]:
            if server["state"] == "active":
                self.assertNotEqual(first, server["serial"])
                self.cli(daemon, "pki", "revoke", server["serial"])
        until(lambda: self.ports(daemon) == (None, None), 5, "no TLS in runtime.json")
        for port in ports:
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port or 0), 5).close()
        self.assertEqual(0, self.phone(daemon).connect("c", ANA, PASSWORDS[ANA]))

    def test_after_a_restart_it_listens_with_what_is_stored(self) -> None:
        """All of it: certificates, keys, revocations."""
        daemon = self.secure_daemon()
        good, bad = self.client(daemon, ANA), self.client(daemon, BEN)
        self.cli(daemon, "pki", "revoke", bad.serial)
        daemon.stop()
        daemon.start()
        self.assertNotIn(None, self.ports(daemon))
        for version in both():
            self.assert_let_in(daemon, version, good)
            self.assert_refused(daemon, version, bad, BEN)

    def test_certificates_made_while_nobody_listens_are_there_at_the_start(self) -> None:
        """The command works on the store itself then."""
        daemon = self.new_daemon()
        self.bring_authority(daemon, self.ca)
        self.cli(daemon, "pki", "server", "--san", "localhost")
        shown = self.client(daemon, ANA)
        daemon.flags = (*daemon.flags[:-1], "0")
        daemon.start()
        self.assert_let_in(daemon, "1.3", shown)

    def test_a_new_certificate_is_shown_to_whoever_comes_next(self) -> None:
        """Whoever is connected stays so."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        phone = self.secure_phone(daemon, "1.3", shown)
        self.assertEqual(0, phone.connect("phone"))
        before = self.presented(daemon)
        self.make_server(daemon, "localhost", "new.test")
        self.assertNotEqual(before, self.presented(daemon))
        phone.ping()
        self.assert_let_in(daemon, "1.2", shown)

    def test_two_authorities_overlap_until_the_old_one_is_ended(self) -> None:
        """Phones with certificates of the old one work on; then they are cut."""
        daemon = self.secure_daemon()
        old = self.client(daemon, ANA)
        old_ca = next(each for each in self.cli(daemon, "pki", "list")["authorities"])
        phone = self.secure_phone(daemon, "1.3", old)
        self.assertEqual(0, phone.connect("phone"))
        self.bring_authority(daemon, lab.authority("Family CA of next year"))
        new = self.client(daemon, BEN)
        phone.ping()
        for version in both():
            self.assert_let_in(daemon, version, old)
            self.assert_let_in(daemon, version, new)
        self.cli(daemon, "pki", "revoke", old_ca["serial"])
        phone.closed_within(SOON)
        for version in both():
            self.assert_refused(daemon, version, old)
            self.assert_let_in(daemon, version, new)

    def test_a_taken_port_ends_a_start_and_is_told_once_later(self) -> None:
        """While it runs, what it already does is worth more; it tries again."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            daemon = self.new_daemon(
                flags=(*LOCAL[:-1], str(port)),
            ).start()
            self.bring_authority(daemon, self.ca)
            self.cli(daemon, "pki", "server", "--san", "localhost")
            daemon.expect_line(f"MQTT over TLS cannot listen on port {port}")
            self.assertEqual((None, None), self.ports(daemon))
            self.assertEqual(0, self.phone(daemon).connect("c", ANA, PASSWORDS[ANA]))
            daemon.stop()
            ended = daemon.fail_to_start()
            self.assertNotEqual(0, ended.code)
            self.assert_one_clear_line(ended.out, "MQTT over TLS", str(port))
        daemon.start()
        self.assertEqual(port, self.mqtts(daemon))

    def presented(self, daemon: Daemon) -> bytes:
        """The certificate that the server shows."""
        shown = self.shake(daemon, "1.3").tls.getpeercert(binary_form=True)
        assert shown is not None
        return shown


class EndTests(TLSCase):
    """SIGTERM."""

    def test_it_ends_in_time_whatever_clients_do(self) -> None:
        """Those that never answer a farewell, those in the handshake; a Will is kept for later."""
        daemon = self.secure_daemon()
        shown = self.client(daemon, ANA)
        for number in range(20):
            phone = self.secure_phone(daemon, both()[number % 2], shown)
            self.assertEqual(0, phone.connect(unused("phone"), keepalive=0))
        silent = socket.create_connection(("127.0.0.1", self.mqtts(daemon)), 10)
        self.addCleanup(silent.close)
        self.assertLess(daemon.stop(), 5)
        self.assertNotIn("Traceback", daemon.log)
        self.assertFalse((daemon.data / "runtime.json").exists())


class SilenceTests(TLSCase):
    """Whoever says nothing is let go, at every stage."""

    def test_there_is_one_time_for_all_until_connect(self) -> None:
        """After TCP, after the first words of TLS, after TLS, in the middle of CONNECT."""
        daemon = self.secure_daemon(environ={"MYTRACKS_MQTT__CONNECT_TIMEOUT": "2"})
        shown, port = self.client(daemon, ANA), self.mqtts(daemon)
        began = time.monotonic()
        silent = socket.create_connection(("127.0.0.1", port), 10)
        begun = socket.create_connection(("127.0.0.1", port), 10)
        hello, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            context("1.3", shown).wrap_bio(hello, outgoing).do_handshake()
        begun.sendall(outgoing.read())
        after = self.secure_phone(daemon, "1.3", shown)
        half = self.secure_phone(daemon, "1.2", shown)
        half.send(packets.connect("phone")[:5])
        for plain in (silent, begun):
            self.addCleanup(plain.close)
            with contextlib.suppress(ConnectionError):
                while plain.recv(65_536):
                    pass
        for phone in (after, half):
            phone.closed_within(5)
        self.assertLess(time.monotonic() - began, 4)
        self.assertGreater(time.monotonic() - began, 1.5)
        daemon.expect_line("it did not finish the handshake in time")


class ForeignTests(TLSCase):
    """Clients that others wrote, with certificates."""

    def test_mosquitto_pub_publishes_by_its_certificate(self) -> None:
        """And verifies ours."""
        program = which("mosquitto_pub")
        assert program is not None
        daemon = self.secure_daemon()
        shown, watcher = self.unlocked(daemon, ANA), self.signed_in(daemon, ANA)
        watcher.subscribe("owntracks/ana/#")
        ca = daemon.home / "ca.pem"
        words = ["-h", "localhost", "-p", str(self.mqtts(daemon)), "--cafile", str(ca)]
        words += ["--cert", str(shown), "--key", str(shown), "-q", "1"]
        words += ["-t", "owntracks/ana/moss", "-m", "{}"]
        for version in ("tlsv1.2", "tlsv1.3"):
            done = subprocess.run(
                [program, *words, "--tls-version", version],
                capture_output=True,
                timeout=20,
                check=False,
            )
            self.assertEqual((0, b""), (done.returncode, done.stderr))
            self.assertEqual("owntracks/ana/moss", watcher.delivery().topic)
        self.cli(daemon, "pki", "revoke", self.serial_of(daemon, ANA))
        done = subprocess.run([program, *words], capture_output=True, timeout=20, check=False)
        self.assertNotEqual(0, done.returncode)

    def test_paho_speaks_by_its_certificate(self) -> None:
        """The library of the phones."""
        daemon = self.secure_daemon()
        shown = self.unlocked(daemon, ANA)
        script = f"""
import json, ssl, sys
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
heard = []
client = Client(CallbackAPIVersion.VERSION2, client_id="paho")
client.tls_set({str(daemon.home / "ca.pem")!r}, {str(shown)!r}, {str(shown)!r})
client.on_connect = lambda c, *_: c.subscribe("owntracks/user/+", 1)
client.on_subscribe = lambda c, *_: c.publish("owntracks/user/paho", b"1", 1)
def came(c, _, message):
    heard.append(message.topic)
    c.disconnect()
client.on_message = came
client.connect("localhost", {self.mqtts(daemon)})
client.loop_forever()
print(json.dumps(heard))
"""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, timeout=30, check=False
        )
        self.assertEqual(b"", done.stderr)
        self.assertEqual(["owntracks/user/paho"], json.loads(done.stdout))

    def unlocked(self, daemon: Daemon, user: str) -> Path:
        """A certificate with its key in clear, as those programs want it."""
        shown = self.client(daemon, user)
        path = daemon.home / f"{unused(user)}.open.pem"
        key = ["openssl", "pkey", "-in", str(shown.file), "-passin", f"pass:{shown.password}"]
        opened = subprocess.run(key, capture_output=True, check=True).stdout
        path.write_bytes(shown.file.read_bytes().split(b"-----BEGIN ENCRYPTED")[0] + opened)
        return path

    def serial_of(self, daemon: Daemon, user: str) -> str:
        """Of the certificate in force."""
        clients = self.cli(daemon, "pki", "list")["clients"]
        found = [each for each in clients if each["user"] == user and each["state"] == "active"]
        return str(found[0]["serial"])
