"""A broker without sockets, disks and time: what the tests of routing and carriers stand on.

`Rig` is a broker with its host played by `Host` and a journal in memory; it can be killed, and
started again with what was durable. `Phone` is the far end of one
wire, reading what the broker says with the other half of our own codec.
"""

from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
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
from mytracks.mqtt.protocol.packets.connect import (
    Connack,
    ConnackCode,
    Connect,
    ForeignConnect,
    Will,
)
from mytracks.mqtt.protocol.packets.ping import Disconnect
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe
from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Message, Peer, Standing, Verdict
from mytracks.mqtt.routing.sessions import Sessions
from tests.mqtt.routing.memory import HandJournal, Memory


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
        self.unknown: set[str] = set()
        self.secret: set[str] = set()
        self.meant: dict[str, str] = {}
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

    def mark(self, who: str) -> str:
        return f"mark of {who}"

    async def recall(self, mark: str) -> str | None:
        who = mark.removeprefix("mark of ")
        return None if who in self.unknown else who

    def meant_topic(self, who: str, topic: str) -> str:
        return self.meant.get(topic, topic)

    def meant_filter(self, who: str, topic_filter: str) -> str:
        return self.meant.get(topic_filter, topic_filter)

    def may_publish(self, who: str, topic: str, payload: bytes) -> Verdict:
        if topic in self.faulty:
            raise RuntimeError("the host is broken")
        return Verdict.DROPPED if topic in self.forbidden else Verdict.ALLOWED

    def may_receive(self, who: str, message: Message) -> Message | None:
        if who in self.faulty:
            raise RuntimeError("the host is broken")
        hidden = who in self.hidden_from or message.topic in self.secret
        return None if hidden else message

    def facts(self, who: str, message: Message) -> Fact | None:
        return None if message.topic in self.factless else Fact(message.topic, message.payload)

    def oversize(self, who: str, topic: str, head: bytes, size: int) -> Fact:
        return Fact(topic, head, size)

    def retains(self, message: Message, facts: Fact | None) -> bool:
        return message.topic not in self.fleeting

    def standing(self, message: Message) -> Standing:
        if message.topic.startswith("place/"):
            return Standing.REPLACED
        if message.topic.endswith("/event"):
            return Standing.KEPT
        return Standing.LAST if message.topic.endswith("/cmd") else Standing.ORDINARY

    def announce(self, kept: Fact) -> None:
        self.announced.append(kept)


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

    def __init__(
        self,
        limits: Limits | None = None,
        memory: Memory | None = None,
        trouble: Exception | None = None,
        *,
        sys_interval: float = 0,
    ) -> None:
        self.unstarted: BaseException | None = None
        self.timers = Timers()
        self.began = 1_700_000_000.0
        self.host = Host()
        self.limits = evolve(limits or Limits(), sys_interval=sys_interval)
        self.journal = HandJournal(memory)
        self.journal.trouble = trouble
        self.broker = self._broker()

    def restart(self, limits: Limits | None = None) -> None:
        """kill -9 and a new start: what was not durable is lost. Nobody hears of it but by a
        connection that does not answer any more.
        """
        self.limits = evolve(limits, sys_interval=0.0) if limits is not None else self.limits
        self.journal = HandJournal(self.journal.killed())
        self.broker = self._broker()

    def _broker(self) -> Broker[str, Fact, Fact]:
        clock = Clock(self.timers, wall=lambda: self.began + self.timers.seconds())
        broker: Broker[str, Fact, Fact] = Broker(
            self.host, self.host, self.journal, clock, self.limits, "the rig's"
        )
        self.factory = StreamFactory(broker, "mqtt")
        started = Deferred.fromCoroutine(broker.start())
        assert started.called, "it waits for something"
        started.addErrback(self._unstarted)
        calls = self.timers.getDelayedCalls()
        self._sweep = max(calls, key=lambda call: call.getTime(), default=None)
        return broker

    def _unstarted(self, failure: Failure) -> None:
        self.unstarted = failure.value

    @property
    def sessions(self) -> Sessions[str]:
        """The broker's own book of them."""
        return self.broker._exchange.sessions

    @property
    def waited_for(self) -> list[IDelayedCall]:
        """The timers that run, but for the one that looks for old sessions every hour."""
        calls = self.timers.getDelayedCalls()
        return [call for call in calls if call is not self._sweep]

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
        clean: bool = True,
    ) -> "Phone":
        """A connection whose CONNECT was sent; what it was answered is still to be heard."""
        phone = self.arrive(address)
        phone.send(Connect(level, client_id, clean, keepalive, will, user, b"secret"))
        return phone

    def phone(
        self,
        client_id: str = "phone",
        *,
        user: str = "ana",
        level: int = 4,
        clean: bool = True,
        will: Will | None = None,
    ) -> "Phone":
        """A connection that was let in and heard so."""
        phone = self.connect(client_id, user=user, level=level, clean=clean, will=will)
        heard = phone.hear()
        assert any(isinstance(packet, Connack) for packet in heard), heard
        return phone

    def resident(
        self, topic_filter: str = "#", qos: int = 1, *, user: str = "ana", client_id: str = "phone"
    ) -> "Phone":
        """A connection with a durable session that subscribed, and heard nothing else."""
        phone = self.phone(client_id, user=user, clean=False)
        phone.send(Subscribe(1, ((topic_filter, qos),)))
        heard = phone.hear()
        assert heard[:1] == [Suback(1, (qos,))], heard
        return phone

    def back(self, *, user: str = "ana", client_id: str = "phone") -> "Phone":
        """The same client again, which finds its session and waits for what it missed."""
        phone = self.connect(client_id, user=user, clean=False)
        heard = phone.hear()
        assert heard == [Connack(True, ConnackCode.ACCEPTED)], heard
        self.timers.advance(2)
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

    def publish(
        self,
        topic: str,
        payload: bytes = b"x",
        packet_id: int | None = 1,
        *,
        qos: int = 1,
        retain: bool = False,
        dup: bool = False,
    ) -> None:
        """QoS 1, or QoS 0 with no packet id."""
        qos = 0 if packet_id is None else qos
        self.send(Publish(topic, payload, qos, retain, dup, packet_id))

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
