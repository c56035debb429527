"""What is written leaves at the end of the turn, whole and in order, whatever the reader does."""

from functools import partial
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.host.listeners import Listeners, Wanted
from mytracks.host.prompt import Outbox, PromptServer

reactor = cast(Any, installed)
LARGE = bytes(range(256)) * 4 * 8192


def outbox() -> Outbox:
    """One whose turns are the reactor's."""
    return Outbox(partial(Clock(reactor).later, 0))


class Speaker(Protocol):
    """The server's side."""

    def __init__(self, began: Deferred["Speaker"], ended: Deferred[None]) -> None:
        self._began = began
        self._ended = ended

    def connectionMade(self) -> None:
        """Whoever waits for it may write."""
        self._began.callback(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is over."""
        self._ended.callback(None)


class Hearer(Protocol):
    """The client's side: keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[None] = Deferred()
        self._wanted: tuple[int, Deferred[bytes]] | None = None

    def dataReceived(self, data: bytes) -> None:
        """More came."""
        self.heard += data
        if self._wanted is not None and len(self.heard) >= self._wanted[0]:
            wanted, self._wanted = self._wanted[1], None
            wanted.callback(self.heard)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is over."""
        self.ended.callback(None)

    def hear(self, size: int) -> Deferred[bytes]:
        """All, once so many bytes came."""
        found: Deferred[bytes] = Deferred()
        self._wanted = size, found
        return found


class PromptTests(TestCase):
    """With real sockets."""

    server: PromptServer
    hearer: Hearer
    gone: Deferred[None]

    async def open(self) -> None:
        """A connection, both ends in our hands."""
        began: Deferred[Speaker] = Deferred()
        self.gone: Deferred[None] = Deferred()
        factory = Factory.forProtocol(partial(Speaker, began, self.gone))
        listeners = Listeners(reactor, ["127.0.0.1"])
        self.addCleanup(listeners.close)
        port = await listeners.listen(Wanted("MQTT", 0, factory, outbox()))
        assert port is not None
        self.hearer = Hearer()
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), self.hearer)
        transport = (await began).transport
        assert isinstance(transport, PromptServer)
        self.server = transport

    async def end(self) -> None:
        """The client goes."""
        assert self.hearer.transport is not None
        self.hearer.transport.loseConnection()
        await self.hearer.ended
        await self.gone

    async def test_an_answer_is_sent_without_asking_the_kernel(self) -> None:
        """A thousand answers are a thousand system calls, not four thousand."""
        await self.open()
        heard = self.hearer.hear(6)
        for word in (b"one", b"two"):
            self.server.write(word)
            self.assertNotIn(self.server, reactor.getWriters())
        self.assertEqual(await heard, b"onetwo")
        self.assertNotIn(self.server, reactor.getWriters())
        await self.end()

    async def test_what_the_kernel_does_not_take_follows_in_order(self) -> None:
        """A slow reader gets all of it, and what was written meanwhile behind it."""
        await self.open()
        hearing = cast(Any, self.hearer.transport)
        hearing.pauseProducing()
        heard = self.hearer.hear(len(LARGE) + 3)
        self.server.write(LARGE)
        turn: Deferred[None] = Deferred()
        reactor.callLater(0.01, turn.callback, None)
        await turn
        self.assertIn(self.server, reactor.getWriters())
        self.server.write(b"end")
        hearing.resumeProducing()
        self.assertEqual(await heard, LARGE + b"end")
        self.assertNotIn(self.server, reactor.getWriters())
        await self.end()

    async def test_what_was_written_before_the_end_arrives(self) -> None:
        """A refusal's CONNACK is seen by the phone that was refused."""
        await self.open()
        self.server.write(LARGE)
        self.server.loseConnection()
        await self.hearer.ended
        await self.gone
        self.assertEqual(self.hearer.heard, LARGE)

    async def test_an_end_with_nothing_to_say(self) -> None:
        """Nothing is left open."""
        await self.open()
        self.server.loseConnection()
        await self.hearer.ended
        await self.gone

    async def test_an_abort_in_the_same_turn(self) -> None:
        """What was written and is not wanted any more harms nobody."""
        await self.open()
        self.server.write(b"never")
        self.server.abortConnection()
        await self.hearer.ended
        await self.gone

    async def test_the_peer_is_gone_already(self) -> None:
        """The connection ends as it would have."""
        await self.open()
        cast(Any, self.hearer.transport).abortConnection()
        await self.hearer.ended
        self.server.write(b"too late")
        await self.gone

    async def test_trouble_of_one_does_not_reach_others(self) -> None:
        """A fault while one connection is sent to ends that connection only."""
        box = outbox()
        await self.open()
        told: list[str] = []

        class Faulty:
            """Fails, and is told to go."""

            def flush(self) -> None:
                """A fault of ours."""
                raise ValueError("ours")

            def abortConnection(self) -> None:  # noqa: N802
                """The end."""
                told.append("aborted")

        heard = self.hearer.hear(4)
        box.add(Faulty())  # type: ignore[arg-type]
        self.server._outbox = box
        self.server.write(b"well")
        self.assertEqual(await heard, b"well")
        self.assertEqual(told, ["aborted"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        await self.end()
