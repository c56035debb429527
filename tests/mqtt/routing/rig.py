"""A broker without sockets, disks and time: what the tests of routing and carriers stand on.

`Rig` is a broker with its host played by `Host` and `HandJournal`; `Phone` is the far end of one
wire, reading what the broker says with the other half of our own codec.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock as FakeTimers
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Refused, Unavailable
from mytracks.mqtt.carriers.stream import StreamFactory
from mytracks.mqtt.protocol.codec import Decoder, Oversize, Packet, PacketSizes
from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, Connect, ForeignConnect, Will
from mytracks.mqtt.protocol.packets.ping import Disconnect
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Message, Peer, Verdict
from mytracks.store.waiting import Waiting


@frozen
class Fact:
    """What the played host stores. `size`: of a message that was too large, else None."""

    topic: str
    payload: bytes
    size: int | None = None


class Host:
    """Gatekeeper and intake in one. Without instructions everybody may do everything."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None
        self.deciding: Deferred[None] | None = None
        self.forbidden: set[str] = set()
        self.hidden_from: set[str] = set()
        self.faulty: set[str] = set()
        self.factless: set[str] = set()
        self.fleeting: set[str] = set()
        self.announced: list[Fact] = []
        self.peers: list[Peer] = []

    async def admit(self, connect: Connect, peer: Peer) -> str:
        self.peers.append(peer)
        if self.deciding is not None:
            await self.deciding
        if self.refusal is not None:
            raise self.refusal
        return connect.username or "ana"

    def namespace(self, who: str) -> str:
        return who

    def may_publish(self, who: str, topic: str, payload: bytes) -> Verdict:
        if topic in self.faulty:
            raise RuntimeError("the host is broken")
        return Verdict.DROPPED if topic in self.forbidden else Verdict.ALLOWED

    def may_receive(self, who: str, message: Message) -> Message | None:
        if who in self.faulty:
            raise RuntimeError("the host is broken")
        return None if who in self.hidden_from else message

    def facts(self, who: str, message: Message) -> Fact | None:
        return None if message.topic in self.factless else Fact(message.topic, message.payload)

    def oversize(self, who: str, topic: str, head: bytes, size: int) -> Fact:
        return Fact(topic, head, size)

    def retains(self, message: Message, facts: Fact | None) -> bool:
        return message.topic not in self.fleeting

    def announce(self, kept: Fact) -> None:
        self.announced.append(kept)


class HandJournal:
    """Stores at once, unless told to wait for the test's hand, or that the disk is full.

    `count`: the store's own count of what waits, if it is to hold anybody back.
    """

    def __init__(self) -> None:
        self.by_hand = False
        self.trouble: Exception | None = None
        self.refusing: Exception | None = None
        """Why nothing more is taken; what waits goes on waiting."""
        self.stored: list[Fact] = []
        self.attempts: list[Fact] = []
        self.count: Waiting | None = None
        self._waiting: list[tuple[Deferred[Sequence[Fact]], Sequence[Fact]]] = []

    def record(self, facts: Sequence[Fact]) -> Deferred[Sequence[Fact]]:
        self.attempts += facts
        if self.refusing is not None:
            return fail(self.refusing)
        if self.count is not None:
            self.count.add(0)
        done: Deferred[Sequence[Fact]] = Deferred()
        self._waiting.append((done, facts))
        if not self.by_hand:
            self.fire()
        return done

    def fire(self, failure: Exception | None = None) -> None:
        """The oldest commit ends: durable, or with `failure`."""
        done, facts = self._waiting.pop(0)
        if self.count is not None:
            self.count.remove(1, 0)
            self.count.relax()
        failure = failure or self.trouble
        if failure is not None:
            done.errback(failure)
            return
        self.stored += facts
        done.callback(facts)

    def fire_all(self) -> None:
        """Every commit under way is durable."""
        while self._waiting:
            self.fire()

    @property
    def waiting(self) -> int:
        return len(self._waiting)


TURN: Final = 2**-20
"""Seconds that a turn of the played reactor takes; exact in binary."""


