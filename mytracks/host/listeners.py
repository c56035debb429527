"""Opening and closing ports: all that are asked for, or none."""

import socket
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTCP,
    IStreamServerEndpoint,
)

from mytracks.host.prompt import Outbox, PromptServer

BACKLOG = 1024
"""A village of phones that reconnect at once after a restart must not be turned away."""

OFF = -1


class PortTaken(Exception):
    """A port that was asked for cannot be had; one line for whoever started us."""


@frozen
class Wanted:
    """A service and where it shall listen. `port`: 0 the system chooses, -1 off.

    `outbox`: of connections that answer promptly; without one they are Twisted's own.
    """

    name: str
    port: int
    factory: IProtocolFactory
    outbox: Outbox | None = None


class Listeners:
    """The open ports of one process. They may open and close at any time."""

    def __init__(self, reactor: IReactorTCP, addresses: Sequence[str]) -> None:
        self._reactor = reactor
        self._addresses = addresses
        self._open: list[tuple[str, IListeningPort]] = []

    async def listen(self, wanted: Wanted) -> int | None:
        """Listen on every address; the actual port, None when it is off. Raises PortTaken: then it
        listens on none of them.
        """
        if wanted.port == OFF:
            return None
        port = wanted.port
        try:
            for address in self._addresses:
                opened = await self._listen(wanted, usable(address), port)
                self._open.append((wanted.name, opened))
                port = cast(IPv4Address | IPv6Address, opened.getHost()).port
        except PortTaken:
            await self.shut(wanted.name)
            raise
        return port

    async def shut(self, name: str) -> None:
        """Accept nothing more for the service of that name; its connections go on."""
        ports = [port for of, port in self._open if of == name]
        self._open = [(of, port) for of, port in self._open if of != name]
        await _all_closed(ports)

    async def _listen(self, wanted: Wanted, address: str, port: int) -> IListeningPort:
        endpoint: IStreamServerEndpoint = (
            TCP6ServerEndpoint if ":" in address else TCP4ServerEndpoint
        )(self._reactor, port, backlog=BACKLOG, interface=address)
        listening = endpoint.listen(wanted.factory)
        try:
            opened = await listening
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            raise PortTaken(
                f"{wanted.name} cannot listen on port {port} of {address}: {reason}"
            ) from error
        if wanted.outbox is not None:
            # Nobody was let in yet: this is still the turn in which it was opened.
            cast(Any, opened).transport = partial(PromptServer, wanted.outbox)
        return opened

    async def close(self) -> None:
        """Accept nothing more."""
        ports = [port for _, port in self._open]
        self._open = []
        await _all_closed(ports)


async def _all_closed(ports: Sequence[IListeningPort]) -> None:
    closing = [Deferred.fromCoroutine(_closed(port)) for port in ports]
    await DeferredList(closing, consumeErrors=True)


async def _closed(port: IListeningPort) -> None:
    stopped = port.stopListening()
    if stopped is not None:
        await stopped


def usable(address: str) -> str:
    """`address`, or all of IPv4 where `::` is meant and the machine has no IPv6."""
    if address != "::":
        return address
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return "0.0.0.0"
    return address
