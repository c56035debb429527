"""`SecureStream` between TLS and the broker, without sockets: when the broker learns of whom."""

import contextlib
import ssl

from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.errors import Forbidden
from mytracks.mqtt.carriers.secure import SecureFactory, SecureStream
from mytracks.mqtt.protocol.codec import Decoder, PacketSizes
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect, Will
from mytracks.mqtt.protocol.packets.ping import Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.routing.limits import Limits
from mytracks.pki.handshakes import LEFT_SILENT, TIMED_OUT, Diagnoses
from mytracks.pki.tls import Asks
from mytracks.pki.watched import WatchedFactory
from tests.mqtt.routing.rig import TURN, Rig
from tests.pki import lab
from tests.pki.lab import BOTH, Lab, Made

WELCOME = Connack(False, ConnackCode.ACCEPTED)


class SecureCase(SynchronousTestCase):
    """A broker behind TLS."""

    def setUp(self) -> None:
        self.lab = Lab()
        self.open()

    def open(self, limits: Limits | None = None, asks: Asks = Asks.OPTIONAL) -> None:
        """Begin anew with these."""
        self.rig = Rig(limits)
        clock = Clock(self.rig.timers, wall=lambda: self.rig.began + self.rig.timers.seconds())
        self.streams = SecureFactory(self.rig.broker, self.recognise, clock)
        self.diagnoses = Diagnoses(clock)
        self.switch = self.lab.switch(asks)
        self.factory = WatchedFactory(
            self.switch, self.streams, self.diagnoses, "mqtts", self.spoke, self.rig.timers
        )

    def recognise(self, shown: bytes) -> bool:
        """What the certificates room would say."""
        return shown in self.lab.known

    def spoke(self, stream: object) -> bool:
        """Whether it said anything of MQTT."""
        return isinstance(stream, SecureStream) and stream.spoke

    def arrive(
        self, shows: Made | None = None, version: ssl.TLSVersion = BOTH[1], asked: str | None = None
    ) -> "TLSPhone":
        """A connection that has said nothing yet."""
        return TLSPhone(self, lab.client(version, shows), asked)

    def shake(self, shows: Made | None = None, version: ssl.TLSVersion = BOTH[1]) -> "TLSPhone":
        """A connection whose handshake is over."""
        phone = self.arrive(shows, version)
        phone.exchange()
        return phone

    def phone(self, shows: Made | None = None, client_id: str = "phone") -> "TLSPhone":
        """A connection that was let in."""
        phone = self.shake(shows)
        will = Will("owntracks/ana/phone", b"lost", 1, False)
        phone.say(Connect(4, client_id, True, 0, will, "ana", b"").encode())
        self.assertEqual([WELCOME], phone.heard())
        return phone

    def reasons(self) -> list[tuple[str, str | None, int]]:
        """What was noted."""
        return [(one.reason, one.asked, one.times) for one in self.diagnoses.latest()]


