"""The door of the `mytracks` command: a socket in the data dir that only its owner can open.

Carries lines to the operations and answers back; decides nothing about either.
"""

import stat
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IReactorUNIX,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from mytracks.clock import Clock, Tasks
from mytracks.control.address import address_of
from mytracks.control.limits import Limits
from mytracks.control.wire import (
    MAX_LINE,
    Answer,
    Arguments,
    BadLine,
    Refusal,
    decode_request,
    encode_answer,
)

Run = Callable[[str, Arguments], Awaitable[Answer]]


class ControlServer:
    """Listens on a UNIX socket of mode 0600. Whoever opens it holds the data dir's lock."""

    def __init__(
        self, path: Path, run: Run, reactor: IReactorUNIX, clock: Clock, limits: Limits
    ) -> None:
        self._path = path
        self._reactor = reactor
        self._factory = _ControlFactory(run, clock, limits)
        self._port: IListeningPort | None = None
        self._address = ExitStack()

    async def open(self) -> None:
        """Listen. A dead daemon's socket is replaced: the lock says that it is dead.

        Raises OSError or CannotListenError when that cannot be.
        """
        _make_way(self._path)
        with ExitStack() as opening:
            address = opening.enter_context(address_of(self._path))
            self._port = self._reactor.listenUNIX(address, self._factory, mode=0o600)
            self._address = opening.pop_all()

    async def close(self) -> None:
        """Listen no more, remove the socket, break off what is still asked."""
        port, self._port = self._port, None
        if port is None:
            return
        # Twisted removes the file itself and would never finish if somebody had done so before.
        self._path.touch()
        stopping = port.stopListening()
        if stopping is not None:
            await stopping
        self._address.close()
        self._factory.stop()


def _make_way(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises FileExistsError for anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path} is in the way of the control socket")
    path.unlink()


class _ControlFactory(ServerFactory):
    """Keeps count of the connections and owns what runs for them."""

    noisy = False

    def __init__(self, run: Run, clock: Clock, limits: Limits) -> None:
        self.run = run
        self.clock = clock
        self.limits = limits
        self.tasks = Tasks()
        self.connections: set[_ControlProtocol] = set()

    def buildProtocol(self, _address: IAddress | None) -> "_ControlProtocol | None":
        if len(self.connections) >= self.limits.max_connections:
            return None
        return _ControlProtocol(self)

    def stop(self) -> None:
        """Break off all that runs and close all connections."""
        self.tasks.stop()
        for protocol in list(self.connections):
            protocol.abort()


class _ControlProtocol(Protocol):
    """One connection: one request, one answer; what comes after the request is not read."""

    def __init__(self, host: _ControlFactory) -> None:
        self._host = host
        self._late: IDelayedCall | None = None
        self._received = b""

    def connectionMade(self) -> None:
        self._host.connections.add(self)
        self._late = self._host.clock.later(self._host.limits.request_time, self.abort)

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        self._host.connections.discard(self)
        self._in_time()

    def dataReceived(self, data: bytes) -> None:
        if self._late is None:
            return
        self._received += data
        line, end, _ = self._received.partition(b"\n")
        if len(line) > MAX_LINE:
            self._in_time()
            self._say(Answer(refusal=Refusal("invalid", "The request is too long.")))
        elif end:
            self._in_time()
            self._host.tasks.start(self._answer(line), "answering on the control socket")

    def abort(self) -> None:
        """Close at once."""
        cast(ITCPTransport, self.transport).abortConnection()

    async def _answer(self, line: bytes) -> None:
        answer = Answer(refusal=Refusal("internal", "It failed; the daemon's log says why."))
        try:
            request = decode_request(line)
            answer = await self._host.run(request.operation, request.arguments)
        except BadLine as error:
            answer = Answer(refusal=Refusal("invalid", str(error)))
        except CancelledError:
            answer = Answer(refusal=Refusal("unavailable", "The daemon is stopping."))
            raise
        finally:
            self._say(answer)

    def _say(self, answer: Answer) -> None:
        if self in self._host.connections and self.transport is not None:
            self.transport.write(encode_answer(answer))
            self.transport.loseConnection()

    def _in_time(self) -> None:
        """The request is here, or nobody waits for it any more."""
        if self._late is not None and self._late.active():
            self._late.cancel()
        self._late = None
        self._received = b""
