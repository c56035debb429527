"""Real sockets, and clients that others wrote: paho and mosquitto's, at both levels."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from shutil import which
from typing import Any, cast

from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IPushProducer,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from mytracks.clock import Clock
from mytracks.errors import Unauthenticated
from mytracks.mqtt.carriers.stream import Stream, StreamFactory
from mytracks.mqtt.protocol.packets.connect import Connect, Will
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe
from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.changes import Change
from mytracks.mqtt.routing.journal import Recorded
from mytracks.mqtt.routing.limits import MIB, Limits
from mytracks.mqtt.routing.ports import Message, Peer
from tests.mqtt.carriers import paho_phone
from tests.mqtt.routing.memory import HandJournal
from tests.mqtt.routing.rig import Fact, Host


class Guarded(Host):
    """Knows the password. `shown` fires when the first message is about to be delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: Deferred[None] = Deferred()

    async def admit(self, connect: Connect, peer: Peer) -> str:
        if connect.password != b"secret":
            raise Unauthenticated("these credentials are not known")
        return await super().admit(connect, peer)

    def may_receive(self, who: str, message: Message) -> Message | None:
        if not self.shown.called:
            self.shown.callback(None)
        return super().may_receive(who, message)


class Watched(HandJournal):
    """`asked` fires when the first fact is to be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Deferred[None] = Deferred()

    def record(
        self, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Fact]]:
        done = super().record(facts, changes)
        if facts and not self.asked.called:
            self.asked.callback(None)
        return done


class Remembering(StreamFactory):
    """Keeps what it made, to look at its transports."""

    def __init__(self, broker: Broker[str, Fact, Fact]) -> None:
        super().__init__(broker, "mqtt")
        self.streams: list[Stream] = []

    def buildProtocol(self, addr: IAddress | None) -> Stream:
        self.streams.append(super().buildProtocol(addr))
        return self.streams[-1]


class Raw(protocol.Protocol):
    """A client that says what the test says and remembers what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.closed: Deferred[None] = Deferred()
        self._awaited: list[tuple[Callable[[bytes], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        for awaited in list(self._awaited):
            if awaited[0](self.heard):
                self._awaited.remove(awaited)
                awaited[1].callback(None)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.closed.callback(None)

    def hears(self, ending: bytes) -> Deferred[None]:
        """Fires once what it heard ends like that."""
        waiting: Deferred[None] = Deferred()
        if self.heard.endswith(ending):
            waiting.callback(None)
        else:
            self._awaited.append((lambda heard: heard.endswith(ending), waiting))
        return waiting

    def say(self, *packets: Connect | Subscribe | Publish) -> None:
        assert self.transport is not None
        self.transport.write(b"".join(packet.encode() for packet in packets))


class Listening(TestCase):
    """A broker on a port that the system chose."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.host, self.journal = Guarded(), Watched()
        clock = Clock(cast(IReactorTime, reactor))
        self.broker: Broker[str, Fact, Fact] = Broker(
            self.host, self.host, self.journal, clock, Limits(max_inflight=3)
        )
        await self.broker.start()
        self.factory = Remembering(self.broker)
        endpoint = TCP4ServerEndpoint(cast(IReactorTCP, reactor), 0, interface="127.0.0.1")
        self.listener: IListeningPort = await endpoint.listen(self.factory)
        self.port = cast(Any, self.listener.getHost()).port

    async def tearDown(self) -> None:  # type: ignore[override]
        await cast(Any, self.listener.stopListening())
        await self.broker.close(patience=1)

    async def run_client(self, program: str, *arguments: str) -> str:
        out, err, code = await getProcessOutputAndValue(program, arguments, env=dict(os.environ))
        self.assertEqual((b"", 0), (err, code))
        return cast(str, out.decode())

    async def connect(self, *packets: Connect | Subscribe | Publish) -> Raw:
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port)
        raw: Raw = await connectProtocol(endpoint, Raw())
        raw.say(*packets)
        return raw


class PahoTests(Listening):
    """The library in the phones."""

    async def paho(self, level: int, password: str = "secret") -> dict[str, Any]:
        path = str(paho_phone.__file__)
        out = await self.run_client(sys.executable, path, str(self.port), str(level), password)
        return cast(dict[str, Any], json.loads(out))

    async def check(self, level: int) -> None:
        story = await self.paho(level)
        self.assertEqual("Success", story["code"])
        self.assertEqual([2, 1, 0], story["granted"])
        self.assertEqual(3, story["published"])
        # Its filters overlap; the last one asked for QoS 0 and replaced the first.
        base = "owntracks/ana/phone"
        self.assertEqual([[base, "1", 0], [f"{base}/event", "2", 1], [base, "3", 0]], story["came"])
        self.assertEqual([b"1", b"2", b"3"], [fact.payload for fact in self.journal.stored])
        self.assertEqual(1, self.broker.counters.retained)

    async def test_level_3(self) -> None:
        """Android's default: MQTT 3.1."""
        await self.check(3)

    async def test_level_4(self) -> None:
        """What iOS speaks, and Android when asked to: MQTT 3.1.1."""
        await self.check(4)

    async def test_a_wrong_password(self) -> None:
        """The phone shows it to its owner in plain words."""
        for level in (3, 4):
            story = await self.paho(level, "wrong")
            self.assertEqual("Bad user name or password", story["code"])


class MosquittoTests(Listening):
    """What people script with."""

    async def check(self, version: str) -> None:
        publish, subscribe = which("mosquitto_pub"), which("mosquitto_sub")
        if publish is None or subscribe is None:
            raise SkipTest("mosquitto-clients are not installed")
        door = ["-h", "127.0.0.1", "-p", str(self.port), "-u", "ana", "-P", "secret"]
        door += ["-V", version, "-q", "1"]
        await self.run_client(publish, *door, "-i", "one", "-t", "a/b", "-m", "old", "-r")
        listening = self.run_client(
            subscribe, *door, "-i", "two", "-t", "a/#", "-C", "3", "-W", "20", "-F", "%t %p %q %r"
        )
        heard = Deferred.fromCoroutine(listening)
        await self.host.shown
        await self.run_client(publish, *door, "-i", "one", "-t", "a", "-m", "new")
        await self.run_client(publish, *door, "-i", "one", "-t", "a/b", "-n", "-r")
        self.assertEqual(["a/b old 1 1", "a new 1 0", "a/b  1 0"], (await heard).splitlines())
        self.assertEqual(0, self.broker.counters.retained)

    async def test_level_3(self) -> None:
        """Retained, live, and deleted again."""
        await self.check("mqttv31")

    async def test_level_4(self) -> None:
        """The same, one version on."""
        await self.check("mqttv311")


class SocketTests(Listening):
    """What only a real transport shows."""

    def door(self, client_id: str = "raw", will: Will | None = None, keepalive: int = 0) -> Connect:
        return Connect(4, client_id, True, keepalive, will, "ana", b"secret")

    async def test_a_refusal_reaches_the_client_before_the_end(self) -> None:
        """[MQTT-3.2.2-5]: CONNACK, then the socket closes."""
        raw = await self.connect(Connect(4, "raw", True, 0, None, "ana", b"wrong"))
        await raw.closed
        self.assertEqual(b"\x20\x02\x00\x04", raw.heard)

    async def test_a_takeover_closes_the_older_socket(self) -> None:
        """[MQTT-3.1.4-2], and the newer one stays."""
        old = await self.connect(self.door())
        await old.hears(b"\x20\x02\x00\x00")
        new = await self.connect(self.door(), Publish("a", b"x", 1, packet_id=1))
        await old.closed
        await new.hears(b"\x40\x02\x00\x01")

    async def test_a_lost_connection_publishes_the_will(self) -> None:
        """[MQTT-3.1.2-8], over a socket that is torn down."""
        listener = await self.connect(self.door("listener"), Subscribe(1, (("w", 0),)))
        await listener.hears(b"\x90\x03\x00\x01\x00")
        raw = await self.connect(self.door(will=Will("w", b"gone", 0, False)))
        await raw.hears(b"\x20\x02\x00\x00")
        cast(Any, raw.transport).abortConnection()
        await listener.hears(Publish("w", b"gone").encode())

    async def test_a_reader_that_stands_still_costs_no_more_than_its_limit(self) -> None:
        """Its neighbours get everything, it gets what the sockets took, the rest is dropped."""
        stuck = await self.connect(self.door("stuck"), Subscribe(1, (("#", 0),)))
        await stuck.hears(b"\x90\x03\x00\x01\x00")
        cast(IPushProducer, stuck.transport).pauseProducing()
        talker = await self.connect(self.door("talker"))
        for number in range(1, 31):
            talker.say(Publish("a", bytes(MIB), 1, packet_id=number))
            await talker.hears(b"\x40\x02" + number.to_bytes(2))
        self.assertGreater(self.broker.counters.unsent, 10)
        cast(Any, stuck.transport).abortConnection()
        await stuck.closed

    async def test_thousands_of_messages_reach_a_slow_reader_in_order(self) -> None:
        """QoS 1 waits for its window through all pauses of the transport."""
        reader = await self.connect(self.door("reader"), Subscribe(1, (("#", 0),)))
        await reader.hears(b"\x90\x03\x00\x01\x00")
        reader.heard = b""
        payloads = [b"%06d" % number for number in range(5000)]
        talker = await self.connect(self.door("talker"))
        talker.say(*(Publish("a", payload) for payload in payloads))
        await reader.hears(payloads[-1])
        self.assertEqual(
            b"".join(Publish("a", payload).encode() for payload in payloads), reader.heard
        )

    async def test_without_keepalive_tcp_looks_whether_the_peer_is_there(self) -> None:
        """Contract 4; and answers are never held back to be joined."""
        for keepalive in (0, 60):
            raw = await self.connect(self.door(f"keepalive {keepalive}", keepalive=keepalive))
            await raw.hears(b"\x20\x02\x00\x00")
        wires = [cast(Any, stream.transport) for stream in self.factory.streams]
        self.assertEqual([True, False], [bool(wire.getTcpKeepAlive()) for wire in wires])
        self.assertEqual([True, True], [bool(wire.getTcpNoDelay()) for wire in wires])

    async def test_closing_the_broker_acknowledges_and_closes_every_socket(self) -> None:
        """SIGTERM: the phone's last fix is acknowledged, then the socket ends in good order."""
        self.journal.by_hand = True
        raw = await self.connect(self.door(), Publish("a", b"x", 1, packet_id=9))
        await raw.hears(b"\x20\x02\x00\x00")
        await self.journal.asked
        closing = Deferred.fromCoroutine(self.broker.close(patience=5))
        self.journal.fire()
        await raw.closed
        await closing
        self.assertTrue(raw.heard.endswith(b"\x40\x02\x00\x09"))
