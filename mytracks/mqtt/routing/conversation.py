"""What is said between the broker and a client that was let in.

Each event of its connection becomes a question to the gatekeeper, a publish, a subscription or an
answer. How long it lasts, and how much of it is heard in one turn, is `client`'s.
"""

from typing import Final, Generic, Protocol

from twisted.logger import Logger

from mytracks.mqtt.protocol.connection import (
    Acknowledged,
    Connection,
    Event,
    Pinged,
    Published,
    Subscribing,
    TooLarge,
    Unsubscribing,
)
from mytracks.mqtt.protocol.packets.connect import Will
from mytracks.mqtt.protocol.packets.subscribe import FAILURE
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.inbound import Inbound
from mytracks.mqtt.routing.ports import Facts, Kept, Message, Who
from mytracks.mqtt.routing.registry import Subscribers
from mytracks.mqtt.routing.session import Session

HIGHEST_QOS: Final = 1


class Owner(Protocol):
    """The client whose conversation it is."""

    def progressed(self) -> None:
        """There is room for more publishes."""

    def broken(self) -> None:
        """A fault of ours: the connection has to end."""


class Conversation(Generic[Who, Facts, Kept]):
    """Implements `inbound.Publisher`."""

    __slots__ = (
        "_exchange",
        "_inbound",
        "_machine",
        "_owner",
        "_registry",
        "_will",
        "owner",
        "session",
    )

    log = Logger()

    def __init__(
        self,
        session: Session[Who],
        machine: Connection,
        exchange: Exchange[Who, Facts, Kept],
        registry: Subscribers,
        owner: Owner,
    ) -> None:
        self.session = session
        self.owner: Final = exchange.owner(session.who)
        self._machine = machine
        self._exchange = exchange
        self._registry = registry
        self._owner = owner
        self._inbound: Inbound[Who, Facts, Kept] | None = None
        self._will: Will | None = None

    def bequeath(self, will: Will | None) -> None:
        """Keep the Will [MQTT-3.1.2-8], if it may be published at all."""
        if will is not None and self._permits(will.topic, will.payload):
            self._will = will

    def forget_will(self) -> None:
        """The client leaves in good order [MQTT-3.1.2-10], or the broker does."""
        self._will = None

    def hear(self, event: Event) -> None:
        """Do what `event` asks for."""
        match event:
            case Published():
                self._published(event)
            case Acknowledged():
                self.session.acknowledged()
            case Pinged():
                self.session.write(self._machine.pingresp())
            case Subscribing():
                self._subscribing(event)
            case Unsubscribing():
                self._unsubscribing(event)
            case TooLarge():
                self._too_large(event)

    def choked(self, share: int) -> bool:
        """Whether more than 1/`share` of what may be unfinished is: then hear no more."""
        if self.session.clogged:
            return True
        if self._inbound is None:
            return False
        limits = self._exchange.terms.limits
        return (
            self._inbound.load * share >= limits.max_unstored
            or self._inbound.bytes * share >= limits.max_unstored_bytes
        )

    def end(self) -> None:
        """It is over: nothing more is sent, the Will is published [MQTT-3.1.2-8]."""
        self.session.close()
        ended = self._exchange.leave(self.session)
        self._registry.leave(self.session.namespace, self.session.client_id, ended)
        try:
            if self._will is not None:
                self._publish_will(self._will)
        except Exception:  # noqa: BLE001
            # A fault of the host must not keep the connection from ending.
            self.log.failure("the Will of {client} failed", client=self.session.client_id)
        if self._inbound is not None:
            self._inbound.hang_up()

    # What becomes of publishes (inbound.Publisher).

    def stored(self, packet_id: int | None) -> None:
        """Acknowledge [MQTT-4.3.2-2]; the machine keeps the order [MQTT-4.6.0-2]."""
        if packet_id is not None:
            due = self._machine.stored(packet_id)
            if due:
                self.session.write(due)

    def progressed(self) -> None:
        """A publish has gone its way."""
        self._owner.progressed()

    def broken(self) -> None:
        """A publish cannot be stored: this connection ends, no other [MQTT-4.8.0-2]."""
        self._owner.broken()

    def _published(self, event: Published) -> None:
        publish = event.publish
        topic, payload, packet_id = publish.topic, publish.payload, publish.packet_id
        if not self._permits(topic, payload):
            self.stored(packet_id)  # [MQTT-3.3.5-2]
            return
        self._take(Message(topic, payload, publish.qos, publish.retain), packet_id)

    def _too_large(self, event: TooLarge) -> None:
        topic, head = event.publish.topic, event.publish.payload
        if not self._permits(topic, head):
            self.stored(event.publish.packet_id)
            return
        facts = self._exchange.oversize(self.session.who, topic, head, event.size)
        self._line().take(None, facts, event.publish.packet_id, len(head))

    def _publish_will(self, will: Will) -> None:
        """Rights may have changed since CONNECT, so they are asked for again."""
        if self._permits(will.topic, will.payload):
            qos = min(will.qos, HIGHEST_QOS)
            self._take(Message(will.topic, will.payload, qos, will.retain), None)

    def _take(self, message: Message, packet_id: int | None) -> None:
        message, facts = self._exchange.take(self.session.who, message)
        self._line().take(message, facts, packet_id, len(message.payload))

    def _permits(self, topic: str, payload: bytes) -> bool:
        return self._exchange.permits(self.session.who, topic, payload)

    def _line(self) -> Inbound[Who, Facts, Kept]:
        if self._inbound is None:
            self._inbound = Inbound(self._exchange, self)
        return self._inbound

    def _subscribing(self, event: Subscribing) -> None:
        """SUBACK at once, for all filters together [MQTT-3.8.4-4], then what is retained."""
        asked = event.subscribe
        codes = [self._subscribe(topic_filter, wished) for topic_filter, wished in asked.requests]
        self.session.write(self._machine.suback(asked.packet_id, codes))
        for (topic_filter, _), code in zip(asked.requests, codes, strict=True):
            if code != FAILURE:
                self._exchange.show_retained(self.session, topic_filter, code)

    def _subscribe(self, topic_filter: str, wished: int) -> int:
        granted = min(wished, HIGHEST_QOS)
        namespace = self.session.namespace
        if self._exchange.has(self.session, topic_filter):
            self._exchange.subscribe(self.session, topic_filter, granted)  # [MQTT-3.8.4-3]
        elif self._registry.may_subscribe(namespace):
            self._exchange.subscribe(self.session, topic_filter, granted)
            self._registry.subscribed(namespace, 1)
        else:
            self._exchange.terms.counters.ungranted += 1
            return FAILURE
        return granted

    def _unsubscribing(self, event: Unsubscribing) -> None:
        for topic_filter in event.unsubscribe.filters:
            if self._exchange.unsubscribe(self.session, topic_filter):
                self._registry.subscribed(self.session.namespace, -1)
        packet_id = event.unsubscribe.packet_id
        self.session.write(self._machine.unsuback(packet_id))  # [MQTT-3.10.4-5]
