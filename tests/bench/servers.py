"""What is measured: mytracks, and mosquitto beside it where it is installed."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.loads import Server
from tests.whole.daemon import Daemon, scratch
from tests.whole.patience import until

USER, PASSWORD = "ana", "ana's own long word"
ROOMY = {
    "MYTRACKS_MQTT__MAX_CONNECTIONS": "20000",
    "MYTRACKS_MQTT__MAX_CONNECTIONS_PER_ADDRESS": "20000",
    "MYTRACKS_MQTT__MAX_CONNECTIONS_PER_USER": "20000",
}
"""All phones of the bench come from one address and belong to one user."""


def described(daemon: Daemon) -> Server:
    """A running daemon as the loads see it."""
    return Server("mytracks", daemon.pid, daemon.mqtt, USER, PASSWORD, daemon.http)


@contextmanager
def mytracks() -> Iterator[Daemon]:
    """A daemon with one account, not yet started."""
    daemon = Daemon(environ=ROOMY)
    try:
        daemon.add_user(USER, PASSWORD, "--admin")
        yield daemon
    finally:
        daemon.close()


def answers(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def configuration(home: Path, port: int, *, bare: bool) -> str:
    """A broker that knows nobody and says nothing, or one with accounts, rights and its log. It
    keeps whatever waits for a subscriber, in memory."""
    common = f"listener {port} 127.0.0.1\npersistence false\nmax_queued_messages 0\n"
    if bare:
        return common + "allow_anonymous true\nlog_type none\n"
    accounts, rights = home / "accounts", home / "rights"
    words = ["mosquitto_passwd", "-b", "-c", str(accounts), USER, PASSWORD]
    subprocess.run(words, check=True, capture_output=True)
    rights.write_text("pattern readwrite owntracks/%u/#\n")
    return common + (
        f"allow_anonymous false\npassword_file {accounts}\nacl_file {rights}\nuser root\n"
        f"log_type all\nlog_dest file {home / 'log'}\nmax_inflight_messages 0\n"
    )


@contextmanager
def mosquitto(*, bare: bool) -> Iterator[Server | None]:
    """A broker that stores nothing (see `configuration`). None where it is missing."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    home = scratch()
    config = home / "mosquitto.conf"
    config.write_text(configuration(home, port, bare=bare))
    process = subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: answers(port), 10, "mosquitto listens")
        name, who = ("bare", ("", "")) if bare else ("mosquitto", (USER, PASSWORD))
        yield Server(name, process.pid, port, *who)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(home, ignore_errors=True)
