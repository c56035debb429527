"""A phone's message that is larger than is taken: answered, its beginning set aside."""

from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.trial.unittest import TestCase

from mytracks.phones.facts import SetAside
from mytracks.web.limits import Limits
from tests.web.door import Door, Raw, basic

SMALL = Limits(max_body_size=1000, max_publish_size=2000, max_publish_read=9000, oversize_kept=100)


class OversizeTests(TestCase):
    """Above 8 MiB, in small."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door(SMALL).open()
        self.addCleanup(self.close)

    async def close(self) -> None:
        await self.door.close()

    def set_aside(self) -> SetAside:
        """The one thing that was kept."""
        (fact,) = self.door.broker.kept
        assert isinstance(fact, SetAside)
        return fact

    async def test_it_is_read_to_its_end_and_answered_as_taken(self) -> None:
        """Else the phone sends it again for ever and everything behind it waits."""
        reply = await self.door.ask("POST", "/pub", basic(), b"a" * 100 + b"b" * 8000)
        self.assertEqual((200, []), (reply.status, reply.json()))
        fact = self.set_aside()
        self.assertEqual(b"a" * 100, fact.body)
        self.assertIn("8100", fact.reason)

    async def test_wrong_credentials_come_first(self) -> None:
        """Nobody fills the quarantine without an account."""
        reply = await self.door.ask("POST", "/pub", basic("ana", "wrong"), b"a" * 5000)
        self.assertEqual(401, reply.status)
        self.assertEqual([], self.door.broker.kept)

    async def test_beyond_all_measure_it_is_answered_before_its_end(self) -> None:
        """And the connection is closed, but only after the answer could be read."""
        endpoint = TCP4ClientEndpoint(cast("object", reactor), "127.0.0.1", self.door.port)
        raw = await connectProtocol(endpoint, Raw())
        head = (
            f"POST /pub HTTP/1.1\r\nHost: x\r\nAuthorization: {basic()['Authorization']}\r\n"
            "Content-Length: 1000000000000\r\n\r\n"
        )
        assert raw.transport is not None
        raw.transport.write(head.encode() + b"a" * 3000)
        while b"[]" not in raw.received:
            await self.turn()
        self.assertTrue(raw.received.startswith(b"HTTP/1.1 200 "), raw.received)
        self.assertIn(b"Connection: close", raw.received)
        self.assertEqual(b"a" * 100, self.set_aside().body)
        raw.transport.write(b"a" * 3000)
        self.door.room.timers.advance(SMALL.linger_timeout)
        await raw.lost

    async def turn(self) -> None:
        """Let the reactor do what is due."""
        next_turn: Deferred[None] = Deferred()
        reactor.callLater(0, next_turn.callback, None)
        await next_turn
