"""One mytracks daemon in a process of its own, started as its users start it.

Knows how to start, watch, stop, kill and ask it; decides nothing about what is right.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from attrs import frozen

from tests import databases
from tests.whole.patience import until

START_LIMIT = 60.0
"""Seconds a start may take here, on a machine that does other work as well."""
STOP_LIMIT = 30.0
PROJECT = Path(__file__).resolve().parents[2]
LOCAL = ("--bind", "127.0.0.1", "--http-port", "0", "--mqtt-port", "0", "--mqtt-tls-port", "-1")
SETUP = re.compile(r"https?://\S*/setup/[\w.~-]+/?")


class NotStarted(AssertionError):
    """The daemon ended, or never became ready; the text holds its log."""


@frozen
class Finished:
    """A program that has ended: its exit status and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def last_word(self) -> str:
        """The last word on standard output: where a secret is shown once."""
        return self.out.split()[-1]

    def json(self) -> Any:
        """Standard output read as one JSON document."""
        return json.loads(self.out)


def installed(program: str) -> list[str]:
    """The command line of a program that was installed beside this interpreter."""
    path = Path(sys.executable).with_name(program)
    if not path.exists():
        raise NotStarted(f"{path} is missing: install the project into this environment")
    return [str(path)]


def scratch() -> Path:
    """A new empty directory with a short name (a socket's path holds about 100 bytes)."""
    return Path(tempfile.mkdtemp(prefix="mt-"))


class Daemon:
    """mytracks on the data directory `home/data`; everything else it might touch lies in `home`."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        flags: Sequence[str] = LOCAL,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        name_data_dir: bool = True,
        database: str | None = None,
    ) -> None:
        self.home = home or scratch()
        self._database = database
        self.data = self.home / "data"
        self.flags = tuple(flags)
        self.command = tuple(command) if command is not None else None
        self._extra = dict(environ or {})
        self._name_data_dir = name_data_dir
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: list[str] = []
        self.runtime: dict[str, Any] = {}

    # What it is started with

    @property
    def database(self) -> str:
        """Its own database, as `--database` takes it; made when first asked for."""
        if self._database is None:
            self._database = databases.new()
        return self._database

    @property
    def environ(self) -> dict[str, str]:
        """Our environment without anybody's settings, and with a home of its own."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MYTRACKS_", "XDG_", "COMMAND_API", "STATE_DIRECTORY"))
        }
        for name in ("user", "tmp", "cwd"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        clean |= {
            "HOME": str(self.home / "user"),
            "TMPDIR": str(self.home / "tmp"),
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        if self.database != databases.SQLITE:
            clean["MYTRACKS_DATABASE"] = self.database
        return clean | self._extra

    def command_line(self) -> list[str]:
        """The words that start it in the foreground."""
        start = self.command or (*installed("twistd"), "-n", "mytracks")
        place = ["--data-dir", str(self.data)] if self._name_data_dir else []
        return [*start, *place, *self.flags]

    # Life

    def launch(self) -> None:
        """Start the process and return at once; its output is collected from now on."""
        if self.running:
            raise AssertionError("it runs already")
        self.runtime = {}
        self._lines = []
        self._process = subprocess.Popen(
            self.command_line(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self.environ,
            cwd=self.home / "cwd",
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._collect, args=(self._process.stdout, self._lines), daemon=True
        )
        self._reader.start()

    @staticmethod
    def _collect(output: IO[str], lines: list[str]) -> None:
        with output:
            for line in output:
                lines.append(line.rstrip("\n"))

    def start(self, within: float = START_LIMIT) -> "Daemon":
        """Start it and wait until `runtime.json` is this process's own. Raises NotStarted."""
        self.launch()
        try:
            until(self._ready, within, "runtime.json of the new process")
        except AssertionError as error:
            self.kill()
            raise NotStarted(f"{error}\n{self.log}") from error
        return self

    def _ready(self) -> bool:
        if not self.running:
            raise NotStarted(f"ended with {self.wait()} before it was ready")
        try:
            runtime = json.loads((self.data / "runtime.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return False
        if runtime.get("pid") != self.pid:
            return False
        self.runtime = runtime
        return True

    def fail_to_start(self, within: float = START_LIMIT) -> Finished:
        """Start it, expecting that it ends by itself with a failure."""
        self.launch()
        code = self.wait(within)
        return Finished(code, self.log, "")

    def stop(self, within: float = STOP_LIMIT) -> float:
        """SIGTERM; returns the seconds it took to end."""
        begin = time.monotonic()
        if self.running:
            self.signal(signal.SIGTERM)
            self.wait(within)
        return time.monotonic() - begin

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        if self.running:
            self.signal(signal.SIGKILL)
        if self._process is not None:
            self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that we started."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, within: float = STOP_LIMIT) -> int:
        """Wait for its end; returns the exit status (negative: the signal)."""
        assert self._process is not None
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it did not end within {within:g} s\n{self.log}") from error
        if self._reader is not None:
            self._reader.join(5)
        return code

    def close(self) -> None:
        """End it and remove all that it wrote."""
        try:
            self.kill()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)
            if self._database is not None:
                databases.drop(self._database)

    # What it shows

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    @property
    def mqtt(self) -> int:
        """The port that MQTT is really on."""
        return int(self.runtime["mqtt_port"])

    @property
    def http(self) -> int:
        """The port that HTTP is really on."""
        return int(self.runtime["http_port"])

    @property
    def lines(self) -> list[str]:
        """What it has written so far since its last start, line by line."""
        return list(self._lines)

    @property
    def log(self) -> str:
        """What it has written so far since its last start."""
        return "\n".join(self._lines)

    def expect_line(self, pattern: str, within: float = 5.0) -> str:
        """Wait for a log line in which `pattern` is found. Raises Impatient with the log."""
        search = re.compile(pattern)

        def look() -> str | None:
            return next((line for line in self.lines if search.search(line)), None)

        try:
            return until(look, within, f"a log line with {pattern!r}")
        except AssertionError as error:
            raise type(error)(f"{error}\n{self.log}") from error

    def setup_url(self) -> str:
        """The one-time address in its log."""
        found = SETUP.search(self.expect_line(SETUP.pattern))
        assert found is not None
        return found.group()

    # What its owner says to it

    def cli(
        self, *words: str, typed: str = "", environ: Mapping[str, str] | None = None
    ) -> Finished:
        """Run `mytracks WORDS` on this data directory (given by the environment)."""
        done = subprocess.run(
            [*installed("mytracks"), *words],
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environ | {"MYTRACKS_DATA_DIR": str(self.data)} | dict(environ or {}),
            cwd=self.home / "cwd",
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def add_user(self, name: str, password: str, *words: str) -> None:
        """Make an account by the command line."""
        done = self.cli("user", "add", name, "--password-stdin", *words, typed=password + "\n")
        if done.code != 0:
            raise AssertionError(f"user add {name}: {done}")

    def device_password(self, path: str) -> str:
        """Make a device password for `user/device` by the command line."""
        done = self.cli("device", "credential", path, "--json")
        if done.code != 0:
            raise AssertionError(f"device credential {path}: {done}")
        return str(done.json()["password"])
