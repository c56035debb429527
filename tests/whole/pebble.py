"""A public certificate authority for tests: Debian's `pebble` in strict mode, on loopback only.

Its names are answered by `pebble-challtestsrv`, by which the whole world is at 127.0.0.1.
"""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.pki import lab
from tests.whole.patience import until

LOCAL = "127.0.0.1"
START_LIMIT = 60.0


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


class Pebble:
    """Both programs, in `home`. `http`, `tls`: to which ports it comes for proofs; `validity`:
    seconds for which its certificates are good, None: for years."""

    def __init__(self, home: Path, validity: int | None = None) -> None:
        self.http = free_port()
        self.tls = free_port()
        self._home = home
        self._validity = validity
        self._port, self._management, self._names = (free_port() for _ in range(3))
        self._running: list[subprocess.Popen[bytes]] = []
        self._front = lab.authority("Pebble's front CA")

    @property
    def directory(self) -> str:
        """Its URL."""
        return f"https://{LOCAL}:{self._port}/dir"

    @property
    def log(self) -> str:
        """What both said."""
        return (self._home / "pebble.log").read_text("utf-8", "replace")

    def settings(self, *names: str, **more: str) -> Mapping[str, str]:
        """The environment of a daemon that asks it for these names, without much patience."""
        asked = {
            "directory": self.directory,
            "ca_file": str(self._home / "front.pem"),
            "terms_agreed": "true",
            "names": ",".join(names),
            "email": "ops@example.test",
            "check_every": "1",
            "retry_first": "1",
            "retry_most": "4",
            **more,
        }
        return {f"MYTRACKS_ACME__{name.upper()}": value for name, value in asked.items()}

    def start(self, **environ: str) -> "Pebble":
        """Both, until the directory can be asked."""
        shown = lab.make("localhost", self._front, purposes=lab.SERVER, names=(LOCAL, "localhost"))
        self._write("front.pem", self._front.pem)
        self._write("shown.pem", shown.pem)
        self._write("shown.key", shown.key_pem)
        config: dict[str, object] = {
            "listenAddress": f"{LOCAL}:{self._port}",
            "managementListenAddress": f"{LOCAL}:{self._management}",
            "certificate": str(self._home / "shown.pem"),
            "privateKey": str(self._home / "shown.key"),
            "httpPort": self.http,
            "tlsPort": self.tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        if self._validity is not None:
            config["certificateValidityPeriod"] = self._validity
        self._write("pebble.json", json.dumps({"pebble": config}).encode())
        names = f"{LOCAL}:{self._names}"
        self._run(
            *("pebble-challtestsrv", "-dns01", names, "-http01", "", "-https01", ""),
            *("-tlsalpn01", "", "-management", f"{LOCAL}:{free_port()}", "-defaultIPv6", ""),
        )
        self._run(
            *("pebble", "-strict", "-config", str(self._home / "pebble.json")),
            *("-dnsserver", names),
            **({"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0"} | environ),
        )
        until(self._listens, START_LIMIT, "pebble's directory")
        return self

    def stop(self) -> None:
        """Both; what pebble knew is gone."""
        for each in self._running:
            each.kill()
            each.wait()
        self._running = []

    def _write(self, name: str, content: bytes) -> None:
        (self._home / name).write_bytes(content)

    def _run(self, *words: str, **environ: str) -> None:
        with (self._home / "pebble.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(words, stdout=log, stderr=log, env=dict(os.environ) | environ)
            )

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOCAL, self._port)) == 0