class Timers(FakeTimers):
    """As in a real reactor, what is put off by nothing happens in the next turn, not in this."""

    def callLater(  # noqa: N802
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        return super().callLater(max(delay, TURN), callable, *args, **kw)


FULL_DISK: Final = Unavailable("the disk is full")


class Rig:
    """A broker and everything around it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.timers = Timers()
        self.host = Host()
        self.journal = HandJournal()
        clock = Clock(self.timers, wall=lambda: 1_700_000_000.0)
        self.broker: Broker[str, Fact, Fact] = Broker(
            self.host, self.host, self.journal, clock, limits or Limits()
        )
        self.factory = StreamFactory(self.broker, "mqtt")

    def turn(self, turns: int = 1) -> None:
        """Let the reactor turn: what was put off for the next turn happens."""
        for _ in range(turns):
            self.timers.advance(TURN)

    def arrive(self, address: str = "192.0.2.1") -> "Phone":
        """A connection that has said nothing yet."""
        return Phone(self, address)

    def connect(
        self,
        client_id: str = "phone",
        *,
        user: str = "ana",
        level: int = 4,
        keepalive: int = 0,
        will: Will | None = None,
        address: str = "192.0.2.1",
    ) -> "Phone":
        """A connection whose CONNECT was sent; what it was answered is still to be heard."""
        phone = self.arrive(address)
        phone.send(Connect(level, client_id, True, keepalive, will, user, b"secret"))
        return phone

    def phone(self, client_id: str = "phone", *, user: str = "ana", level: int = 4) -> "Phone":
        """A connection that was let in and heard so."""
        phone = self.connect(client_id, user=user, level=level)
        assert any(isinstance(packet, Connack) for packet in phone.hear())
        return phone

    def subscriber(self, topic_filter: str = "#", qos: int = 1, user: str = "bob") -> "Phone":
        """A connection that subscribed and heard so, and nothing else."""
        phone = self.phone(f"{user} listening to {topic_filter} at {qos}", user=user)
        phone.send(Subscribe(1, ((topic_filter, qos),)))
        assert phone.hear() == [Suback(1, (qos,))], "something is retained"
        return phone


class Phone:
    """The far end of a wire."""

    def __init__(self, rig: Rig, address: str) -> None:
        self.wire = StringTransport(peerAddress=IPv4Address("TCP", address, 50_000), lenient=True)
        self._decoder = Decoder(PacketSizes())
        self._decoder.expect_server()
        self._stream = rig.factory.buildProtocol(None)
        self._stream.makeConnection(self.wire)

    def send(self, *packets: Packet) -> None:
        """All in one piece."""
        self.send_bytes(b"".join(packet.encode() for packet in packets))

    def send_bytes(self, data: bytes) -> None:
        self._stream.dataReceived(data)

    def hear(self) -> list[Packet | ForeignConnect | Oversize]:
        """What the broker has said since it was last asked."""
        said = self.wire.value()
        self.wire.clear()
        self._decoder.feed(said)
        heard = []
        while (packet := self._decoder.take()) is not None:
            heard.append(packet)
        return heard

    def messages(self) -> list[Publish]:
        """The PUBLISHes among what it hears."""
        return [packet for packet in self.hear() if isinstance(packet, Publish)]

    def take(self) -> list[bytes]:
        """Hear messages and acknowledge them; their payloads."""
        messages = self.messages()
        for message in messages:
            if message.packet_id is not None:
                self.send(Puback(message.packet_id))
        return [message.payload for message in messages]

    def publish(self, topic: str, payload: bytes = b"x", packet_id: int | None = 1) -> None:
        """QoS 1, or QoS 0 with None."""
        self.send(Publish(topic, payload, 0 if packet_id is None else 1, packet_id=packet_id))

    def leave(self) -> None:
        """DISCONNECT."""
        self.send(Disconnect())

    def hang_up(self) -> None:
        """The network is gone."""
        self._stream.connectionLost(Failure(ConnectionLost()))

    def stop_reading(self) -> None:
        """The transport tells that its buffer is full."""
        self._stream.pauseProducing()

    def read_again(self) -> None:
        """The transport tells that its buffer is empty."""
        self._stream.resumeProducing()

    @property
    def closed(self) -> bool:
        """Whether the broker closed the connection."""
        return self.wire.disconnecting

    @property
    def aborted(self) -> bool:
        """Whether the broker tore the connection down without a goodbye."""
        return self.wire.disconnected

    @property
    def held_back(self) -> bool:
        """Whether the broker has stopped reading."""
        return self.wire.producerState == "paused"


def refusals() -> list[type[Refused]]:
    """Every kind of refusal there is."""
    return Refused.__subclasses__()