class Wire(StringTransport):
    """What TCP can do beside; TLS says that it stands on that."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """It has no delay."""

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802
        """It stays alive."""


class TLSPhone:
    """The far end of a wire: TLS by Python, MQTT by our own codec."""

    def __init__(self, case: SecureCase, context: ssl.SSLContext, asked: str | None) -> None:
        self._rig = case.rig
        address = IPv4Address("TCP", "192.0.2.1", 50_000)
        self.wire = Wire(peerAddress=address, lenient=True)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=asked)
        self._decoder = Decoder(PacketSizes())
        self._decoder.expect_server()
        self.server: Protocol | None = case.factory.buildProtocol(address)
        if self.server is not None:
            self.server.makeConnection(self.wire)

    def exchange(self) -> bytes:
        """Let both sides say what they have to; what came of MQTT."""
        heard = b""
        for _ in range(8):
            try:
                self._tls.do_handshake()
                while data := self._tls.read(65_536):
                    heard += data
            except ssl.SSLError:
                pass
            self._send()
            self._in.write(self.wire.value())
            self.wire.clear()
        return heard

    def _send(self) -> None:
        data = self._out.read()
        if data and self.server is not None and not self.wire.disconnected:
            self.server.dataReceived(data)
        self._rig.timers.advance(TURN)
        if self.wire.disconnected:
            self.lose()

    def hello(self) -> None:
        """Only the first words of the handshake."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self._send()

    def say(self, data: bytes) -> None:
        """Of MQTT."""
        self._tls.write(data)
        self._send()

    def heard(self) -> list[object]:
        """Packets that came since it was last asked."""
        self._decoder.feed(self.exchange())
        packets: list[object] = []
        while (packet := self._decoder.take()) is not None:
            packets.append(packet)
        return packets

    def goodbye(self) -> None:
        """The end of TLS, in good order, then of the network."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._send()
        self.lose()

    def lose(self) -> None:
        """The network is gone."""
        server, self.server = self.server, None
        if server is not None:
            server.connectionLost(Failure(ConnectionDone()))

    @property
    def gone(self) -> bool:
        """Whether our side tore it down."""
        return self.server is None


class ArrivalTests(SecureCase):
    """The broker learns of a client when its handshake is over, and of what it showed."""

    def test_before_the_handshake_is_over_the_broker_knows_nobody(self) -> None:
        """It would count connections of whoever knocks."""
        for version in BOTH:
            phone = self.arrive(self.lab.ana, version)
            self.assertEqual(0, self.rig.broker.counters.connections)
            phone.exchange()
            self.assertEqual(1, self.rig.broker.counters.connections)
            phone.lose()
            self.assertEqual(0, self.rig.broker.counters.connections)

    def test_the_door_is_told_which_certificate_was_shown(self) -> None:
        """Or that none was."""
        self.phone(self.lab.ana)
        self.phone(None, "other")
        peers = [(peer.listener, peer.address, peer.certificate) for peer in self.rig.host.peers]
        expected = ("mqtts", "192.0.2.1", self.lab.ana.fingerprint)
        self.assertEqual([expected, (*expected[:2], None)], peers)

    def test_mqtt_is_spoken_over_it(self) -> None:
        """In pieces of whatever size, both ways."""
        phone, other = self.phone(self.lab.ana), self.rig.subscriber()
        phone.say(Publish("owntracks/ana/phone", b"x" * 40_000, 1, False, False, 7).encode())
        self.assertEqual([40_000], [len(payload) for payload in other.take()])
        self.assertEqual(1, len(phone.heard()))

    def test_a_refused_certificate_never_reaches_the_broker(self) -> None:
        """Whatever password comes behind it."""
        stranger = lab.make("ana", lab.authority("Other"))
        for version in BOTH:
            phone = self.shake(stranger, version)
            self.assertEqual((0, []), (self.rig.broker.counters.connections, self.rig.host.peers))
            phone.lose()
        self.assertEqual(
            [("its certificate was refused: its issuer is none that we trust", None, 2)],
            self.reasons(),
        )

    def test_what_stops_being_in_force_during_the_handshake_does_not_get_in(self) -> None:
        """Even where OpenSSL has asked already."""
        asked: list[bytes] = []

        def once(shown: bytes) -> bool:
            asked.append(shown)
            return len(asked) == 1

        self.streams._recognise = once  # The certificates room changes its mind in between.
        self.switch._recognise = once
        phone = self.shake(self.lab.ana)
        self.assertEqual(2, len(asked))
        self.assertTrue(phone.gone)
        self.assertEqual(0, self.rig.broker.counters.connections)


class PatienceTests(SecureCase):
    """From accept to CONNECT there are ten seconds, whatever is done with them."""

    def test_whoever_says_nothing_is_torn_down(self) -> None:
        """Nobody has to be told."""
        silent, talking = self.arrive(), self.arrive(self.lab.ana)
        talking.hello()
        self.rig.timers.advance(9.9)
        self.assertEqual([False, False], [each.wire.disconnected for each in (silent, talking)])
        self.rig.timers.advance(0.2)
        self.assertEqual([True, True], [each.wire.disconnected for each in (silent, talking)])
        silent.lose()
        talking.lose()
        self.assertEqual([(TIMED_OUT, None, 1)], self.reasons())

    def test_the_time_for_connect_is_what_the_handshake_left_of_it(self) -> None:
        """Ten seconds in all."""
        phone = self.arrive(self.lab.ana)
        self.rig.timers.advance(6)
        phone.exchange()
        self.rig.timers.advance(3.8)
        self.assertFalse(phone.wire.disconnected)
        self.rig.timers.advance(0.3)
        phone.exchange()
        self.rig.timers.advance(6)
        phone.exchange()
        self.assertTrue(phone.gone)
        self.assertEqual(0, self.rig.broker.counters.connections)
        self.assertEqual([], self.reasons())

    def test_whoever_is_in_is_not_hurried_any_more(self) -> None:
        """The ten seconds are for coming in."""
        phone = self.phone(self.lab.ana)
        self.rig.timers.advance(11)
        phone.say(Pingreq().encode())
        self.assertEqual([Pingresp()], phone.heard())

    def test_whoever_is_refused_is_read_from_until_it_is_gone(self) -> None:
        """Else its end would not be noticed before its time is up."""
        self.rig.host.refusal = Forbidden("no")
        for version in BOTH:
            phone = self.shake(self.lab.ana, version)
            phone.say(Connect(4, "phone", True, 0, None, "ben", b"").encode())
            self.assertEqual([Connack(False, ConnackCode.NOT_AUTHORISED)], phone.heard())
            self.assertEqual("producing", phone.wire.producerState)
            phone.goodbye()

    def test_only_so_many_may_shake_hands_at_a_time(self) -> None:
        """In all, and from one address. Whoever is done makes room."""
        for limits in (Limits(max_handshakes=2), Limits(max_connections_per_address=2)):
            self.open(limits)
            first, second = self.arrive(), self.arrive()
            self.assertIsNone(self.arrive().server)
            self.assertEqual(1, self.rig.broker.counters.turned_away)
            first.exchange()
            self.assertIsNotNone(self.arrive().server)
            self.assertIsNone(self.arrive().server)
            second.lose()
            self.assertIsNotNone(self.arrive().server)

    def test_whoever_shakes_hands_when_all_ends_is_let_go(self) -> None:
        """The process must end."""
        phone, done = self.arrive(), self.phone(self.lab.ana)
        self.streams.close()
        self.assertEqual((True, False), (phone.wire.disconnected, done.wire.disconnected))
        phone.lose()


class SweepTests(SecureCase):
    """What lets in no more cuts off, at once."""

    def test_connections_of_what_is_in_force_no_more_are_cut_and_others_are_not(self) -> None:
        """Their Wills are published: they did not say goodbye."""
        ana, ben = self.phone(self.lab.ana, "a"), self.phone(self.lab.ben, "b")
        nobody, watcher = self.phone(None, "c"), self.rig.subscriber()
        self.assertEqual(0, self.streams.sweep())
        self.lab.known.discard(self.lab.ana.fingerprint)
        self.assertEqual(1, self.streams.sweep())
        ana.exchange()
        self.assertTrue(ana.gone)
        self.assertEqual([b"lost"], watcher.take())
        for phone in (ben, nobody):
            phone.say(Pingreq().encode())
            self.assertEqual([Pingresp()], phone.heard())
        self.assertEqual(0, self.streams.sweep())

    def test_whoever_has_gone_is_not_looked_for(self) -> None:
        """Nor kept."""
        self.phone(self.lab.ana).lose()
        self.lab.known.clear()
        self.assertEqual(0, self.streams.sweep())

    def test_all_connections_of_one_certificate_are_cut_those_before_connect_as_well(self) -> None:
        """A phone may have several."""
        phones = [self.phone(self.lab.ana, "a"), self.phone(self.lab.ana, "b")]
        phones.append(self.shake(self.lab.ana))
        self.lab.known.clear()
        self.assertEqual(3, self.streams.sweep())
        for phone in phones:
            phone.exchange()
            self.assertTrue(phone.gone)
        self.assertEqual(0, self.rig.broker.counters.connections)


class DiagnosisTests(SecureCase):
    """Whoever has the phone in hand is told what is wrong with it."""

    def test_a_phone_that_dislikes_our_certificate_closes_without_a_word(self) -> None:
        """Android checks the name after the handshake: we see only that it leaves."""
        phone = self.arrive(self.lab.ana, asked="tracks.example")
        phone.exchange()
        phone.goodbye()
        self.assertEqual([(LEFT_SILENT, "tracks.example", 1)], self.reasons())
        diagnosis = self.diagnoses.latest()[0]
        self.assertEqual(("server.test", "192.0.2.1"), diagnosis.ours)
        self.assertIn("tracks.example", diagnosis.advice)
        self.assertIn("install the CA certificate", diagnosis.advice)

    def test_a_phone_that_does_not_know_our_ca_says_so(self) -> None:
        """In both versions, with what helps."""
        for version in BOTH:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = context.maximum_version = version
            context.load_verify_locations(cadata=lab.authority("Another").pem.decode())
            phone = TLSPhone(self, context, "server.test")
            phone.exchange()
            phone.lose()
        diagnosis = self.diagnoses.latest()[0]
        self.assertEqual(
            (2, "it says that it does not know our CA"),
            (
                diagnosis.times,
                diagnosis.reason,
            ),
        )
        self.assertIn("install the CA certificate", diagnosis.advice)

    def test_whoever_speaks_something_else_is_told_apart(self) -> None:
        """MQTT or HTTP without TLS."""
        for said, told in (
            (Connect(4, "phone", True, 0).encode(), "it does not speak TLS"),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "it speaks HTTP without TLS"),
        ):
            phone = self.arrive()
            assert phone.server is not None
            phone.server.dataReceived(said)
            phone.lose()
            self.assertEqual(told, self.diagnoses.latest()[0].reason)
        self.assertEqual(2, self.diagnoses.failed)

    def test_a_certificate_that_is_missing_is_told(self) -> None:
        """Where one is required."""
        self.open(asks=Asks.REQUIRED)
        for version in BOTH:
            self.shake(None, version).lose()
        self.assertEqual(
            [("it showed no certificate, and one is required", None, 2)], self.reasons()
        )

    def test_who_only_looks_whether_the_port_is_open_is_not_noted(self) -> None:
        """Nor is a client that said something, or that we cut off."""
        self.arrive().lose()
        self.phone(self.lab.ana).lose()
        cut = self.shake(self.lab.ben)
        self.lab.known.clear()
        self.streams.sweep()
        cut.exchange()
        self.assertEqual([], self.reasons())

    def test_the_newest_of_each_kind_are_kept_and_not_without_bound(self) -> None:
        """A scanner must not fill our memory."""
        for number in range(250):
            self.diagnoses.note(
                address=f"192.0.2.{number}",
                port=1,
                listener="mqtts",
                asked=None,
                ours=(),
                reason="r",
            )
        latest = self.diagnoses.latest()
        self.assertEqual((200, "192.0.2.249"), (len(latest), latest[0].address))
        first = evolve(latest[-1], times=2)
        self.diagnoses.note(
            address=first.address, port=1, listener="mqtts", asked=None, ours=(), reason="r"
        )
        self.assertEqual((200, first), (len(self.diagnoses.latest()), self.diagnoses.latest()[0]))
