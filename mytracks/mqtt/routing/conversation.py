"""What is said between the broker and a client that was let in.

Each event of its connection becomes a question to the gatekeeper, a publish, a subscription or an
answer. How long it lasts, and how much of it is heard in one turn, is `client`'s.
"""

from collections.abc import Collection
from functools import partial
from typing import Final, Generic, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.protocol.events import (
    Acknowledged,
    Completed,
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
)
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing import entries
from mytracks.mqtt.routing.changes import Arrived, Departed
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.inbound import Inbound
from mytracks.mqtt.routing.outgoing import DurableOutgoing
from mytracks.mqtt.routing.parcel import Parcel
from mytracks.mqtt.routing.ports import Facts, Kept, Message, Peer, Who
from mytracks.mqtt.routing.registry import Connected
from mytracks.mqtt.routing.session import CleanSession, Outgoing
from mytracks.mqtt.routing.sessions import Opening
from mytracks.mqtt.routing.subscribing import Subscriber
from mytracks.mqtt.routing.wire import Wire

ACKNOWLEDGEMENT: Final = 4
"""Bytes of a PUBACK or PUBREC."""


class Owner(Protocol):
    """The client whose conversation it is."""

    def opened(self, present: bool) -> None:
        """What CONNACK promises is durable; `present`: there was a session [MQTT-3.2.2-2]."""

    def unopened(self, failure: Failure) -> None:
        """It could not be stored."""

    def too_many(self) -> None:
        """Its user has too many sessions."""

    def progressed(self) -> None:
        """There is room for more publishes."""

    def broken(self) -> None:
        """A fault of ours: the connection has to end."""


