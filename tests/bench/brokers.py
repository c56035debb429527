"""The brokers that are compared: ours, and those of others where they are installed."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from tests.bench.loads import Server
from tests.bench.servers import PASSWORD, ROOMY, USER, answers, described
from tests.whole.daemon import Daemon, scratch
from tests.whole.patience import until
from tests.whole.phone import Phone

ROOM = ROOMY | {
    "MYTRACKS_MQTT__MAX_SUBSCRIPTIONS": "20000",
    "MYTRACKS_MQTT__MAX_SESSIONS": "20000",
    "MYTRACKS_MQTT__MAX_INFLIGHT": "1000",
    "MYTRACKS_MQTT__FREE_TOPICS": "load/#",
}
"""One user has all the clients of a load, and windows are wide, as they are in the others."""

AMQTT = "AMQTT"
"""The variable that says where its program is."""


class Broker(Protocol):
    """A server that can be stopped and started again with what it has kept."""

    def start(self) -> None:
        """Until it listens."""

    def stop(self, *, kill: bool = False) -> None:
        """In good order, or not."""

    @property
    def server(self) -> Server:
        """How to get in, while it runs."""


class Ours:
    """mytracks with one account."""

    def __init__(self) -> None:
        self.daemon = Daemon(environ=ROOM)
        self.daemon.add_user(USER, PASSWORD, "--admin")

    def start(self) -> None:
        self.daemon.start()

    def stop(self, *, kill: bool = False) -> None:
        if kill:
            self.daemon.kill()
        else:
            self.daemon.stop()

    @property
    def server(self) -> Server:
        return described(self.daemon)

    def close(self) -> None:
        """It ends, with all it has kept."""
        self.daemon.close()


class Program:
    """Somebody else's, with a configuration of ours in a folder that goes with it."""

    def __init__(self, name: str, words: list[str], configuration: str) -> None:
        self.name = name
        self.home = scratch()
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = reserved.getsockname()[1]
        (self.home / "configuration").write_text(
            configuration.format(port=self.port, home=self.home)
        )
        self._words = [each.format(home=self.home) for each in words]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._words, cwd=self.home, stdout=quiet, stderr=quiet)
        until(lambda: answers(self.port), 60, f"{self.name} listens")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def server(self) -> Server:
        assert self._process is not None
        return Server(self.name, self._process.pid, self.port, USER, PASSWORD)

    def close(self) -> None:
        """It ends, with all it has kept."""
        self.stop(kill=True)
        shutil.rmtree(self.home, ignore_errors=True)


_MOSQUITTO = """\
listener {port} 127.0.0.1
persistence true
persistence_location {home}/
allow_anonymous false
password_file {home}/accounts
acl_file {home}/rights
user root
log_type all
log_dest file {home}/log
max_queued_messages 0
max_inflight_messages 0
"""
"""`persistence true`: it writes what it has when it is stopped and every half hour, so nothing is
durable when it is acknowledged. Accounts, rights and its log as in OwnTracks' quick set-up."""

_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
    max_connections: 20000
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""
"""It keeps all in memory, knows nobody and says nothing: it does less than we do."""


def mosquitto() -> Program | None:
    """With persistence; None where it is missing."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None:
        return None
    made = Program("mosquitto", [program, "-c", "{home}/configuration"], _MOSQUITTO)
    words = ["mosquitto_passwd", "-b", "-c", str(made.home / "accounts"), USER, PASSWORD]
    subprocess.run(words, check=True, capture_output=True)
    (made.home / "rights").write_text(
        "pattern readwrite owntracks/%u/#\npattern readwrite load/#\n"
    )
    return made


def amqtt() -> Program | None:
    """Where `AMQTT` says that it is."""
    program = os.environ.get(AMQTT)
    if not program:
        return None
    words = [str(Path(program).absolute()), "-c", "{home}/configuration"]
    return Program("amqtt", words, _AMQTT)


@contextmanager
def running() -> Iterator[list[Broker]]:
    """All there are, ours first, started."""
    with ExitStack() as stack:
        ours = Ours()
        stack.callback(ours.close)
        found: list[Broker] = [ours]
        for other in (mosquitto(), amqtt()):
            if other is not None:
                stack.callback(other.close)
                found.append(other)
        for each in found:
            each.start()
        yield found


def seconds_to_answer(broker: Broker) -> float:
    """From its start to its first CONNACK."""
    begin = time.monotonic()
    broker.start()
    phone = Phone(broker.server.mqtt)
    try:
        assert phone.connect("first", USER, PASSWORD) == 0
        return time.monotonic() - begin
    finally:
        phone.close()
