"""QoS 2 messages from the peer between their PUBLISH and our last answer: which ids are in use."""

from collections.abc import Iterable

from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.flow import PUBCOMP, PUBREC, Misused, Owed


class Unreleased:
    """At most `size` messages that the peer has not released; their PUBRECs are in `owed`.

    An id is in use until its PUBCOMP: what comes under it before then is the same message again.
    """

    __slots__ = ("_owed", "_releasing", "_size", "_unreleased")

    def __init__(self, size: int, owed: Owed) -> None:
        self._size = size
        self._owed = owed
        self._unreleased: set[int] = set()
        self._releasing: dict[int, int] = {}
        """Ids whose PUBREL came, and how many PUBCOMPs that makes: two at most."""

    def inherit(self, unreleased: Iterable[int]) -> None:
        """These ids were received over an earlier connection of the session and not released."""
        self._unreleased.update(unreleased)

    def published(self, packet_id: int) -> bool:
        """A PUBLISH with QoS 2 came. False: it is here already. Raises MalformedPacket."""
        unreleased = self._unreleased
        if packet_id in unreleased or packet_id in self._releasing:
            self._owed.repeated(PUBREC | packet_id)
            return False
        if len(unreleased) >= self._size:
            raise MalformedPacket("max_unreleased", "too much with QoS 2 is not released")
        unreleased.add(packet_id)
        self._owed.arrived(PUBREC | packet_id)
        return True

    def released(self, packet_id: int) -> bool | None:
        """PUBREL came. Whether the id was in use; None: its PUBCOMP is to come already."""
        releasing = self._releasing
        if packet_id in releasing:
            releasing[packet_id] = 2
            return None
        releasing[packet_id] = 1
        known = packet_id in self._unreleased
        self._unreleased.discard(packet_id)
        return known

    def completed(self, packet_id: int) -> bytes:
        """PUBCOMP to every PUBREL; the id is free, and what comes next under it is new.

        Should the peer have released before its PUBREC was due, then PUBCOMP leaves behind that.
        """
        times = self._releasing.pop(packet_id, 0)
        if not times:
            raise Misused(f"no PUBCOMP is owed for packet id {packet_id}")
        # Behind PUBCOMP it would be taken as the answer to another message.
        self._owed.forget_repeated(packet_id)
        if self._owed.owes(PUBREC | packet_id):
            self._owed.repeated(PUBCOMP | packet_id)
            return b""
        return (PUBCOMP | packet_id).to_bytes(4) * times
