"""`Stream` between a transport of Twisted and the broker, without sockets."""

from twisted.internet.address import UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.carriers.stream import Stream
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing.ports import Peer
from tests.mqtt.routing.rig import Rig


class StreamTests(SynchronousTestCase):
    """It carries, and passes on who is full."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.wire = StringTransport(lenient=True)
        self.stream: Stream = self.rig.factory.buildProtocol(None)

    def test_the_transport_tells_it_when_it_is_full(self) -> None:
        """Without a streaming producer, Twisted buffers without any bound."""
        self.stream.makeConnection(self.wire)
        self.assertEqual((self.stream, True), (self.wire.producer, self.wire.streaming))

    def test_before_it_closes_the_transport_need_not_wait_for_it(self) -> None:
        """Twisted does not close as long as a producer is registered."""
        self.stream.makeConnection(self.wire)
        self.stream.lose()
        self.assertEqual((None, True), (self.wire.producer, self.wire.disconnecting))

    def test_a_transport_without_an_internet_address_will_do(self) -> None:
        """Another carrier may stand in front of it."""
        self.wire.peerAddr = UNIXAddress("/run/mqtt")
        self.stream.makeConnection(self.wire)
        self.stream.dataReceived(Connect(4, "phone", True, 0).encode())
        self.assertEqual([Peer("", 0, "mqtt")], self.rig.host.peers)

    def test_nothing_is_asked_of_a_transport_that_is_gone(self) -> None:
        """The broker may decide to close in the very turn in which the network does."""
        self.stream.makeConnection(self.wire)
        self.stream.connectionLost()
        for ask in (self.stream.lose, self.stream.abort, self.stream.pause, self.stream.resume):
            ask()
        self.assertEqual((False, "producing"), (self.wire.disconnecting, self.wire.producerState))