class Conversation(Generic[Who, Facts, Kept]):
    """Implements `inbound.Publisher`. `durable`: its session, if that outlasts the connection."""

    __slots__ = (
        "_arriving",
        "_exchange",
        "_inbound",
        "_machine",
        "_outgoing",
        "_owner",
        "_postponed",
        "_publisher",
        "_registry",
        "_replaced",
        "_subscriber",
        "_will",
        "client_id",
        "durable",
        "namespace",
        "refused",
        "refused_topic",
        "since",
        "who",
        "wire",
    )

    log = Logger()

    def __init__(
        self,
        who: Who,
        namespace: str,
        client_id: str,
        wire: Wire,
        machine: Connection,
        exchange: Exchange[Who, Facts, Kept],
        registry: Connected,
        owner: Owner,
    ) -> None:
        self.who: Final = who
        self.namespace: Final = namespace
        self.client_id: Final = client_id
        self.wire: Final = wire
        self.durable: DurableSession[Who] | None = None
        self.since = exchange.terms.clock.now()
        self.refused, self.refused_topic = 0, ""
        self._machine = machine
        self._exchange = exchange
        self._registry = registry
        self._owner = owner
        self._publisher = exchange.owner(who)
        self._outgoing: Outgoing | None = None
        self._subscriber: Subscriber[Who] | None = None
        self._inbound: Inbound[Who, Facts, Kept] | None = None
        self._arriving: dict[int, bool] | None = None
        self._will: Message | None = None
        self._replaced = False
        self._postponed = False

    # Its beginning and its end.

    def open(self, connect: Connect) -> None:
        """Find or make the session, store that and the Will [MQTT-3.1.2-8], if it may be published
        at all; then the owner is told.
        """
        exchange, who = self._exchange, self.who
        will = connect.will
        if will is not None:
            topic = exchange.terms.gatekeeper.meant_topic(who, will.topic)
            if exchange.permits(who, topic, will.payload):
                self._will = Message(topic, will.payload, will.qos, will.retain)
        mark = exchange.terms.gatekeeper.mark(who)
        opening = exchange.sessions.open(
            who, mark, self.namespace, self.client_id, connect.level, connect.clean_session
        )
        if opening is None:
            self._owner.too_many()
            return
        self.durable = opening.session
        left = exchange.wills.at_connect(self.namespace, self.client_id, mark, self._will)
        changes = (*opening.changes, *left)
        if not changes:
            self._owner.opened(opening.present)
            return
        exchange.ledger.record((), changes, self._opened, self._unopened, opening)

    @property
    def unreleased(self) -> Collection[int]:
        """The QoS 2 packet ids that arrived over earlier connections and were not released."""
        return () if self.durable is None else self.durable.unreleased

    def begin(self, connack: bytes) -> None:
        """CONNACK, then all the rest [MQTT-3.2.0-1]."""
        self.wire.write(connack)
        exchange, who = self._exchange, self.who
        if self.durable is None:
            clean = CleanSession(who, self.namespace, self.client_id, self.wire, exchange.terms)
            self._outgoing = clean
            self._subscriber = Subscriber(who, clean, clean, self.wire, self._machine, exchange)
            return
        outgoing = DurableOutgoing(
            self.durable, who, self.wire, exchange.terms, exchange.ledger, exchange
        )
        self._outgoing = self.durable.outgoing = outgoing
        self._subscriber = Subscriber(
            who, self.durable, outgoing, self.wire, self._machine, exchange
        )

    def forget_will(self) -> None:
        """The client leaves in good order [MQTT-3.1.2-10]."""
        self._will = None

    def postpone_will(self) -> None:
        """The broker leaves: the Will is published after its next start [MQTT-3.1.2-8]."""
        self._postponed = True

    def replaced(self) -> None:
        """It ends because its client came again: whoever is watched by the Will is not lost."""
        self._replaced = True

    def silence(self) -> None:
        """The client is gone, but what it said is still heard: nothing more is sent."""
        self.wire.close()
        if self._outgoing is not None:
            self._outgoing.close()

    def end(self) -> None:
        """It is over: nothing more is sent, the Will is published [MQTT-3.1.2-8]."""
        self.silence()
        self._registry.leave(self.namespace, self.client_id)
        begun = self._outgoing is not None
        if self._subscriber is not None:
            self._subscriber.end()
        if self.durable is not None and begun:
            self.durable.outgoing = None
            seen = self._exchange.sessions.left(self.durable)
            if seen is not None:
                self._exchange.ledger.later(seen)
            self._exchange.ledger.later(self.durable.unmark)
        try:
            # Of who was never told that they are let in there is nothing to publish.
            if not (self._postponed and begun):
                self._execute(self._will if begun else None)
        except Exception:  # noqa: BLE001
            # A fault of the host must not keep the connection from ending.
            self.log.failure("the Will of {client} failed", client=self.client_id)
        if self._inbound is not None:
            self._inbound.hang_up()

    # What it says.

    def hear(self, event: Event) -> None:
        """Do what `event` asks for."""
        if event.__class__ is Published:
            self._published(event)
            return
        outgoing, subscriber = self._outgoing, self._subscriber
        if outgoing is None or subscriber is None:
            return  # Nothing is heard before CONNACK.
        match event:
            case Acknowledged():
                outgoing.acknowledged(event.packet_id)
            case Pinged():
                self.wire.write(self._machine.pingresp())
            case Released():
                self._released(event)
            case Received():
                outgoing.received(event.packet_id)
            case Completed():
                outgoing.completed(event.packet_id)
            case Repeated():
                self.wire.write(self._machine.repeated(event.packet_id))
            case ReleaseMissed():
                self.wire.write(self._machine.release_again(event.packet_id))
            case Subscribing():
                subscriber.subscribe(event.subscribe)
            case Unsubscribing():
                subscriber.unsubscribe(event.unsubscribe)
            case TooLarge():
                self._too_large(event)

    def tell(self, peer: Peer, heard: float) -> entries.Connected:
        """How it stands, for administrators."""
        return entries.connected(
            self,
            self._machine,
            peer=peer,
            heard=heard,
            subscriptions=0 if self._subscriber is None else self._subscriber.count,
            waiting=0 if self._outgoing is None else self._outgoing.waiting,
            will=self._will is not None,
        )

    def drained(self) -> None:
        """The transport has sent everything."""
        self.wire.drain()
        if self._outgoing is not None:
            self._outgoing.drained()

    def choked(self, share: int) -> bool:
        """Whether more than 1/`share` of what may be unfinished is: then hear no more."""
        if self.wire.clogged:
            return True
        if self._inbound is None:
            return False
        limits = self._exchange.terms.limits
        return (
            self._inbound.load * share >= limits.max_unstored
            or self._inbound.bytes * share >= limits.max_unstored_bytes
        )

    # What becomes of publishes (inbound.Publisher).

    def stored(self, packet_id: int | None) -> None:
        """Acknowledge [MQTT-4.3.2-2]; the machine keeps the order [MQTT-4.6.0-2]."""
        if packet_id is None:
            return
        if self._arriving:
            self._arrived(packet_id)
        due = self._machine.stored(packet_id)
        if due:
            self.wire.write(due, len(due) // ACKNOWLEDGEMENT)

    def progressed(self) -> None:
        """A publish has gone its way."""
        self._owner.progressed()

    def broken(self) -> None:
        """A publish cannot be stored: this connection ends, no other [MQTT-4.8.0-2]."""
        self._owner.broken()

    def _published(self, event: Published) -> None:
        publish = event.publish
        payload, packet_id = publish.payload, publish.packet_id
        topic = self._exchange.terms.gatekeeper.meant_topic(self.who, publish.topic)
        if not self._permits(topic, payload):
            self.stored(packet_id)  # [MQTT-3.3.5-2]
            return
        message = Message(topic, payload, publish.qos, publish.retain)
        parcel = self._exchange.take(self.who, self._publisher, message, packet_id)
        self._take(parcel, publish.qos)

    def _too_large(self, event: TooLarge) -> None:
        publish = event.publish
        head, packet_id = publish.payload, publish.packet_id
        topic = self._exchange.terms.gatekeeper.meant_topic(self.who, publish.topic)
        if not self._permits(topic, head):
            self.stored(packet_id)
            return
        parcel = self._exchange.take_oversize(
            self.who, self._publisher, topic, head, event.size, packet_id
        )
        self._take(parcel, publish.qos)

    def _execute(self, will: Message | None) -> None:
        """Rights may have changed since CONNECT, so they are asked for again."""
        if will is None or not self._permits(will.topic, will.payload):
            free = partial(self._registry.free, self.namespace, self.client_id)
            self._exchange.wills.gone(self.namespace, self.client_id, free)
            return
        parcel = self._exchange.take(self.who, self._publisher, will)
        if self._replaced:
            parcel.facts = None
        parcel.extra = self._exchange.wills.with_it(self.namespace, self.client_id)
        self._line().take(parcel)

    def _take(self, parcel: Parcel[Who, Facts], qos: int) -> None:
        if qos == 2 and parcel.packet_id is not None:
            if self._arriving is None:
                self._arriving = {}
            self._arriving[parcel.packet_id] = False
            if self.durable is not None:
                parcel.extra = (Arrived(self.durable.number, parcel.packet_id),)
        self._line().take(parcel)

    def _permits(self, topic: str, payload: bytes) -> bool:
        if self._exchange.permits(self.who, topic, payload):
            return True
        self.refused += 1
        self.refused_topic = topic
        return False

    def _line(self) -> Inbound[Who, Facts, Kept]:
        if self._inbound is None:
            self._inbound = Inbound(self._exchange, self)
        return self._inbound

    # Exactly once [MQTT-4.3.3-2].

    def _arrived(self, packet_id: int) -> None:
        """A QoS 2 message is durable, and so is that its packet id is in use."""
        released = self._arriving.pop(packet_id, None) if self._arriving is not None else None
        if released is None:
            return
        if self.durable is not None:
            self.durable.unreleased.add(packet_id)
        if released:
            self._depart(packet_id)

    def _released(self, event: Released) -> None:
        """The packet id is free, once that is durable."""
        packet_id = event.packet_id
        if self._arriving and packet_id in self._arriving:
            self._arriving[packet_id] = True  # It is said before we answered: in its turn.
        else:
            self._depart(packet_id)

    def _depart(self, packet_id: int) -> None:
        session = self.durable
        if session is None or packet_id not in session.unreleased:
            self.wire.write(self._machine.completed(packet_id))
            return
        departed = Departed(session.number, packet_id)
        self._exchange.ledger.soon(
            lambda: departed if packet_id in session.unreleased else None,
            partial(self._departed, session, packet_id),
        )

    def _departed(self, session: DurableSession[Who], packet_id: int) -> None:
        session.unreleased.discard(packet_id)
        self.wire.write(self._machine.completed(packet_id))

    def _opened(self, opening: Opening[Who]) -> None:
        if self.durable is not None and self.durable.ended:
            self._owner.unopened(Failure(Unavailable("The session ended meanwhile.")))
        else:
            self._owner.opened(opening.present)

    def _unopened(self, failure: Failure, opening: Opening[Who]) -> None:
        for change in self._exchange.sessions.unopened(opening):
            self._exchange.ledger.later(change)
        self._owner.unopened(failure)
