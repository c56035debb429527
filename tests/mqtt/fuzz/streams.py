"""What a client sends, good at first and then damaged; all of it follows from one random source."""

from collections.abc import Callable
from random import Random
from typing import Final

from mytracks.mqtt.protocol.packets.connect import Connect
from tests.mqtt.protocol.catalogue import (
    BOTH,
    CONNECTS,
    FROM_CLIENTS,
    FROM_SERVERS,
    field,
    whole,
)
from tests.mqtt.protocol.malformed import MALFORMED, MALFORMED_CONNECTS

_GREETINGS: Final = [(good.data, good.packet) for good in CONNECTS]
_SHORT: Final = 400
_PACKETS: Final = {
    level: [g.data for g in FROM_CLIENTS if level in g.levels and len(g.data) < _SHORT]
    for level in BOTH
}
_STRANGE: Final = [
    *(good.data for good in (*FROM_SERVERS, *FROM_CLIENTS, *CONNECTS) if len(good.data) < _SHORT),
    *(bad.data for bad in (*MALFORMED, *MALFORMED_CONNECTS) if len(bad.data) < _SHORT),
    whole(0x82, b"\0\x0a", *(field(name) + b"\0" for name in "abcd")),
    whole(0xA2, b"\0\x0a", *(field(name) for name in "abcd")),
    whole(0x30, field("/" * 6)),
]
_LENGTHS: Final = (
    b"\x7f",
    b"\x80\x01",
    b"\xff\xff\x03",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\x01",
)


def stream(chance: Random) -> bytes:
    """CONNECT and packets of its level; half of the streams are damaged afterwards."""
    greeting, connect = chance.choice(_GREETINGS)
    assert isinstance(connect, Connect)
    packets = _PACKETS[connect.level]
    parts = [greeting]
    for _ in range(chance.randrange(40)):
        parts.append(_flow(chance) if chance.random() < 0.5 else chance.choice(packets))
    if chance.random() < 0.5:
        for _ in range(chance.choice((1, 1, 1, 2, 8))):
            parts = chance.choice(DAMAGES)(chance, parts)
    return b"".join(parts)


def _flow(chance: Random) -> bytes:
    """A PUBLISH or an acknowledgement, of few packet ids, so that they meet."""
    packet_id = bytes((0, chance.randrange(1, 7)))
    first = chance.choice((0x32, 0x34, 0x34, 0x3C, 0x3A, 0x40, 0x50, 0x62, 0x62, 0x62, 0x70))
    return whole(first, b"\0\1a" if first >> 4 == 3 else b"", packet_id)


def cut(chance: Random, data: bytes) -> list[bytes]:
    """The same bytes as TCP may hand them over."""
    pieces = chance.choice((1, 2, 5, len(data)))
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(pieces - 1))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _somewhere(chance: Random, parts: list[bytes]) -> int:
    return chance.randrange(len(parts)) if parts else 0


def _flip(chance: Random, parts: list[bytes]) -> list[bytes]:
    """One bit of one packet, its first bytes more often than others."""
    at = _somewhere(chance, parts)
    data = bytearray(parts[at])
    if data:
        end = chance.choice((2, 6, len(data)))
        data[chance.randrange(min(end, len(data)))] ^= 1 << chance.randrange(8)
    return [*parts[:at], bytes(data), *parts[at + 1 :]]


def _overwrite(chance: Random, parts: list[bytes]) -> list[bytes]:
    """A few bytes that strings, lengths and ids are sensitive to."""
    at = _somewhere(chance, parts)
    data = bytearray(parts[at])
    start = chance.randrange(len(data) + 1)
    pieces = (b"\0\0", b"\xff\xff", b"\0", b"#", b"+", b"/", b"\xed\xa0\x80", b"\xc0\xaf", b"\xff")
    piece = chance.choice(pieces)
    data[start : start + len(piece)] = piece
    return [*parts[:at], bytes(data), *parts[at + 1 :]]


def _length(chance: Random, parts: list[bytes]) -> list[bytes]:
    """A packet says that it is of another length."""
    at = _somewhere(chance, parts)
    return [*parts[:at], parts[at][:1] + chance.choice(_LENGTHS) + parts[at][2:], *parts[at + 1 :]]


def _shorten(chance: Random, parts: list[bytes]) -> list[bytes]:
    at = _somewhere(chance, parts)
    data = parts[at]
    return [*parts[:at], data[: chance.randrange(len(data) + 1)], *parts[at + 1 :]]


def _stretch(chance: Random, parts: list[bytes]) -> list[bytes]:
    at = _somewhere(chance, parts)
    return [*parts[:at], parts[at] + chance.randbytes(chance.randrange(9)), *parts[at + 1 :]]


def _drop(chance: Random, parts: list[bytes]) -> list[bytes]:
    at = _somewhere(chance, parts)
    return [*parts[:at], *parts[at + 1 :]] if len(parts) > 1 else parts


def _repeat(chance: Random, parts: list[bytes]) -> list[bytes]:
    at = _somewhere(chance, parts)
    return [*parts[:at], *[parts[at]] * chance.choice((2, 3, 200)), *parts[at + 1 :]]


def _shuffle(chance: Random, parts: list[bytes]) -> list[bytes]:
    parts = list(parts)
    chance.shuffle(parts)
    return parts


def _intrude(chance: Random, parts: list[bytes]) -> list[bytes]:
    """A packet that has no place there: a server's, another level's, a malformed one, noise."""
    noise = chance.randbytes(chance.randrange(20))
    at = chance.randrange(len(parts) + 1)
    return [*parts[:at], chance.choice((noise, chance.choice(_STRANGE))), *parts[at:]]


DAMAGES: Final[tuple[Callable[[Random, list[bytes]], list[bytes]], ...]] = (
    _flip,
    _flip,
    _overwrite,
    _length,
    _shorten,
    _stretch,
    _drop,
    _repeat,
    _shuffle,
    _intrude,
)
