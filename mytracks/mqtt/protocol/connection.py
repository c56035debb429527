"""The server's half of one MQTT connection: bytes in, events out; answers are further inputs.

No socket, no clock, no log. Who carries the bytes writes whatever a method returns, in the order
of the calls. The machine holds what the protocol says about order: CONNACK first [MQTT-3.2.0-1],
PUBACKs as the PUBLISHes came [MQTT-4.6.0-2] and only once they are stored, packet ids that are
free [MQTT-2.3.1-4]. What a message is worth and who gets it is `routing`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from mytracks.mqtt.protocol.codec import Decoder, Oversize, PacketSizes
from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.flow import Misused, Owed, Window
from mytracks.mqtt.protocol.packets.acknowledgements import Puback
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect, ForeignConnect
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish, encode_publish
from mytracks.mqtt.protocol.packets.subscribe import (
    FAILURE,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from mytracks.mqtt.protocol.topics import check_depth


@frozen
class ConnectionLimits:
    """`sizes`: of packets. `max_early`: bytes kept behind a CONNECT that is not answered yet.

    `max_topic_levels`: of names, filters and Wills. `max_inflight`: QoS 1 messages sent to the
    peer and not acknowledged.
    """

    sizes: PacketSizes = field(factory=PacketSizes)
    max_early: int = 128 * 1024
    max_topic_levels: int = 200
    max_inflight: int = 20


class State(Enum):
    """Where a connection stands."""

    __hash__ = object.__hash__  # Enum's own is a Python function; these are looked up all the time

    AWAITING_CONNECT = "nothing but CONNECT may come"
    DECIDING = "CONNECT came; `accept` or `refuse` has to follow, what comes meanwhile is kept"
    REFUSING = "CONNECT of an unknown level came; only `refuse` may follow"
    CONNECTED = "accepted"
    CLOSED = "nothing is read or said any more"


@frozen
class Connecting:
    """Somebody wants in: answer with `accept` or `refuse`."""

    connect: Connect


@frozen
class UnsupportedLevel:
    """CONNECT of a level we do not speak: `refuse` with UNACCEPTABLE_LEVEL, then close."""

    level: int


@frozen
class Published:
    """With QoS 1 a PUBACK is owed: call `stored` once the message is durable."""

    publish: Publish


@frozen
class TooLarge:
    """A PUBLISH of `size` bytes, above the limit. Acknowledge it as any other.

    `publish.payload` holds the first 64 KiB, the rest is lost.
    """

    publish: Publish
    size: int


@frozen
class Subscribing:
    """Answer with `suback`."""

    subscribe: Subscribe


@frozen
class Unsubscribing:
    """Answer with `unsuback`."""

    unsubscribe: Unsubscribe


@frozen
class Acknowledged:
    """The peer has taken the delivery with this packet id; the window has room again."""

    packet_id: int


@frozen
class Pinged:
    """Answer with `pingresp`."""


@frozen
class Disconnected:
    """The peer left in good order: forget its Will [MQTT-3.14.4-3] and close."""


@frozen
class Violated:
    """The peer broke `rule`: close [MQTT-4.8.0-1]. Always the last event."""

    rule: str
    text: str


Event: TypeAlias = (
    Connecting
    | UnsupportedLevel
    | Published
    | TooLarge
    | Subscribing
    | Unsubscribing
    | Acknowledged
    | Pinged
    | Disconnected
    | Violated
)


class Cue(Enum):
    """What our own side may ask of a connection."""

    __hash__ = object.__hash__

    ACCEPT = "accept"
    REFUSE = "refuse"
    SPEAK = "anything that is said to a connected peer"


# Looking a member up on its Enum takes Python 3.11 longer than decoding a topic.
_SPEAK: Final = Cue.SPEAK
_CLOSED: Final = State.CLOSED

CUES: Final[Mapping[tuple[State, Cue], State]] = {
    (State.DECIDING, Cue.ACCEPT): State.CONNECTED,
    (State.DECIDING, Cue.REFUSE): State.CLOSED,
    (State.REFUSING, Cue.REFUSE): State.CLOSED,
    (State.CONNECTED, Cue.SPEAK): State.CONNECTED,
    # Decisions and commits may end after the connection did: what they say is said to nobody.
    (State.CLOSED, Cue.ACCEPT): State.CLOSED,
    (State.CLOSED, Cue.REFUSE): State.CLOSED,
    (State.CLOSED, Cue.SPEAK): State.CLOSED,
}
"""Our own inputs. An absent pair is our mistake: Misused."""


class Connection:
    """One connection, from its first byte to its last."""

    __slots__ = (
        "_connect",
        "_decoder",
        "_limits",
        "_owed",
        "_window",
        "state",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._decoder = Decoder(limits.sizes)
        self.state = State.AWAITING_CONNECT
        self._connect: Connect | None = None
        self._owed = Owed()
        self._window = Window(limits.max_inflight)

    @property
    def inflight(self) -> int:
        """How many deliveries the peer has not acknowledged."""
        return len(self._window)

    @property
    def kept(self) -> int:
        """Bytes of packets that are not complete, or wait for the CONNECT to be answered."""
        return self._decoder.kept

    def forget(self) -> None:
        """Nothing more will be received: of what is not complete, keep nothing."""
        self._decoder.forget()

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes, cut anywhere; give back the events that they complete, in order.

        While the state is DECIDING nothing comes out: stop reading then, for what is kept is
        bounded.
        """
        if not REACTIONS[self.state] and self.state is not State.DECIDING:
            return []
        self._decoder.feed(data)
        return self._drain()

    def accept(self, session_present: bool) -> tuple[bytes, list[Event]]:
        """The CONNECT is good: CONNACK, and the events that waited behind it [MQTT-3.1.4-5]."""
        connect = self._connect
        if self._turn(Cue.ACCEPT) is State.CLOSED or connect is None:
            return b"", []
        self._decoder.accept(connect.level)
        # Held for as long as the connection lasts: no longer the password, nor a large Will.
        self._connect = evolve(connect, will=None, username=None, password=None)
        # Level 3 knows no such flag; a clean session was never there before [MQTT-3.2.2-1].
        present = session_present and connect.level == 4 and not connect.clean_session
        return Connack(present, ConnackCode.ACCEPTED).encode(), self._drain()

    def refuse(self, code: ConnackCode) -> bytes:
        """The CONNECT is not good: CONNACK, then close [MQTT-3.2.2-5]. Nothing else is read."""
        closed_before = self.state is State.CLOSED
        self._turn(Cue.REFUSE)
        return b"" if closed_before else Connack(False, code).encode()

    def stored(self, packet_id: int) -> bytes:
        """The oldest unstored PUBLISH with this id is durable: the PUBACKs now due, in order."""
        if self._turn(_SPEAK) is _CLOSED:
            return b""
        return self._owed.stored(packet_id)

    def suback(self, packet_id: int, codes: Sequence[int]) -> bytes:
        """The answer to SUBSCRIBE. Level 3 has no FAILURE: there it looks like QoS 0 granted."""
        if self._turn(_SPEAK) is _CLOSED:
            return b""
        if self._connect is not None and self._connect.level == 3:
            codes = [0 if code == FAILURE else code for code in codes]
        return Suback(packet_id, tuple(codes)).encode()

    def unsuback(self, packet_id: int) -> bytes:
        """The answer to UNSUBSCRIBE."""
        return self._say(Unsuback(packet_id).encode())

    def pingresp(self) -> bytes:
        """The answer to PINGREQ."""
        return self._say(Pingresp().encode())

    def deliver(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,
        dup: bool = False,
        packet_id: int | None = None,
    ) -> bytes | None:
        """A PUBLISH to the peer, QoS 0 or 1. None: not now, the window is full or all is over.

        `packet_id`: for a message that is sent again [MQTT-2.3.1-4]; else the next free one.
        """
        if self._turn(_SPEAK) is _CLOSED:
            return None
        if qos == 0:
            return encode_publish(topic, payload, 0, retain, False, None)
        if self._window.full:
            return None
        packet_id = self._window.take(packet_id)
        return encode_publish(topic, payload, qos, retain, dup, packet_id)

    def _drain(self) -> list[Event]:
        events: list[Event] = []
        take = self._decoder.take
        try:
            while (reactions := REACTIONS[self.state]) and (packet := take()) is not None:
                reaction = reactions.get(packet.__class__)
                if reaction is None:
                    raise MalformedPacket("MQTT-4.8.0-1", "a packet that has no place here")
                self.state, react = reaction
                event = react(self, packet)
                if event is not None:
                    events.append(event)
            if not reactions and self._flooded():
                raise MalformedPacket("max_early", "too much came before CONNECT was answered")
        except MalformedPacket as broken:
            self.state = State.CLOSED
            events.append(Violated(broken.rule, broken.text))
        return events

    def _flooded(self) -> bool:
        return self.state is State.DECIDING and self._decoder.untaken > self._limits.max_early

    def _turn(self, cue: Cue) -> State:
        following = CUES.get((self.state, cue))
        if following is None:
            raise Misused(f"cannot {cue.value}: {self.state.value}")
        self.state = following
        return following

    def _say(self, data: bytes) -> bytes:
        return b"" if self._turn(_SPEAK) is _CLOSED else data

    # Reactions to packets, named by REACTIONS below.

    def _connecting(self, connect: Connect) -> Event:
        if connect.will is not None:
            check_depth(connect.will.topic, self._limits.max_topic_levels)
        self._connect = connect
        return Connecting(connect)

    def _foreign(self, connect: ForeignConnect) -> Event:
        return UnsupportedLevel(connect.level)

    def _published(self, publish: Publish) -> Event:
        check_depth(publish.topic, self._limits.max_topic_levels)
        if publish.qos == 2:
            raise MalformedPacket("MQTT-3.3.4-1", "QoS 2 is not spoken here")
        if publish.packet_id is not None:
            self._owed.arrived(publish.packet_id)
        return Published(publish)

    def _too_large(self, oversize: Oversize) -> Event:
        self._published(oversize.publish)
        return TooLarge(oversize.publish, oversize.size)

    def _acknowledged(self, puback: Puback) -> Event | None:
        if not self._window.free(puback.packet_id):
            return None  # Left over from a session that we do not know; no harm in it.
        return Acknowledged(puback.packet_id)

    def _subscribing(self, subscribe: Subscribe) -> Event:
        for topic_filter, _qos in subscribe.requests:
            check_depth(topic_filter, self._limits.max_topic_levels)
        return Subscribing(subscribe)

    def _unsubscribing(self, unsubscribe: Unsubscribe) -> Event:
        for topic_filter in unsubscribe.filters:
            check_depth(topic_filter, self._limits.max_topic_levels)
        return Unsubscribing(unsubscribe)

    def _pinged(self, _pingreq: Pingreq) -> Event:
        return Pinged()

    def _disconnected(self, _disconnect: Disconnect) -> Event:
        return Disconnected()


_Reaction: TypeAlias = Callable[[Connection, Any], Event | None]

REACTIONS: Final[Mapping[State, Mapping[type, tuple[State, _Reaction]]]] = {
    State.AWAITING_CONNECT: {
        Connect: (State.DECIDING, Connection._connecting),
        ForeignConnect: (State.REFUSING, Connection._foreign),
    },
    State.DECIDING: {},
    State.REFUSING: {},
    State.CONNECTED: {
        Publish: (State.CONNECTED, Connection._published),
        Oversize: (State.CONNECTED, Connection._too_large),
        Puback: (State.CONNECTED, Connection._acknowledged),
        Subscribe: (State.CONNECTED, Connection._subscribing),
        Unsubscribe: (State.CONNECTED, Connection._unsubscribing),
        Pingreq: (State.CONNECTED, Connection._pinged),
        Disconnect: (State.CLOSED, Connection._disconnected),
    },
    State.CLOSED: {},
}
"""What a packet from the peer does: the state after it, and what makes its event. An absent pair
is the peer's mistake: Violated. DECIDING, REFUSING and CLOSED take no packet at all."""
