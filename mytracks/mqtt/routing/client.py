"""One client, from its first byte to its last.

Carriers bring bytes, of which the connection machine makes events. Here it is decided how the
stages of its life follow each other, how long silence is borne, and that there is one way out:
`_end`. How much is heard in one turn, and when, is `hearing`'s; what is said, `conversation`'s.
"""

from collections.abc import Callable
from typing import Final, Generic

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.protocol.connection import Connection
from mytracks.mqtt.protocol.events import (
    Connecting,
    Disconnected,
    Event,
    UnsupportedLevel,
    Violated,
)
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect
from mytracks.mqtt.routing.conversation import Conversation
from mytracks.mqtt.routing.door import Door
from mytracks.mqtt.routing.exchange import Exchange
from mytracks.mqtt.routing.hearing import SLOWEST, Hearing
from mytracks.mqtt.routing.link import Link
from mytracks.mqtt.routing.ports import Facts, Kept, Peer, Who
from mytracks.mqtt.routing.registry import Registry
from mytracks.mqtt.routing.stages import UNHEARD, Stage
from mytracks.mqtt.routing.wire import Wire

LINGER: Final = 5.0
"""Seconds that a closing connection has to take what was sent to it."""


class Client(Generic[Who, Facts, Kept]):
    """Implements `door.Guest`, `conversation.Owner`, `hearing.Hearer` and `incoming.Holder`.

    Carriers call `received`, `full`, `drained`, `garbled`, `lost`. `heard`: when it last said
    anything (clock seconds). `talk`: what is said with it; None: it is not let in, or it is over.
    """

    __slots__ = (
        "_connect",
        "_door",
        "_exchange",
        "_hearing",
        "_kept",
        "_link",
        "_machine",
        "_registry",
        "_silence",
        "_spun",
        "_stage",
        "_timer",
        "heard",
        "peer",
        "talk",
    )

    log = Logger()

    def __init__(
        self,
        link: Link,
        peer: Peer,
        machine: Connection,
        exchange: Exchange[Who, Facts, Kept],
        registry: "Registry[Client[Who, Facts, Kept]]",
        door: Door[Who],
        waited: float = 0.0,
    ) -> None:
        self.peer = peer
        self._link = link
        self._machine = machine
        self._exchange = exchange
        self._registry = registry
        self._door = door
        self.talk: Conversation[Who, Facts, Kept] | None = None
        self._hearing = Hearing(link, self, exchange.terms.clock)
        self.heard = 0.0
        self._kept = 0
        self._silence = 0.0
        self._spun = 0  # Bytes that came since it was heard.
        self._connect: Connect | None = None
        self._stage = Stage.ARRIVED
        self._timer: IDelayedCall | None = None
        self._wait(max(0.0, exchange.terms.limits.connect_timeout - waited), self._close)

    @property
    def who(self) -> Who | None:
        """Who this is; None before it is let in and once it is over."""
        return None if self.talk is None else self.talk.who

    # What carriers tell.

    def received(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self._stage in UNHEARD:
            return
        terms = self._exchange.terms
        now = terms.clock.seconds()
        events = self._machine.receive(data)
        self._spun += len(data)
        if events or self._machine.whole or self._spun >= SLOWEST * (now - self.heard):
            self.heard, self._spun = now, 0
        terms.counters.bytes_received += len(data)
        terms.counters.packets_received += len(events)
        self._hearing.listen(events)
        self._account()

    def full(self) -> None:
        """The transport holds as much as it wants to. May be told more than once."""
        if self.talk is not None:
            self.talk.wire.fill()

    def drained(self) -> None:
        """The transport has sent everything."""
        if self.talk is not None:
            self.talk.drained()
            self.progressed()

    def garbled(self, rule: str, text: str) -> None:
        """What carries its bytes is broken: nothing more comes that could be understood."""
        self._hearing.listen([Violated(rule, text)])

    def lost(self) -> None:
        """The connection is gone. What came over it before is still heard, in its turn."""
        conversation = self.talk
        if self._stage is Stage.CONNECTED and self._hearing.waiting and conversation is not None:
            self._stage = Stage.HUNG_UP
            self._wait(0, None)
            self._deafen()
            conversation.silence()  # Else it could wait for a transport that is gone.
            self.progressed()
        else:
            self._gone()

    # What the broker asks.

    def turn_away(self) -> None:
        """There are too many."""
        self._stage = Stage.TURNED_AWAY

    def cut(self, will: bool = True) -> None:
        """Close at once; `will`: whether the Will is published, if it still may be."""
        if not will and self.talk is not None:
            self.talk.forget_will()
        if self._stage is Stage.HUNG_UP:
            self._gone()
        else:
            self._end()
            self._link.abort()

    def quiesce(self) -> None:
        """The broker is closing: hear nothing more, but answer what was heard."""
        if self._stage is Stage.CONNECTED:
            self._stage = Stage.LEAVING
            self._hearing.forget()
            self._deafen()
            self._hearing.pause()
        elif self._stage is not Stage.HUNG_UP:
            self._close()

    def dismiss(self) -> None:
        """The broker is closing. A Will stays in the journal for its next start."""
        if self.talk is not None:
            self.talk.postpone_will()
        self._close()

    # What the door decides (door.Guest).

    @property
    def waiting(self) -> bool:
        """Whether it is still there to hear the decision."""
        return self._stage is Stage.DECIDING

    def welcome(self, who: Who, namespace: str, client_id: str, connect: Connect) -> None:
        """It is let in, as soon as what is promised by that is durable."""
        wire = Wire(self._machine, self._link, self._exchange.terms)
        conversation = Conversation(
            who, namespace, client_id, wire, self._machine, self._exchange, self._registry, self
        )
        self._registry.enter(namespace, client_id, self)
        self.talk = conversation
        self._stage = Stage.OPENING
        conversation.open(connect)

    def refuse(self, code: ConnackCode, reason: str) -> None:
        """It is not let in: say why and close [MQTT-3.2.2-5]."""
        self._exchange.terms.counters.refused += 1
        self._exchange.terms.incidents.refused(self.peer, self._connect, code, reason)
        connack = self._machine.refuse(code)
        self._exchange.terms.counters.answered += 1
        self._exchange.terms.counters.bytes_sent += len(connack)
        self._link.write(connack)
        self._close()

    def give_way(self) -> None:
        """A newer connection has its client id."""
        if self.talk is not None:
            self.talk.replaced()
        self._close()

    # What its conversation tells (conversation.Owner).

    def opened(self, present: bool) -> None:
        """CONNACK [MQTT-3.1.4-4], then what it said meanwhile [MQTT-3.1.4-5]."""
        connect, conversation = self._connect, self.talk
        if self._stage is not Stage.OPENING or conversation is None or connect is None:
            return
        self._stage = Stage.CONNECTED
        self._connect = None
        self._exchange.terms.counters.connected += 1
        self._exchange.terms.incidents.came(
            conversation.namespace, conversation.client_id, self.peer, connect.level
        )
        connack, events = self._machine.accept(present, conversation.unreleased)
        self._exchange.terms.counters.packets_received += len(events)
        conversation.begin(connack)
        self._watch(connect.keepalive)
        self._hearing.listen(events)
        self._account()

    def unopened(self, failure: Failure) -> None:
        """What would be promised could not be stored."""
        if failure.check(Unavailable) is None:
            self.log.failure("a session could not be opened", failure)
        if self._stage is Stage.OPENING:
            self.refuse(ConnackCode.SERVER_UNAVAILABLE, failure.getErrorMessage())

    def too_many(self) -> None:
        """Its user has too many sessions."""
        self.refuse(ConnackCode.SERVER_UNAVAILABLE, "the user has too many sessions")

    def progressed(self) -> None:
        """Less is unfinished. The broker calls it as well, when anybody is heard again."""
        self._hearing.progressed()

    def broken(self) -> None:
        """A fault of ours; this connection ends, no other [MQTT-4.8.0-2]."""
        self._close()

    # What all connections together keep (incoming.Holder).

    def hoarded(self) -> None:
        """All together keep too much of packets that are not complete, and this one the most."""
        self._violated(Violated("max_incoming_bytes", "too much of incomplete packets is kept"))

    def _account(self) -> None:
        kept = self._machine.kept
        if kept != self._kept:
            self._kept = kept
            self._exchange.terms.incoming.keeps(self, kept)

    def _deafen(self) -> None:
        """Nothing more is received: what is not complete never will be."""
        self._machine.forget()
        self._account()

    # What is heard (hearing.Hearer).

    @property
    def hears(self) -> bool:
        """Whether it has, or may have, something to say that is listened to."""
        return self._stage is Stage.CONNECTED or self._stage is Stage.HUNG_UP

    def choked(self, share: int) -> bool:
        """Whether more than 1/`share` of what may be unfinished is."""
        conversation = self.talk
        if conversation is None:
            return False
        return self._exchange.terms.incoming.unheard or conversation.choked(share)

    def react(self, event: Event) -> None:
        """Do what `event` asks for."""
        try:
            if self.talk is None or event.__class__ in CLOSING_EVENTS:
                self._begin_or_end(event)
            else:
                self.talk.hear(event)
        except Exception:  # noqa: BLE001
            # The host's fault or ours: this connection ends, no other [MQTT-4.8.0-2].
            self.log.failure("serving a client at {address} failed", address=self.peer.address)
            self._close()

    def heard_all(self) -> None:
        """Go on reading, if there is room; or be gone, if the client is."""
        if self._stage is Stage.HUNG_UP:
            self._gone()
        elif self._stage is Stage.CONNECTED:
            if self.choked(1):
                self._hearing.pause()
            elif self._hearing.resume():
                self.heard = self._exchange.terms.clock.seconds()

    def _begin_or_end(self, event: Event) -> None:
        match event:
            case Connecting():
                self._connecting(event.connect)
            case UnsupportedLevel():
                self.refuse(ConnackCode.UNACCEPTABLE_LEVEL, f"it asks for level {event.level}")
            case Disconnected():
                if self.talk is not None:
                    self.talk.forget_will()  # [MQTT-3.14.4-3]
                self._close()
            case Violated():
                self._violated(event)

    def _connecting(self, connect: Connect) -> None:
        self._connect = connect
        self._wait(0, None)
        self._hearing.pause()
        if self._stage is Stage.TURNED_AWAY:
            self.refuse(ConnackCode.SERVER_UNAVAILABLE, "there are too many connections")
        else:
            self._stage = Stage.DECIDING
            self._door.knock(self, connect)

    def _violated(self, event: Violated) -> None:
        self._exchange.terms.counters.violations += 1
        self.log.debug(
            "closed the connection from {address}: {rule}: {text}",
            address=self.peer.address,
            rule=event.rule,
            text=event.text,
        )
        self._close(event.rule)

    # Silence, and the end.

    def _watch(self, keepalive: int) -> None:
        if keepalive:
            self._silence = 1.5 * keepalive  # [MQTT-3.1.2-24]
            self.heard = self._exchange.terms.clock.seconds()
            self._wait(self._silence, self._look)
        else:
            self._link.probe()

    def _look(self) -> None:
        """Whether the client has been silent for too long. While we do not listen, it is not."""
        now = self._exchange.terms.clock.seconds()
        conversation = self.talk
        if self._hearing.paused and conversation is not None and not conversation.wire.clogged:
            self.heard = now
        left = self.heard + self._silence - now
        if left > 0:
            self._wait(left, self._look)
            return
        self._exchange.terms.counters.expired += 1
        self.log.debug("nothing heard from {address} for too long", address=self.peer.address)
        self._close()

    def _close(self, broken: str = "") -> None:
        """Over, in good order: what was said to the client, if it is there, still reaches it."""
        if self._stage is Stage.HUNG_UP:
            self._gone()
        elif self._stage is not Stage.CLOSING:
            self._end()
            self._wait(LINGER, self._link.abort)
            self._link.lose(broken)

    def _end(self) -> None:
        if self._stage is Stage.CLOSING:
            return
        self._stage = Stage.CLOSING
        self._hearing.close()
        self._deafen()
        self._wait(0, None)
        conversation, self.talk = self.talk, None
        if conversation is not None:
            incidents = self._exchange.terms.incidents
            incidents.left(conversation.namespace, conversation.client_id)
            conversation.end()

    def _gone(self) -> None:
        self._end()
        self._wait(0, None)
        self._registry.depart(self, self.peer.address)

    def _wait(self, seconds: float, call: Callable[[], None] | None) -> None:
        """Call `call` then, instead of whatever was waited for."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if call is None else self._exchange.terms.clock.later(seconds, call)


CLOSING_EVENTS: Final = frozenset({Disconnected, Violated})
"""Events that are not part of the conversation."""
