"""The control socket, over a real UNIX socket."""

import os
import socket
import stat
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.control.address import address_of
from mytracks.control.limits import Limits
from mytracks.control.server import ControlServer
from mytracks.control.wire import (
    MAX_LINE,
    Answer,
    Arguments,
    Request,
    decode_answer,
    encode_request,
)


def made(directory: Path) -> Path:
    """The directory, which is there now, as an absolute path."""
    directory.mkdir(exist_ok=True, parents=True)
    return directory.absolute()


class Client(Protocol):
    """Says something and listens until the other side closes."""

    def __init__(self) -> None:
        self.heard = b""
        self.closed: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        self.closed.callback(self.heard)

    def say(self, data: bytes) -> None:
        """Write to the other side."""
        assert self.transport is not None
        self.transport.write(data)


class ControlServerTests(TestCase):
    """What can be done through it is `operations`' own; this is the door."""

    async def opened(self, limits: Limits | None = None, directory: Path | None = None) -> Path:
        """The path of a listening socket."""
        self.asked: list[tuple[str, Arguments]] = []
        self.stuck: Deferred[Answer] | None = None
        self.time = task.Clock()
        self.path = made(directory or Path(self.mktemp())) / "control.sock"
        self.server = ControlServer(
            self.path, self.run_it, cast(Any, reactor), Clock(self.time), limits or Limits()
        )
        await self.server.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.server.close()))
        return self.path

    async def run_it(self, operation: str, arguments: Arguments) -> Answer:
        """Stands for the operations."""
        self.asked.append((operation, arguments))
        if operation == "fail":
            raise ZeroDivisionError
        if self.stuck is not None:
            return await self.stuck
        return Answer({"operation": operation})

    async def connected(self) -> Client:
        """A client of the socket."""
        with address_of(self.path) as address:
            endpoint = UNIXClientEndpoint(cast(Any, reactor), address)
            client: Client = await connectProtocol(endpoint, Client())
        return client

    async def said(self, data: bytes) -> Answer:
        """The answer to `data`."""
        client = await self.connected()
        client.say(data)
        return decode_answer(await client.closed)

    async def test_a_request_is_answered_and_the_connection_closed(self) -> None:
        """One question, one answer."""
        await self.opened()
        answer = await self.said(encode_request(Request("user.list", {"a": 1})))
        self.assertEqual(Answer({"operation": "user.list"}), answer)
        self.assertEqual([("user.list", {"a": 1})], self.asked)

    async def test_only_its_owner_can_open_it(self) -> None:
        """Whoever can is administrator."""
        path = await self.opened()
        mode = path.stat().st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(0o600, stat.S_IMODE(mode))
        self.assertEqual(["control.sock"], os.listdir(path.parent))

    async def test_a_path_of_any_length_works(self) -> None:
        """UNIX sockets take 107 bytes; data directories lie deep."""
        deep = Path(self.mktemp()) / ("d" * 100) / ("e" * 100)
        path = await self.opened(directory=deep)
        self.assertGreater(len(str(path)), 200)
        self.assertIsNone((await self.said(encode_request(Request("a")))).refusal)
        await self.server.close()
        self.assertFalse(path.exists())

    async def test_closing_removes_it_and_it_can_be_opened_again(self) -> None:
        """A command then knows that no daemon runs."""
        path = await self.opened()
        await self.server.close()
        self.assertFalse(path.exists())
        await self.server.open()
        self.assertIsNone((await self.said(encode_request(Request("a")))).refusal)

    async def test_a_dead_daemons_socket_is_replaced(self) -> None:
        """After a kill -9 the file is still there."""
        directory = made(Path(self.mktemp()))
        dead = socket.socket(socket.AF_UNIX)
        with address_of(directory / "control.sock") as address:
            dead.bind(address)
        dead.close()
        await self.opened(directory=directory)
        self.assertIsNone((await self.said(encode_request(Request("a")))).refusal)

    async def test_a_file_that_is_no_socket_is_left_alone(self) -> None:
        """Nobody's file is removed for us."""
        directory = made(Path(self.mktemp()))
        (directory / "control.sock").write_text("precious")
        with self.assertRaises(FileExistsError):
            await self.opened(directory=directory)
        self.assertEqual("precious", (directory / "control.sock").read_text())

    async def test_closing_ends_even_when_somebody_removed_the_socket(self) -> None:
        """A tidy administrator must not hang the stop."""
        path = await self.opened()
        path.unlink()
        await self.server.close()
        self.assertFalse(path.exists())

    async def test_a_line_that_cannot_be_read_is_refused(self) -> None:
        """With words, since somebody is debugging."""
        await self.opened()
        answer = await self.said(b"hello\n")
        assert answer.refusal is not None
        self.assertEqual("invalid", answer.refusal.kind)
        self.assertEqual([], self.asked)

    async def test_a_line_is_bounded(self) -> None:
        """At the limit and one past it; nothing is kept of the rest."""
        await self.opened()
        line = encode_request(Request("a", {"b": ""}))[:-1]
        filler = b"x" * (MAX_LINE - len(line))
        full = line.replace(b'""', b'"' + filler + b'"')
        self.assertIsNone((await self.said(full + b"\n")).refusal)
        answer = await self.said(full + b" \n")
        assert answer.refusal is not None
        self.assertEqual("invalid", answer.refusal.kind)
        endless = await self.connected()
        endless.say(b"x" * (MAX_LINE + 1))
        self.assertIn(b"too long", await endless.closed)

    async def test_who_says_nothing_is_dropped(self) -> None:
        """A forgotten connection must not stay for ever."""
        await self.opened()
        client = await self.connected()
        client.say(b'{"operation"')
        await self.said(encode_request(Request("a")))
        self.time.advance(9.9)
        self.assertFalse(client.closed.called)
        self.time.advance(0.1)
        self.assertEqual(b"", await client.closed)

    async def test_connections_are_bounded(self) -> None:
        """At the limit one more is closed unheard."""
        await self.opened(Limits(max_connections=1))
        first = await self.connected()
        second = await self.connected()
        self.assertEqual(b"", await second.closed)
        first.say(encode_request(Request("a")))
        self.assertIn(b"result", await first.closed)

    async def test_a_bug_of_ours_is_logged_here_and_told_without_details(self) -> None:
        """The command says where to look."""
        await self.opened()
        answer = await self.said(encode_request(Request("fail")))
        assert answer.refusal is not None
        self.assertEqual("internal", answer.refusal.kind)
        self.assertNotIn("Zero", answer.refusal.text)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_whoever_hangs_up_does_not_stop_what_they_asked_for(self) -> None:
        """It was asked; it is done to its end."""
        await self.opened()
        self.stuck = Deferred()
        client = await self.connected()
        client.say(encode_request(Request("long")))
        await self.until_asked()
        assert client.transport is not None
        client.transport.loseConnection()
        await client.closed
        self.stuck.callback(Answer("done"))

    async def test_a_stop_breaks_off_what_still_runs(self) -> None:
        """SIGTERM does not wait for a command; it says that it did."""
        await self.opened()
        self.stuck = Deferred()
        client = await self.connected()
        client.say(encode_request(Request("long")))
        await self.until_asked()
        await self.server.close()
        await client.closed

    async def until_asked(self) -> None:
        """Wait until the stuck request has arrived; connections are served in order."""
        waiting, self.stuck = self.stuck, None
        await self.said(encode_request(Request("behind it")))
        self.stuck = waiting
