"""Clients over TLS: Python's `ssl`, and the program `openssl s_client`, which are two."""

import os
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.pki import lab
from tests.pki.lab import Made
from tests.whole import packets
from tests.whole.cases import ADMIN, ANA, BEN, EVE, PASSWORDS, WholeCase, unused
from tests.whole.daemon import Daemon
from tests.whole.patience import until
from tests.whole.phone import PATIENCE, Phone

FLAGS = (
    *("--bind", "127.0.0.1", "--http-port", "0", "--https-port", "0"),
    *("--mqtt-port", "0", "--mqtt-tls-port", "0"),
)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
WELCOME = b"\x20\x02\x00\x00"
NOT_AUTHORISED = 5
__all__ = ["ADMIN", "ANA", "BEN", "EVE", "PASSWORDS"]


@frozen
class Shown:
    """A client certificate with its key in one PEM file, and what it is locked with."""

    file: Path
    password: str | None = None
    serial: str = ""


class Wire:
    """A TLS socket that a `Phone` can wait for: nothing stays behind in OpenSSL."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self.tls = tls

    def fileno(self) -> int:
        """The socket's."""
        return self.tls.fileno()

    def settimeout(self, seconds: float) -> None:
        """For sending."""
        self.tls.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """Send it all. Raises ConnectionError."""
        try:
            self.tls.sendall(data)
        except ssl.SSLError as error:
            raise ConnectionError(str(error)) from error

    def recv(self, size: int) -> bytes:
        """What there is, and all of it. Raises ConnectionError for an alert."""
        self.tls.settimeout(PATIENCE)
        try:
            data = self.tls.recv(size)
            while self.tls.pending():
                data += self.tls.recv(self.tls.pending())
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise ConnectionError(str(error)) from error
        return data

    def close(self) -> None:
        """Vanish."""
        self.tls.close()


def context(version: str, shown: Shown | None = None) -> ssl.SSLContext:
    """A client that believes whatever it is shown; whom it trusts is not what is asked here."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = VERSIONS[version]
    if shown is not None:
        made.load_cert_chain(str(shown.file), password=shown.password)
    return made


class TLSCase(WholeCase):
    """A daemon with an authority made by the lab, which can sign what ours never would."""

    def setUp(self) -> None:
        self.ca = lab.authority("Family CA")

    def secure_daemon(
        self, *flags: str, environ: dict[str, str] | None = None, ready: bool = True
    ) -> Daemon:
        """Running; with a server certificate unless not `ready`."""
        daemon = self.new_daemon(flags=(*FLAGS, *flags), environ=environ).start()
        if ready:
            self.bring_authority(daemon, self.ca)
            self.make_server(daemon)
        return daemon

    def cli(self, daemon: Daemon, *words: str) -> Any:
        """What the command answers; it must succeed."""
        done = daemon.cli(*words, "--json")
        self.assertEqual(0, done.code, done)
        return done.json()

    def bring_authority(self, daemon: Daemon, ca: Made) -> str:
        """It signs from now on; its serial."""
        files = [daemon.home / "ca.pem", daemon.home / "ca.key"]
        for path, content in zip(files, (ca.pem, ca.key_pem), strict=True):
            path.write_bytes(content)
        return str(self.cli(daemon, "pki", "import", *map(str, files))["serial"])

    def make_server(self, daemon: Daemon, *names: str) -> str:
        """Shown from now on; its serial. The ports are known then."""
        san = ",".join(names or ("localhost", "127.0.0.1"))
        made = self.cli(daemon, "pki", "server", "--san", san)
        until(lambda: self.ports(daemon)[0] is not None, 5, "a port for MQTT over TLS")
        return str(made["serial"])

    def ports(self, daemon: Daemon) -> tuple[int | None, int | None]:
        """MQTT over TLS, and HTTPS, as `runtime.json` tells them."""
        daemon._ready()
        return daemon.runtime["mqtt_tls_port"], daemon.runtime["https_port"]

    def mqtts(self, daemon: Daemon) -> int:
        """The port of MQTT over TLS."""
        port = self.ports(daemon)[0]
        assert port is not None
        return port

    def client(self, daemon: Daemon, user: str) -> Shown:
        """A certificate that the daemon made for `user`."""
        path = daemon.home / f"{unused(user)}.pem"
        words = ("--key", "p256", "--format", "pem", "--out", str(path))
        made = self.cli(daemon, "pki", "client", user, *words)
        return Shown(path, made["password"], made["serial"])

    def file(self, made: Made) -> Shown:
        """A certificate of the lab's."""
        return Shown(Path(made.file()))

    def shake(self, daemon: Daemon, version: str, shown: Shown | None = None) -> Wire:
        """A handshake; in TLS 1.3 it may be refused only afterwards. Raises SSLError, OSError."""
        plain = socket.create_connection(("127.0.0.1", self.mqtts(daemon)), PATIENCE)
        self.addCleanup(plain.close)
        tls = context(version, shown).wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(tls.close)
        return Wire(tls)

    def secure_phone(self, daemon: Daemon, version: str, shown: Shown | None = None) -> Phone:
        """A phone whose handshake went well, as far as it knows."""
        return Phone(self.shake(daemon, version, shown))

    def assert_refused(
        self, daemon: Daemon, version: str, shown: Shown | None, user: str | None = ANA
    ) -> None:
        """It is not heard, whatever password it knows, by either implementation."""
        password = PASSWORDS[user] if user is not None else None
        try:
            phone = self.secure_phone(daemon, version, shown)
            phone.send(packets.connect(unused("client"), user, password))
            told = phone.closed_within(5)
        except OSError:
            told = []
        self.assertEqual([], told)
        said = s_client(self.mqtts(daemon), version, shown, user)
        self.assertNotIn(WELCOME[:2], said)

    def assert_let_in(
        self, daemon: Daemon, version: str, shown: Shown | None, user: str | None = None
    ) -> None:
        """It is, by either implementation."""
        password = PASSWORDS[user] if user is not None else None
        phone = self.secure_phone(daemon, version, shown)
        self.assertEqual(0, phone.connect(unused("client"), user, password))
        phone.disconnect()
        self.assertIn(WELCOME, s_client(self.mqtts(daemon), version, shown, user))


def s_client(
    port: int,
    version: str,
    shown: Shown | None = None,
    user: str | None = None,
    *more: str,
    words: bytes | None = None,
    enough: bytes = WELCOME[:3],
) -> bytes:
    """What `openssl s_client` wrote when it had said CONNECT (or `words`), until `enough` came, or
    its end."""
    program = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *more]
    program += [f"-tls{version.replace('.', '_')}", "-servername", "localhost"]
    if shown is not None:
        program += ["-cert", str(shown.file), "-key", str(shown.file)]
        program += ["-pass", f"pass:{shown.password}"] if shown.password else []
    password = PASSWORDS[user] if user is not None else None
    running = subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        said = words or packets.connect(unused("openssl"), user, password)
        running.stdin.write(said)
        running.stdin.flush()
    except BrokenPipeError:
        pass
    heard, end = b"", time.monotonic() + PATIENCE
    with running:
        while enough not in heard and time.monotonic() < end:
            if not select.select([running.stdout], [], [], 0.5)[0]:
                continue
            data = os.read(running.stdout.fileno(), 65_536)
            if not data:
                break
            heard += data
        running.kill()
    return heard


def both() -> Sequence[str]:
    """The versions of TLS that are spoken."""
    return list(VERSIONS)
