"""A connection that only asks for a proof: nothing that is said over it reaches a protocol."""

import ssl
from typing import Any

from twisted.internet import task
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.pki.acme.challenges import Challenges
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.tls import Asks, Switch
from mytracks.pki.watched import WatchedFactory
from tests.pki.acme.test_challenges import ACME, NAME, by_tls
from tests.pki.lab import BOTH, Lab, client


class Ears(Protocol):
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True


class Ending(StringTransport):
    """Ends when it is told to."""

    def getPeer(self) -> Any:
        return None


class DeafTests(SynchronousTestCase):
    """With Twisted's TLS, as the listeners have it."""

    def setUp(self) -> None:
        self.clock = Clock(task.Clock())
        self.challenges = Challenges()
        self.switch = Switch(lambda _: False, self.challenges.proof)
        self.switch.replace(Lab().snapshot(Asks.NOTHING))
        self.ears: list[Ears] = []

    def spoken(self, version: ssl.TLSVersion, *protocols: str) -> tuple[Ears, Ending, str | None]:
        """A client shakes hands and says something."""
        inner = Factory()
        inner.protocol = Ears
        factory = WatchedFactory(
            self.switch,
            inner,
            Diagnoses(self.clock),
            "https",
            lambda _: True,
            self.clock.timers,
        )
        server, transport = factory.buildProtocol(None), Ending()
        assert server is not None
        server.makeConnection(transport)
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = client(version, protocols=protocols)
        shaking = context.wrap_bio(to_client, to_server, server_hostname=NAME)
        for _ in range(6):
            try:
                shaking.do_handshake()
                shaking.write(b"GET / HTTP/1.1\r\n\r\n")
            except ssl.SSLWantReadError:
                pass
            if said := to_server.read():
                server.dataReceived(said)
            to_client.write(transport.value())
            transport.clear()
        ears: Any = server.wrappedProtocol
        return ears, transport, shaking.selected_alpn_protocol()

    def test_a_proof_ends_with_its_handshake(self) -> None:
        """In both versions; the client has seen it by then."""
        self.challenges.open([by_tls()])
        for version in BOTH:
            ears, transport, agreed = self.spoken(version, ACME)
            self.assertEqual((ACME, b""), (agreed, ears.heard), version)
            self.assertTrue(transport.disconnecting)

    def test_others_are_heard_meanwhile(self) -> None:
        """The pages go on."""
        self.challenges.open([by_tls()])
        for version in BOTH:
            ears, transport, _ = self.spoken(version, "http/1.1")
            self.assertIn(b"GET /", ears.heard)
            self.assertFalse(transport.disconnecting)

    def test_nobody_is_heard_where_there_is_no_certificate_but_the_proof(self) -> None:
        """What was opened for an authority is for nobody else."""
        self.challenges.open([by_tls()])
        stand_in = self.challenges.stand_in()
        assert stand_in is not None
        self.switch.replace(stand_in, deaf=True)
        for version in BOTH:
            ears, transport, _ = self.spoken(version, "http/1.1")
            self.assertEqual(b"", ears.heard)
            self.assertTrue(transport.disconnecting)
