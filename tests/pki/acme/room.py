"""A room whose authority does as tests say, and whose time they let pass."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mytracks.errors import Unavailable
from mytracks.pki.acme.challenges import Challenge
from mytracks.pki.acme.kept import Kept
from mytracks.pki.acme.limits import HTTP_01, Limits
from mytracks.pki.acme.ports import Account, Begun, Order, Suggestion, Wanted
from mytracks.pki.acme.renewal import Renewal
from mytracks.pki.limits import DAY
from mytracks.pki.ports import ServerCertificate, ServerState, Source
from mytracks.pki.state import PrivateKey
from tests.pki import lab
from tests.pki.memory import MemoryStore
from tests.pki.room import Room

DIRECTORY = "https://ca.example.test/dir"
NAME = "track.example.test"
ASKED = Limits(directory=DIRECTORY, terms_agreed=True, names=(NAME,))
LIFE = 90


class FakeAuthority:
    """acme.ports.Authority. `trouble`: what the next orders come to; `holding`: they wait for
    `held` instead; `suggested`: when to renew, UTC seconds; `sends`: for a certificate."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._root = lab.authority("Public CA")
        self.trouble: Exception | None = None
        self.trouble_at_begin: Exception | None = None
        self.sends: bytes | None = None
        self.suggested: float | None = None
        self.ask_again = 6 * 3600.0
        self.holding = False
        self.held: list[Deferred[bytes]] = []
        self.began: list[tuple[Account | None, Order | None]] = []
        self.wanted: list[Wanted] = []
        self.finished = 0
        self.questions = 0
        self.closed = False
        self.while_proving: Callable[[], object] = lambda: None
        self.chains: list[bytes] = []

    def begin(
        self, account: Account | None, wanted: Wanted, pending: Order | None
    ) -> Deferred[Begun]:
        """Ordered, or gone on with."""
        self.began.append((account, pending))
        self.wanted.append(wanted)
        if self.trouble_at_begin is not None:
            return fail(self.trouble_at_begin)
        number = len(self.began)
        known = account or Account(directory=wanted.directory, key="PRIVATE account", uri="acct/1")
        order = pending or Order(
            directory=wanted.directory,
            names=wanted.names,
            kind=wanted.kind,
            uri=f"order/{number}",
            key=lab.make("k").key_pem.decode(),
        )
        token = f"token{number}"
        challenges = [Challenge(HTTP_01, wanted.names[0], token, f"{token}.thumb")]
        return succeed(Begun(account=known, order=order, challenges=challenges))

    def finish(self, begun: Begun) -> Deferred[bytes]:
        """A certificate, or trouble."""
        self.finished += 1
        self.while_proving()
        if self.trouble is not None:
            return fail(self.trouble)
        if self.holding:
            self.held.append(Deferred())
            return self.held[-1]
        return succeed(self._chain(begun.order) if self.sends is None else self.sends)

    def suggestion(self, chain: bytes) -> Deferred[Suggestion]:
        """When to renew."""
        self.questions += 1
        if self.trouble is not None:
            return fail(self.trouble)
        return succeed(Suggestion(self.suggested, self._now() + self.ask_again))

    def close(self) -> None:
        """Nobody waits."""
        self.closed = True

    def _chain(self, order: Order) -> bytes:
        """A certificate for it, good from now on."""
        key = load_pem_private_key(order.key.encode(), None)
        assert isinstance(key, PrivateKey)
        begin = datetime.fromtimestamp(int(self._now()), UTC) - lab.now()
        made = lab.make(
            order.names[0],
            self._root,
            own=key,
            purposes=lab.SERVER,
            names=order.names,
            begin=begin,
            end=begin + timedelta(days=LIFE),
        )
        self.chains.append(made.pem + self._root.pem)
        return self.chains[-1]


class ACMECase(TestCase):
    """A room of certificates with a renewal that asks `self.authority`."""

    async def renewal(
        self,
        limits: Limits = ASKED,
        store: MemoryStore | None = None,
        public_host: str | None = None,
        authority: FakeAuthority | None = None,
    ) -> Renewal:
        """Open, its first look over; `self.room` is around it."""
        self.room = Room(store)
        await self.room.pki.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.pki.close()))
        await self.room.settled()
        room = self.room
        self.authority = authority or FakeAuthority(room.clock.now)
        pki = room.pki
        self.challenges = pki.acme.challenges
        self.asked_for = 0

        def make() -> FakeAuthority:
            self.asked_for += 1
            return self.authority

        renewal = Renewal(
            limits,
            public_host,
            make,
            pki.servers,
            self.challenges,
            pki.acme.kept,
            room.clock,
            chance=lambda: 0.5,
        )
        await renewal.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(renewal.close()))
        await self.quiet(renewal)
        return renewal

    async def quiet(self, renewal: Renewal) -> None:
        """Until whatever it does is done, or waits for the authority."""
        from twisted.internet import reactor

        for _ in range(3):
            for _ in range(500):
                if self.authority.holding and self.authority.held:
                    return
                if not renewal._running and not renewal._looking:
                    break
                await deferLater(reactor, 0.002, lambda: None)
            await self.room.settled()

    async def later(self, renewal: Renewal, *, days: float = 0.0, seconds: float = 0.0) -> None:
        """So much time has passed, and what it brought about is done."""
        self.room.offset += days * DAY + seconds - ASKED.check_every
        self.room.timers.advance(ASKED.check_every)
        await self.quiet(renewal)

    def current(self) -> ServerCertificate | None:
        """The public certificate that is shown."""
        for each in self.room.pki.servers.all():
            if each.source is Source.ACME and each.state is ServerState.ACTIVE:
                return each
        return None

    def shown(self) -> ServerCertificate:
        """The one that must be there."""
        found = self.current()
        assert found is not None
        return found

    def kept(self) -> Kept:
        """What outlives it."""
        return self.room.pki.acme.kept


def broken() -> Exception:
    """Trouble of ours."""
    return Unavailable("The server is stopping.")


def leaf(chain: bytes) -> x509.Certificate:
    """The first of a chain."""
    return x509.load_pem_x509_certificates(chain)[0]
