"""The data that packets are made of: integers, strings and lengths (MQTT 3.1.1, 1.5 and 2.2.3).

Reading is strict: whatever is short, left over or badly encoded raises `MalformedPacket` with the
number of the rule that was broken. What a field means is left to the packets.
"""

from typing import Final

MAX_REMAINING_LENGTH: Final = 268_435_455
"""What four bytes of remaining length can say (MQTT 3.1.1, 2.2.3)."""


class MalformedPacket(Exception):
    """The peer broke the protocol: its connection has to be closed [MQTT-4.8.0-1].

    `rule`: the statement's number (`MQTT-3.3.1-4`), or the name of the limit of ours that was
    passed. `text`: what was wrong, without anything that the peer sent.
    """

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{text} [{rule}]")
        self.rule = rule
        self.text = text


def text(raw: bytes) -> str:
    """The string that `raw` encodes. U+FEFF stays what it is [MQTT-1.5.3-3]."""
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("MQTT-1.5.3-1", "a string is not UTF-8") from None
    if "\0" in decoded:
        raise MalformedPacket("MQTT-1.5.3-2", "a string holds U+0000")
    return decoded


class Fields:
    """Reads the fields of one packet's body from left to right.

    Each reader takes the `rule` that is broken when the field is not there as a whole.
    """

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def exhausted(self) -> bool:
        """Nothing is left to read."""
        return self._at == len(self._body)

    def byte(self, rule: str, what: str) -> int:
        """One byte."""
        return self._bytes(1, rule, what)[0]

    def integer(self, rule: str, what: str) -> int:
        """Two bytes, most significant first (1.5.2)."""
        return int.from_bytes(self._bytes(2, rule, what))

    def packet_id(self) -> int:
        """A packet identifier, which is never 0 [MQTT-2.3.1-1]."""
        packet_id = self.integer("MQTT-2.3.1-1", "the packet id")
        if packet_id == 0:
            raise MalformedPacket("MQTT-2.3.1-1", "the packet id is 0")
        return packet_id

    def binary(self, rule: str, what: str) -> bytes:
        """Bytes behind their length of two bytes."""
        return self._bytes(self.integer(rule, what), rule, what)

    def string(self, rule: str, what: str) -> str:
        """UTF-8 behind its length of two bytes (1.5.3)."""
        return text(self.binary(rule, what))

    def finish(self, rule: str) -> None:
        """Nothing may be left over."""
        if not self.exhausted:
            raise MalformedPacket(rule, "bytes are left over behind the last field")

    def _bytes(self, count: int, rule: str, what: str) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise MalformedPacket(rule, f"{what} is missing or cut off")
        piece = self._body[self._at : end]
        self._at = end
        return piece


def with_length(raw: bytes) -> bytes:
    """`raw` (65,535 bytes at most) behind its length of two bytes."""
    return len(raw).to_bytes(2) + raw


def packet(first: int, body: bytes) -> bytes:
    """A whole packet: first byte, remaining length in as few bytes as possible, body."""
    length = len(body)
    if length < 128:
        return bytes((first, length)) + body
    if length < 16_384:
        return bytes((first, length & 127 | 128, length >> 7)) + body
    header = bytearray((first,))
    while length > 127:
        header.append(length & 127 | 128)
        length >>= 7
    header.append(length)
    return bytes(header) + body
