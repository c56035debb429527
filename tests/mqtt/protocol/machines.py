"""Connections that stand where a test wants them, and the answers in bytes."""

from collections.abc import Collection, Iterable

from mytracks.mqtt.protocol.codec import encode
from mytracks.mqtt.protocol.connection import Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import Event, Violated
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.protocol.packets.publish import Publish

LIMITS = ConnectionLimits()
HELLO = Connect(4, "me", True, 0)


def connected(
    level: int = 4,
    limits: ConnectionLimits = LIMITS,
    clean_session: bool = True,
    unreleased: Collection[int] = (),
) -> Connection:
    """A connection that was accepted."""
    machine = Connection(limits)
    machine.receive(encode(Connect(level, "me", clean_session, 0)))
    machine.accept(bool(unreleased), unreleased)
    return machine


def publish(packet_id: int, qos: int = 1, dup: bool = False) -> bytes:
    """A PUBLISH."""
    return encode(Publish("a", b"", qos, dup=dup, packet_id=packet_id))


def pubacks(*packet_ids: int) -> bytes:
    """PUBACKs of these packet ids."""
    return _answers(b"\x40\x02", packet_ids)


def pubrecs(*packet_ids: int) -> bytes:
    """PUBRECs of these packet ids."""
    return _answers(b"\x50\x02", packet_ids)


def pubrels(*packet_ids: int) -> bytes:
    """PUBRELs of these packet ids."""
    return _answers(b"\x62\x02", packet_ids)


def pubcomps(*packet_ids: int) -> bytes:
    """PUBCOMPs of these packet ids."""
    return _answers(b"\x70\x02", packet_ids)


def broken_rules(events: Iterable[Event]) -> list[str]:
    """The rules of the violations among `events`."""
    return [event.rule for event in events if isinstance(event, Violated)]


def _answers(head: bytes, packet_ids: Iterable[int]) -> bytes:
    return b"".join(head + packet_id.to_bytes(2) for packet_id in packet_ids)
