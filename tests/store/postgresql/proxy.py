"""A stretch of network between the store and its server, which loses what a test wants lost."""

import re
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol

COMMIT = b"COMMIT\0"


class Near(Protocol):
    """The store's side of one connection."""

    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._far: Far | None = None
        self._held = b""
        self.deaf = False
        """Nothing of the server's comes back."""

    def connectionMade(self) -> None:
        far = Far(self)
        connecting = TCP4ClientEndpoint(cast(Any, reactor), "127.0.0.1", self._proxy.port)
        connecting.connect(Factory.forProtocol(lambda: far)).addErrback(lambda _: self.cut())

    def dataReceived(self, data: bytes) -> None:
        if self._far is None:
            self._held += data
        elif data.endswith(self._proxy.cue) and self._proxy.at_commit is not None:
            act, self._proxy.at_commit = self._proxy.at_commit, None
            act(self, data)
        else:
            self.pass_on(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self._far is not None and not self.deaf:
            self._far.end()

    def reached(self, far: "Far") -> None:
        """The server is there."""
        self._far = far
        self._proxy.far.append(far)
        held, self._held = self._held, b""
        far.send(held)

    def pass_on(self, data: bytes) -> None:
        """To the server."""
        assert self._far is not None
        self._far.send(data)

    def answer(self, data: bytes) -> None:
        """To the store."""
        if self.deaf:
            self._proxy.answers_lost += 1
            self.cut()
        elif self.transport is not None:
            self.transport.write(data)

    def cut(self) -> None:
        """End the store's side at once, the server's only if it is not deaf."""
        if self.transport is not None:
            cast(Any, self.transport).abortConnection()


class Far(Protocol):
    """The server's side of it."""

    def __init__(self, near: Near) -> None:
        self._near = near
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._near.reached(self)

    def dataReceived(self, data: bytes) -> None:
        self._near.answer(data)

    def connectionLost(self, reason: Any = None) -> None:
        self._near.cut()
        self.ended.callback(None)

    def send(self, data: bytes) -> None:
        """To the server."""
        assert self.transport is not None
        self.transport.write(data)

    def end(self) -> None:
        """End it."""
        cast(Any, self.transport).abortConnection()


class Proxy:
    """Listens on a port of its own. `at_commit`: what becomes of the next COMMIT, once."""

    def __init__(self, url: str) -> None:
        found = re.search(r":(\d+)/", url)
        assert found is not None
        self._url = url
        self.port = int(found[1])
        self.cue = COMMIT
        """What else than a COMMIT it is about, if a test says so."""
        self.at_commit: Callable[[Near, bytes], None] | None = None
        self.answers_lost = 0
        self._listening: Any = None
        self.far: list[Far] = []

    async def start(self) -> str:
        """Its URL, in place of the server's."""
        endpoint = TCP4ServerEndpoint(cast(Any, reactor), 0, interface="127.0.0.1")
        self._listening = await endpoint.listen(Factory.forProtocol(lambda: Near(self)))
        return self._url.replace(f":{self.port}/", f":{self._listening.getHost().port}/")

    async def stop(self) -> None:
        """Take no more connections, and end those that there are."""
        await self._listening.stopListening()
        for far in self.far:
            if not far.ended.called:
                far.end()
            await far.ended


def lose_answer(near: Near, data: bytes) -> None:
    """The COMMIT arrives, its answer does not."""
    near.deaf = True
    near.pass_on(data)


def lose_request(near: Near, _: bytes) -> None:
    """The connection ends before the COMMIT arrives."""
    near.cut()
