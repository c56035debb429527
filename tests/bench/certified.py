"""Brokers over TLS that want a client certificate: ours, and mosquitto with a revocation list."""

import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import serialization

from tests.bench.servers import PASSWORD, ROOMY, USER, answers
from tests.pki import lab
from tests.pki.lab import Made
from tests.whole.daemon import Daemon, Finished, scratch
from tests.whole.patience import until
from tests.whole.phone import Phone
from tests.whole.tls import Wire

KEYS: Final = {"p256": 0, "rsa2048": 2048, "rsa3072": 3072, "rsa4096": 4096}
"""Kinds of a server's key, and the bits of those that are RSA."""
_NAMES: Final = ("localhost", "127.0.0.1")


class Certified(Protocol):
    """A broker that lets in who shows a certificate that it has made."""

    name: str

    @property
    def pid(self) -> int: ...

    @property
    def port(self) -> int: ...

    @property
    def shown(self) -> ssl.SSLContext:
        """A client with a good certificate."""

    def another(self) -> tuple[ssl.SSLContext, str]:
        """One with a certificate of its own, and by what that is revoked."""

    def revoke(self, which: str) -> None:
        """It is answered when this is done."""


def client(file: str | Path, password: str | None = None) -> ssl.SSLContext:
    """TLS 1.3, believing whatever the server shows."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(str(file), password=password)
    return made


def shake(port: int, context: ssl.SSLContext) -> Phone:
    """A phone over a new handshake. Raises OSError."""
    plain = socket.create_connection(("127.0.0.1", port), 10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Phone(Wire(context.wrap_socket(plain, server_hostname="localhost")))


class Ours:
    """mytracks with an authority, a server certificate and an account's certificate."""

    name = "mytracks"

    def __init__(self, key: str) -> None:
        flags = ("--bind", "127.0.0.1", "--http-port", "0", "--mqtt-port", "0")
        self.daemon = Daemon(
            environ=ROOMY,
            flags=(*flags, "--mqtt-tls-port", "0", "--mqtt-client-cert", "required"),
        )
        self.daemon.add_user(USER, PASSWORD, "--admin")
        self.daemon.start()
        self._cli("init", "--key", "p256")
        self._cli("server", "--san", ",".join(_NAMES), "--key", key)
        until(lambda: self._ready() is not None, 10, "MQTT over TLS")
        self.shown, _ = self.another()

    @property
    def pid(self) -> int:
        return self.daemon.pid

    @property
    def port(self) -> int:
        port = self._ready()
        assert port is not None
        return port

    def another(self) -> tuple[ssl.SSLContext, str]:
        """Of an account of its own: a new certificate takes the place of the old."""
        number = len(list(self.daemon.home.glob("*.pem")))
        name, file = (f"guest{number}" if number else USER), self.daemon.home / f"{number}.pem"
        if number:
            self.daemon.add_user(name, PASSWORD)
        made = self._cli("client", name, "--key", "p256", "--format", "pem", "--out", str(file))
        told = made.json()
        return client(file, told["password"]), str(told["serial"])

    def revoke(self, which: str) -> None:
        self._cli("revoke", which)

    def close(self) -> None:
        """It ends, with all it has kept."""
        self.daemon.close()

    def _ready(self) -> int | None:
        self.daemon._ready()
        port = self.daemon.runtime["mqtt_tls_port"]
        return None if port is None else int(port)

    def _cli(self, *words: str) -> Finished:
        done = self.daemon.cli("pki", *words, "--json")
        assert done.code == 0, done
        return done


class Mosquitto:
    """With `require_certificate` and `crlfile`; certificates are the lab's."""

    name = "mosquitto"

    def __init__(self, program: str, key: str) -> None:
        self._program = program
        self._home = scratch()
        self._ca = lab.authority()
        self._revoked: list[Made] = []
        self._guests: dict[str, Made] = {}
        self._write("ca", self._ca.pem)
        own = lab.key(KEYS[key])
        server = lab.make("server", self._ca, own=own, purposes=lab.SERVER, names=_NAMES)
        self._write("server", server.pem)
        self._write("key", server.key_pem)
        self._write_list()
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = int(reserved.getsockname()[1])
        self._write("configuration", self._configuration().encode())
        quiet = subprocess.DEVNULL
        words = [program, "-c", str(self._home / "configuration")]
        self._process = subprocess.Popen(words, stdout=quiet, stderr=quiet)
        until(lambda: answers(self.port), 10, "mosquitto listens")
        self.shown, _ = self.another()

    @property
    def pid(self) -> int:
        return self._process.pid

    def another(self) -> tuple[ssl.SSLContext, str]:
        """A certificate of the lab's."""
        made = lab.make(f"guest{len(self._guests)}", self._ca)
        which = str(made.certificate.serial_number)
        self._guests[which] = made
        return client(made.file()), which

    def revoke(self, which: str) -> None:
        self._revoked.append(self._guests[which])
        self._write_list()
        self._process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        """It ends."""
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        (self._home / name).write_bytes(content)

    def _write_list(self) -> None:
        made = lab.revocations(self._ca, self._revoked, number=len(self._revoked) + 1)
        self._write("crl", made.public_bytes(serialization.Encoding.PEM))

    def _configuration(self) -> str:
        files = {"cafile": "ca", "certfile": "server", "keyfile": "key", "crlfile": "crl"}
        lines = [f"listener {self.port} 127.0.0.1", "user root", "persistence false"]
        lines += [f"{word} {self._home / name}" for word, name in files.items()]
        lines += ["require_certificate true", "use_identity_as_username true", "log_type none"]
        return "\n".join((*lines, ""))


def mosquitto(key: str) -> Mosquitto | None:
    """None where it is missing."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    return None if program is None else Mosquitto(program, key)
