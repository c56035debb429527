"""The server's half of one MQTT connection: bytes in, events out; answers are further inputs.

No socket, no clock, no log. Who carries the bytes writes whatever a method returns, in the order
of the calls. The machine holds what the protocol says about order: CONNACK first [MQTT-3.2.0-1],
PUBACK and PUBREC as the PUBLISHes came [MQTT-4.6.0-2, -3] and only once they are stored, PUBREL as
the PUBRECs came [MQTT-4.6.0-4], packet ids that are free [MQTT-2.3.1-4]. What a message is worth
and who gets it is `routing`'s.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from mytracks.mqtt.protocol.codec import Decoder, Oversize, PacketSizes
from mytracks.mqtt.protocol.events import (
    Acknowledged,
    Completed,
    Connecting,
    Disconnected,
    Event,
    Pinged,
    Published,
    Received,
    Released,
    ReleaseMissed,
    Repeated,
    Subscribing,
    TooLarge,
    Unsubscribing,
    UnsupportedLevel,
    Violated,
)
from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.flow import PUBACK, Misused, Owed
from mytracks.mqtt.protocol.packets.acknowledgements import Puback, Pubcomp, Pubrec, Pubrel
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect, ForeignConnect
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish, encode_publish
from mytracks.mqtt.protocol.packets.subscribe import (
    CODES,
    FAILURE,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from mytracks.mqtt.protocol.states import CUES, Cue, State
from mytracks.mqtt.protocol.topics import check_depth
from mytracks.mqtt.protocol.unreleased import Unreleased
from mytracks.mqtt.protocol.window import Window, released


@frozen
class ConnectionLimits:
    """`sizes`: of packets. `max_early`: bytes kept behind a CONNECT that is not answered yet.

    `max_topic_levels`: of names, filters and Wills. `max_inflight`: messages with QoS 1 and 2 that
    were sent to the peer and are not finished. `max_unreleased`: messages with QoS 2 that the peer
    sent and did not release; one more is a violation.
    """

    sizes: PacketSizes = field(factory=PacketSizes)
    max_early: int = 128 * 1024
    max_topic_levels: int = 200
    max_inflight: int = 20
    max_unreleased: int = 100


# Looking a member up on its Enum takes Python 3.11 longer than decoding a topic.
_SPEAK: Final = Cue.SPEAK
_CLOSED: Final = State.CLOSED


class Connection:
    """One connection, from its first byte to its last."""

    __slots__ = (
        "_connect",
        "_decoder",
        "_limits",
        "_owed",
        "_unreleased",
        "_window",
        "state",
        "whole",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._decoder = Decoder(limits.sizes)
        self.state = State.AWAITING_CONNECT
        self.whole = False
        """Whether the last bytes completed a packet of which no event was made."""
        self._connect: Connect | None = None
        self._owed = Owed()
        self._unreleased = Unreleased(limits.max_unreleased, self._owed)
        self._window = Window(limits.max_inflight)

    @property
    def connect(self) -> Connect | None:
        """What the peer said of itself; once accepted, without its Will and credentials."""
        return self._connect

    @property
    def inflight(self) -> int:
        """How many deliveries the peer has not finished."""
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
        self.whole = False
        self._decoder.feed(data)
        return self._drain()

    def accept(
        self, session_present: bool, unreleased: Collection[int] = ()
    ) -> tuple[bytes, list[Event]]:
        """The CONNECT is good: CONNACK, and the events that waited behind it [MQTT-3.1.4-5].

        `unreleased`: ids of QoS 2 messages that the session received and that were not released.
        """
        connect = self._connect
        if self._turn(Cue.ACCEPT) is State.CLOSED or connect is None:
            return b"", []
        self._decoder.accept(connect.level)
        # Held for as long as the connection lasts: no longer the password, nor a large Will.
        self._connect = evolve(connect, will=None, username=None, password=None)
        present = False
        if not connect.clean_session:  # A clean one was never there before [MQTT-3.2.2-1].
            self._unreleased.inherit(unreleased)
            present = session_present and connect.level == 4  # Level 3 knows no such flag.
        return Connack(present, ConnackCode.ACCEPTED).encode(), self._drain()

    def refuse(self, code: ConnackCode) -> bytes:
        """The CONNECT is not good: CONNACK, then close [MQTT-3.2.2-5]. Nothing else is read."""
        closed_before = self.state is State.CLOSED
        self._turn(Cue.REFUSE)
        self.forget()
        return b"" if closed_before else Connack(False, code).encode()

    def stored(self, packet_id: int) -> bytes:
        """The oldest unstored PUBLISH with this id is durable: PUBACKs and PUBRECs now due, in
        order.
        """
        if self._turn(_SPEAK) is _CLOSED:
            return b""
        return self._owed.stored(packet_id)

    def repeated(self, packet_id: int) -> bytes:
        """The answer to a repeated PUBLISH: PUBREC, unless it has to wait for its turn."""
        return b"" if self._turn(_SPEAK) is _CLOSED else self._owed.due()

    def completed(self, packet_id: int) -> bytes:
        """The answer to PUBREL. What comes next under this id is a new message."""
        if self._turn(_SPEAK) is _CLOSED:
            return b""
        return self._unreleased.completed(packet_id)

    def release(self, packet_id: int) -> bytes:
        """The answer to PUBREC: PUBRELs now due, in order. Also for each delivery that was received
        over an earlier connection of the session, right after `accept`.
        """
        return b"" if self._turn(_SPEAK) is _CLOSED else self._window.release(packet_id)

    def release_again(self, packet_id: int) -> bytes:
        """The answer to a PUBREC for which there is nothing to keep."""
        return self._say(released(packet_id))

    def suback(self, packet_id: int, codes: Sequence[int]) -> bytes:
        """The answer to SUBSCRIBE. Level 3 has no FAILURE: there it looks like QoS 0 granted."""
        if not CODES.issuperset(codes):
            raise Misused("SUBACK has no such code")  # [MQTT-3.9.3-2]
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
        """A PUBLISH to the peer. None: not now, the window is full or all is over.

        `packet_id`: for a message that is sent again [MQTT-2.3.1-4]; else the next free one.
        """
        if self._turn(_SPEAK) is _CLOSED:
            return None
        if qos == 0:
            return encode_publish(topic, payload, 0, retain, False, None)
        if self._window.full:
            return None
        packet_id = self._window.take(packet_id, qos)
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
                else:
                    self.whole = True
            if not reactions and self._flooded():
                raise MalformedPacket("max_early", "too much came before CONNECT was answered")
        except MalformedPacket as broken:
            self.state = State.CLOSED
            self.forget()
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
        self.forget()
        return UnsupportedLevel(connect.level)

    def _published(self, publish: Publish) -> Event:
        check_depth(publish.topic, self._limits.max_topic_levels)
        packet_id = publish.packet_id
        if packet_id is not None:
            if publish.qos == 1:
                self._owed.arrived(PUBACK | packet_id)
            elif not self._unreleased.published(packet_id):
                return Repeated(packet_id)
        return Published(publish)

    def _too_large(self, oversize: Oversize) -> Event:
        event = self._published(oversize.publish)
        return event if isinstance(event, Repeated) else TooLarge(oversize.publish, oversize.size)

    def _released(self, pubrel: Pubrel) -> Event | None:
        known = self._unreleased.released(pubrel.packet_id)
        return None if known is None else Released(pubrel.packet_id, known)

    def _acknowledged(self, puback: Puback) -> Event | None:
        packet_id = puback.packet_id
        return Acknowledged(packet_id) if self._window.acknowledged(packet_id) else None

    def _received(self, pubrec: Pubrec) -> Event | None:
        new = self._window.received(pubrec.packet_id)
        if new is None:
            return None
        return Received(pubrec.packet_id) if new else ReleaseMissed(pubrec.packet_id)

    def _completed(self, pubcomp: Pubcomp) -> Event | None:
        packet_id = pubcomp.packet_id
        return Completed(packet_id) if self._window.completed(packet_id) else None

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
        self.forget()
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
        Pubrec: (State.CONNECTED, Connection._received),
        Pubrel: (State.CONNECTED, Connection._released),
        Pubcomp: (State.CONNECTED, Connection._completed),
        Subscribe: (State.CONNECTED, Connection._subscribing),
        Unsubscribe: (State.CONNECTED, Connection._unsubscribing),
        Pingreq: (State.CONNECTED, Connection._pinged),
        Disconnect: (State.CLOSED, Connection._disconnected),
    },
    State.CLOSED: {},
}
"""What a packet from the peer does: the state after it, and what makes its event. An absent pair
is the peer's mistake: Violated. DECIDING, REFUSING and CLOSED take no packet at all."""
