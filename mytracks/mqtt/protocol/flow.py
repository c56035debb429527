"""Answers in the order of what they answer, whatever order they become due in.

Pure bookkeeping, without a connection's states: `connection` asks, and says what comes of it.
"""

from collections import deque
from typing import Final

PUBACK: Final = 0x4002_0000
"""An answer is a number, its four bytes as they are sent: this one or the next, and a packet id."""
PUBREC: Final = 0x5002_0000
PUBREL: Final = 0x6202_0000
PUBCOMP: Final = 0x7002_0000

_AGAIN: Final = 1 << 32
_ANSWER: Final = _AGAIN - 1
_PACKET_ID: Final = 0xFFFF
_FIRST: Final = _AGAIN | _PACKET_ID


class Misused(RuntimeError):
    """Our own side asked for what the protocol does not allow here: a bug."""


class Owed:
    """Answers leave in the order in which what they answer came [MQTT-4.6.0-2, -3, -4].

    The same packet id may wait more than once: each PUBLISH with QoS 1 is a message
    [MQTT-4.3.2-2].
    """

    __slots__ = ("_again", "_answers", "_early")

    def __init__(self) -> None:
        self._answers: deque[int] = deque()
        self._early: dict[int, int] = {}
        """How often an id was stored while an answer in front of it was not due."""
        self._again: set[int] = set()
        """Ids with an answer that is given once more."""

    def arrived(self, answer: int) -> None:
        """Something came that is answered so when it is stored."""
        self._answers.append(answer)

    def repeated(self, answer: int) -> None:
        """The same came again: answer it again in its turn. One such answer for each id waits, not
        ever so many.
        """
        packet_id = answer & _PACKET_ID
        if packet_id not in self._again:
            self._again.add(packet_id)
            self._answers.append(answer | _AGAIN)

    def owes(self, answer: int) -> bool:
        """Whether this was not given yet, not even once."""
        return answer in self._answers

    def forget_repeated(self, packet_id: int) -> None:
        """No second answer is wanted any more."""
        if packet_id in self._again:
            self._again.remove(packet_id)
            for answer in self._answers:
                if answer & _FIRST == packet_id | _AGAIN:
                    self._answers.remove(answer)
                    return

    def stored(self, packet_id: int) -> bytes:
        """The oldest with this id that was not stored is durable: the answers now due."""
        answers = self._answers
        if answers and answers[0] & _FIRST == packet_id:
            due = answers.popleft().to_bytes(4)
            return due + self.due() if self._early or self._again else due
        early = self._early
        waiting = sum(1 for answer in answers if answer & _FIRST == packet_id)
        if waiting <= early.get(packet_id, 0):
            raise Misused(f"no answer is owed for packet id {packet_id}")
        early[packet_id] = early.get(packet_id, 0) + 1
        return self.due()

    def due(self) -> bytes:
        """The answers in front that wait for nothing."""
        answers, early = self._answers, self._early
        due = b""
        while answers:
            packet_id = answers[0] & _PACKET_ID
            if answers[0] & _AGAIN:
                self._again.remove(packet_id)
            elif packet_id in early:
                early[packet_id] -= 1
                if not early[packet_id]:
                    del early[packet_id]
            else:
                break
            due += (answers.popleft() & _ANSWER).to_bytes(4)
        return due
