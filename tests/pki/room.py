"""A certificates room for tests: quick keys, a clock that tests move, rows in memory."""

import subprocess
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.x509 import random_serial_number
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.pki.build import PKI, build
from mytracks.pki.limits import DAY, Limits
from mytracks.pki.ports import Authority, KeyKind, Leaf, ServerCertificate
from mytracks.sharing.identity import Actor
from tests.pki.memory import MemoryStore

ADMIN = Actor(1, "root", "192.0.2.7")
ANA, BEN = 7, 8
QUICK = Limits()
BEGAN = float(int(datetime.fromisoformat("2026-11-24T12:00:00+00:00").timestamp()))


class Room:
    """The room and what it stands on. `timers`: what makes time pass; `offset`: by how much the
    date is wrong."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        limits: Limits = QUICK,
        serial: Callable[[], int] = random_serial_number,
        began: float = BEGAN,
    ) -> None:
        self.store = store or MemoryStore()
        self.timers = task.Clock()
        self.began = began
        self.offset = 0.0
        self.clock = Clock(
            self.timers, wall=lambda: self.began + self.offset + self.timers.seconds()
        )
        self.pki: PKI = build(
            self.store.transactions,
            self.store,
            self.store.seal,
            self.store.audit,
            self.clock,
            cast(Any, reactor),
            limits,
            serial,
        )
        self.told = 0
        self.pki.trust.watch(self._told)

    async def authority(self, name: str = "My Tracks CA", **more: Any) -> Authority:
        """One that signs from now on."""
        return await self.pki.authorities.create(name, key=KeyKind.P256, by=ADMIN, **more)

    async def server(self, *names: str, **more: Any) -> ServerCertificate:
        """A server certificate that is shown from now on."""
        return await self.pki.servers.issue("nas", names or ("nas",), by=ADMIN, **more)

    async def client(self, user: int = ANA, name: str = "ana", **more: Any) -> Leaf:
        """A client certificate."""
        more.setdefault("key", KeyKind.P256)
        return await self.pki.clients.issue(user, name, by=ADMIN, **more)

    async def settled(self) -> None:
        """Until the rounds that began are over: each needs the turn, and a signature."""
        await self.pki.signing.slowly(lambda: None)
        for _ in range(3):
            await self.pki.signing.sign(lambda: None)
            await self.pki.book.take(_nothing)

    async def days_later(self, days: float) -> None:
        """So much time has passed, and what it brought about is done."""
        step = max(QUICK.crl_check_every, QUICK.renew_check_every)
        self.offset += days * DAY - step
        self.timers.advance(step)
        await self.settled()

    def _told(self) -> None:
        self.told += 1


class PKICase(TestCase):
    """A test with certificates rooms."""

    async def opened(self, store: MemoryStore | None = None, **more: Any) -> Room:
        """A room, closed after the test."""
        room = Room(store, **more)
        await room.pki.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(room.pki.close()))
        await room.settled()
        return room

    async def furnished(self, **more: Any) -> Room:
        """A room with an authority."""
        room = await self.opened(**more)
        await room.authority()
        return room

    def written(self, content: bytes) -> Path:
        """A file with this content."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return path


def begun(work: Coroutine[Deferred[Any], Any, Any]) -> Deferred[Any]:
    """Begun and not awaited."""
    return Deferred.fromCoroutine(work)


def openssl(*words: str | Path, check: bool = True) -> str:
    """What the `openssl` program says."""
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"openssl {words[0]}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def certificate(leaf: Leaf) -> x509.Certificate:
    """That of a row."""
    assert leaf.certificate is not None
    return x509.load_der_x509_certificate(leaf.certificate)


def serials(der: bytes | None) -> Sequence[int]:
    """Who is on a list."""
    assert der is not None
    return sorted(each.serial_number for each in x509.load_der_x509_crl(der))


async def _nothing() -> None:
    return None
