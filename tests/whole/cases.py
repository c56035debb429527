"""Test cases around a daemon: one of its own, or one that many tests share.

trial runs no class fixtures, so the shared daemon belongs to the test process: started when first
asked for, stopped and removed when the process ends. Tests that share it stay apart by using device
names that nobody else uses; whoever changes accounts or restarts takes a daemon of their own.
"""

import atexit
import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import databases
from tests.whole.daemon import LOCAL, Daemon
from tests.whole.phone import Phone
from tests.whole.web import Web

ADMIN, ANA, BEN, EVE = "root", "ana", "ben", "eve"
PASSWORDS = {
    ADMIN: "the roots go deep 7",
    ANA: "ana's own long word",
    BEN: "ben's other long word",
    EVE: "eve forgets hers often",
}


@cache
def _seed() -> Daemon:
    """A data directory with accounts, never started: copied for each daemon."""
    # Named first: what it stands on is to be removed after it.
    seed = Daemon(database=databases.new())
    atexit.register(seed.close)
    for name, password in PASSWORDS.items():
        seed.add_user(name, password, *(["--admin"] if name == ADMIN else []))
    return seed


@cache
def shared() -> Daemon:
    """The daemon that the tests of this process share, running, with the accounts above."""
    daemon = _seeded()
    atexit.register(daemon.close)
    return daemon.start()


@cache
def _numbers() -> Iterator[int]:
    return itertools.count(1)


def unused(kind: str = "phone") -> str:
    """A name that no other test of this process uses."""
    return f"{kind}{next(_numbers())}"


def _seeded(**words: Any) -> Daemon:
    daemon = Daemon(database=databases.new(_seed().database), **words)
    shutil.copytree(_seed().data, daemon.data, ignore=shutil.ignore_patterns("*.sock"))
    daemon.data.chmod(0o700)
    return daemon


class WholeCase(SynchronousTestCase):
    """Tests that start daemons of their own; whatever they start is stopped and removed."""

    def new_daemon(
        self,
        *,
        accounts: bool = True,
        flags: Sequence[str] = LOCAL,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
    ) -> Daemon:
        """A daemon that is not yet started; with the accounts above, or with none."""
        make = _seeded if accounts else Daemon
        daemon = make(flags=flags, environ=environ, command=command)
        self.addCleanup(daemon.close)
        return daemon

    def assert_one_clear_line(self, log: str, *words: str) -> None:
        """`log` says it in one line that holds all `words`, without a traceback."""
        self.assertNotIn("Traceback", log)
        telling = [line for line in log.splitlines() if all(word in line for word in words)]
        self.assertEqual(1, len(telling), f"one line with {words} expected in:\n{log}")

    def phone(self, daemon: Daemon) -> Phone:
        """A new TCP connection to its MQTT port; closed at the end of the test."""
        phone = Phone(daemon.mqtt)
        self.addCleanup(phone.close)
        return phone

    def signed_in(
        self,
        daemon: Daemon,
        user: str,
        device: str | None = None,
        password: str | None = None,
        *,
        clean: bool = True,
    ) -> Phone:
        """A phone of `user` whose CONNECT was accepted."""
        phone = self.phone(daemon)
        known = PASSWORDS.get(user, "") if password is None else password
        self.assertEqual(0, phone.connect(device or unused("client"), user, known, clean=clean))
        return phone

    def web(self, daemon: Daemon, user: str | None = None) -> Web:
        """Somebody who speaks HTTP to it, with the user's Basic credentials if one is named."""
        basic = (user, PASSWORDS[user]) if user else None
        return Web(daemon.http, basic=basic)


class SharedCase(WholeCase):
    """Tests that share one running daemon."""

    def setUp(self) -> None:
        self.daemon = shared()
        self._before = len(self.daemon.lines)
        self.device = unused()
        self.topic = f"owntracks/{ANA}/{self.device}"

    def victim(self) -> str:
        """A new account with eve's password: guesses at it are counted for nobody else."""
        name = unused(EVE)
        self.daemon.add_user(name, PASSWORDS[EVE])
        return name

    def tearDown(self) -> None:
        """Whatever a test did, the daemon lives and did not trip over its own feet."""
        self.assertTrue(self.daemon.running, self.daemon.log)
        self.assertNotIn("Traceback", "\n".join(self.daemon.lines[self._before :]))
