"""MQTT clients for loads made in Python: many in one thread, acknowledging whatever they get."""

import asyncio
from collections.abc import Callable
from typing import Final

from tests.whole import packets

_CONNACK: Final = 2
_PUBLISH: Final = 3
_DONE: Final = (4, 7)
"""PUBACK and PUBCOMP: a publish of ours has arrived."""
_REPLIES: Final = {5: 0x62, 6: 0x70}
"""What answers PUBREC and PUBREL."""
_SUBACK: Final = 9


class Client(asyncio.Protocol):
    """One connection. `heard` is called for each delivery with its packet's body, `acknowledged`
    for each publish of ours that has arrived, with its packet id."""

    def __init__(self) -> None:
        self.heard: Callable[[bytes], None] = _ignore
        self.acknowledged: Callable[[int], None] = _ignore
        self.received = 0
        self.present = False
        """Whether the server had a session of ours."""
        self._rest = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """What bytes are sent through."""
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._answers.put_nowait(b"")

    def data_received(self, data: bytes) -> None:
        data, at, replies = self._rest + data, 0, []
        end = _end(data, at)
        while end:
            start = _body(data, at)
            reply = self._react(data[at], data[start:end])
            if reply:
                replies.append(reply)
            at, end = end, _end(data, end)
        self._rest = data[at:]
        if replies:
            self.transport.write(b"".join(replies))

    def _react(self, first: int, body: bytes) -> bytes:
        kind = first >> 4
        if kind == _PUBLISH:
            self.received += 1
            qos = first >> 1 & 3
            self.heard(body)
            if qos:
                at = 2 + (body[0] << 8 | body[1])
                return bytes((0x40 if qos == 1 else 0x50, 2)) + body[at : at + 2]
        elif kind in _DONE:
            self.acknowledged(body[0] << 8 | body[1])
        elif kind in _REPLIES:
            return bytes((_REPLIES[kind], 2)) + body
        elif kind in (_CONNACK, _SUBACK):
            self._answers.put_nowait(body)
        return b""

    async def answer(self) -> bytes:
        """The next CONNACK or SUBACK. Raises ConnectionError at the connection's end."""
        found = await asyncio.wait_for(self._answers.get(), 60)
        if not found:
            raise ConnectionError("the server hung up")
        return found

    async def sign_in(self, name: str, user: str, password: str, *, clean: bool = True) -> None:
        """CONNECT and its answer. Raises ConnectionError when refused."""
        words = (name, user or None, password or None)
        self.transport.write(packets.connect(*words, clean=clean, keepalive=600))
        found = await self.answer()
        if found[1]:
            raise ConnectionError(f"CONNACK {found[1]}")
        self.present = bool(found[0])

    async def subscribe(self, wanted: str, qos: int) -> None:
        """SUBSCRIBE and its answer."""
        self.transport.write(packets.subscribe(1, wanted, qos=qos))
        if (await self.answer())[2] & 0x80:
            raise ConnectionError(f"no subscription to {wanted}")


def _ignore(_: object) -> None:
    """Nobody wants to know."""


def _end(data: bytes, at: int) -> int:
    """Where the packet that begins at `at` ends; 0: not here yet."""
    size = shift = 0
    for place in range(at + 1, min(len(data), at + 5)):
        size |= (data[place] & 0x7F) << shift
        shift += 7
        if data[place] < 0x80:
            end = place + 1 + size
            return end if end <= len(data) else 0
    return 0


def _body(data: bytes, at: int) -> int:
    at += 1
    while data[at] & 0x80:
        at += 1
    return at + 1


async def connected(port: int) -> Client:
    """A connection, nothing said yet."""
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Client, "127.0.0.1", port))[1]


async def when(condition: Callable[[], bool], within: float, step: float = 0.001) -> bool:
    """Wait until `condition` holds, but no longer than `within` seconds; whether it does. Looks
    every `step` seconds, with 0 at each turn."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not condition() and loop.time() < end:  # noqa: ASYNC110 - it waits for counts.
        await asyncio.sleep(step)
    return condition()
