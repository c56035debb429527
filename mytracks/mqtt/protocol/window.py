"""Messages to the peer until its last answer: which packet ids of ours are in use, and how far."""

from enum import Enum
from typing import Final

from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.flow import PUBREL, Misused, Owed


class Phase(Enum):
    """How far a delivery has come."""

    SENT_ONCE = "sent with QoS 1, PUBACK is to come"
    SENT_EXACTLY_ONCE = "sent with QoS 2, PUBREC is to come"
    RECEIVED = "PUBREC came, we are to send PUBREL"
    RELEASED = "PUBREL was sent, PUBCOMP is to come"


# Looking a member up on its Enum takes Python 3.11 longer than the rest of `take`.
_SENT_ONCE: Final = Phase.SENT_ONCE
_SENT_EXACTLY_ONCE: Final = Phase.SENT_EXACTLY_ONCE


class Window:
    """Deliveries that the peer has not finished: at most `size`, each with its own packet id.

    An answer to an id that is not in use may be left over from a session that we do not know:
    there is no harm in it. An answer of the wrong kind is a violation.
    """

    __slots__ = ("_last", "_owed", "_phases", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._phases: dict[int, Phase] = {}
        self._last = 0
        self._owed: Owed | None = None
        """PUBRELs; most connections never need any."""

    def __len__(self) -> int:
        return len(self._phases)

    @property
    def full(self) -> bool:
        """Nothing more may be sent until something is finished."""
        return len(self._phases) >= self._size

    def take(self, packet_id: int | None, qos: int) -> int:
        """Use this packet id, or the next that is free [MQTT-2.3.1-4]. Only while not `full`."""
        if packet_id is None:
            packet_id = self._next()
        elif packet_id in self._phases:
            raise Misused(f"packet id {packet_id} is in use")
        self._phases[packet_id] = _SENT_ONCE if qos == 1 else _SENT_EXACTLY_ONCE
        return packet_id

    def acknowledged(self, packet_id: int) -> bool:
        """PUBACK came. False: the id was not in use. Raises MalformedPacket."""
        phase = self._phases.pop(packet_id, None)
        if phase is _SENT_ONCE:
            return True
        if phase is None:
            return False
        raise MalformedPacket("MQTT-4.3.3-1", "PUBACK for a message with QoS 2")

    def received(self, packet_id: int) -> bool | None:
        """PUBREC came. False: the PUBREL was sent before, or the id was not in use. None: the
        PUBREL is to come already. Raises MalformedPacket.
        """
        phase = self._phases.get(packet_id)
        if phase is _SENT_ONCE:
            raise MalformedPacket("MQTT-4.3.2-1", "PUBREC for a message with QoS 1")
        if phase is Phase.RECEIVED:
            return None
        if phase is not _SENT_EXACTLY_ONCE:
            return False
        if self._owed is None:
            self._owed = Owed()
        self._owed.arrived(PUBREL | packet_id)
        self._phases[packet_id] = Phase.RECEIVED
        return True

    def release(self, packet_id: int) -> bytes:
        """PUBRELs now due, in the order of the PUBRECs [MQTT-4.6.0-4]. An id that is not in use
        was received over an earlier connection: it is from now on.
        """
        phase = self._phases.get(packet_id)
        if phase is None:
            due = released(packet_id)
        elif phase is Phase.RECEIVED and self._owed is not None:
            due = self._owed.stored(packet_id)
        else:
            raise Misused(f"packet id {packet_id} is not to be released: {phase.value}")
        self._phases[packet_id] = Phase.RELEASED
        return due

    def completed(self, packet_id: int) -> bool:
        """PUBCOMP came. False: the id was not in use. Raises MalformedPacket."""
        phase = self._phases.get(packet_id)
        if phase is None:
            return False
        if phase is not Phase.RELEASED:
            raise MalformedPacket("MQTT-4.3.3-1", "PUBCOMP for what was not released")
        del self._phases[packet_id]
        return True

    def _next(self) -> int:
        while True:
            self._last = self._last % 65535 + 1
            if self._last not in self._phases:
                return self._last


def released(packet_id: int) -> bytes:
    """A PUBREL."""
    return (PUBREL | packet_id).to_bytes(4)
