"""The messages on their way to the client of a durable session, while it is connected.

Whatever is to reach the client at QoS 1 or 2 is in the session's queue first. It is sent from
there in the order of the queue: page by page, until everything stored was read; from then on what
was just stored is sent from memory, unless the client falls behind by more than a page. What the
client does not acknowledge stays in the queue and is read again in its next connection, where it
gets the same packet id [MQTT-4.4.0-1].

Nothing is sent before the client's first SUBSCRIBE is answered: until then Paho throws away what
comes. Clients that find their session present may never send one; they are waited for 2 s.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, Generic, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mytracks.errors import Unavailable
from mytracks.mqtt.routing.changes import Released
from mytracks.mqtt.routing.durable import PACKET_IDS, DurableSession, packet_id_of
from mytracks.mqtt.routing.journal import Queued
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.pages import PAGE, Pages
from mytracks.mqtt.routing.ports import Message, Who
from mytracks.mqtt.routing.terms import Terms
from mytracks.mqtt.routing.wire import Wire

HELD_FOR: Final = 2.0
"""Seconds from CONNACK for which the first SUBSCRIBE is waited for."""
SLICE: Final = 100
"""Messages sent, or retained ones looked at, between two pauses: about 3 ms."""
COMING: Final = 20
"""Retained messages that are being put into the queue at the same time."""
AGAIN_AFTER: Final = 1.0
"""Seconds after which retained messages that could not be queued are tried again."""

_Found = Iterator[tuple[Message, Owner] | None]


class Mail(Protocol[Who]):
    """Where messages come from. `exchange` implements it."""

    def enqueue(
        self,
        session: DurableSession[Who],
        owner: Owner,
        message: Message,
        qos: int,
        retain: bool,
    ) -> Deferred[None]:
        """Put one more message into the queue of one session. Raises errors.Unavailable."""

    def retained(self, topic_filter: str) -> _Found:
        """What is retained now."""


class DurableOutgoing(Generic[Who]):
    """Implements `session.Outgoing`, from CONNACK to the end of one connection.

    `_inflight`: ordinals by packet id, oldest first. `_resent`: messages up to this ordinal may
    have been sent in an earlier connection. `_early`: QoS 0 ones from before the client was ready.
    `_unread`: the first page is to come. `_asking`: it is being noted how far is sent.
    """

    __slots__ = (
        "_again",
        "_asking",
        "_coming",
        "_early",
        "_going",
        "_held",
        "_inflight",
        "_ledger",
        "_mail",
        "_pages",
        "_pause",
        "_replays",
        "_resent",
        "_session",
        "_terms",
        "_unread",
        "_who",
        "_wire",
    )

    log = Logger()

    def __init__(
        self,
        session: DurableSession[Who],
        who: Who,
        wire: Wire,
        terms: Terms[Who],
        ledger: Ledger[Any, Any],
        mail: Mail[Who],
    ) -> None:
        self._session = session
        self._who = who
        self._wire = wire
        self._terms = terms
        self._ledger = ledger
        self._mail = mail
        self._held: IDelayedCall | None = terms.clock.later(HELD_FOR, self.begin)
        self._early: list[Message] = []
        self._pages = Pages(session.number, not session.queued, ledger, terms.clock, self._read)
        self._unread = session.queued > 0
        self._asking = False
        if not self._unread:
            session.begins_with(())
        self._resent = session.sent
        self._going = False
        self._inflight: dict[int, int] = {}
        self._replays: dict[str, tuple[int, _Found]] = {}
        self._coming = 0
        self._pause: IDelayedCall | None = None
        self._again: IDelayedCall | None = None

    # What is to be sent (session.Outgoing).

    @property
    def waiting(self) -> int:
        """What waits is in the session's queue, but for a few at QoS 0."""
        return len(self._early)

    @property
    def idle(self) -> bool:
        """Whether what is stored next is sent next."""
        pages = self._pages
        sent = self._held is None and pages.caught_up and not pages.ready
        return sent and len(self._inflight) < self._terms.limits.max_inflight

    def deliver(self, owner: Owner, message: Message, granted: int) -> None:
        """A live message at QoS 0, or one that came while the client was just subscribing."""
        qos = min(message.qos, granted)
        if qos:
            enqueuing = self._mail.enqueue(self._session, owner, message, qos, False)
            enqueuing.addErrback(self._not_queued)
        elif self._held is None:
            self._send_at_once(message)
        elif len(self._early) < PAGE:
            self._early.append(message)
        else:
            self._terms.counters.unsent += 1

    def take(self, queued: Queued) -> None:
        """It was just stored in the queue."""
        if self._pages.add(queued):
            self._go_on()

    def forget(self, publisher: str, topic_filter: str | None = None) -> None:
        """Nothing of theirs is sent any more, or nothing of these topics."""
        self._pages.forget(publisher, topic_filter)

    def replay(self, topic_filter: str, granted: int, found: _Found) -> None:
        """As `Outgoing` says. At QoS 1 and 2 what is retained goes through the queue as well, a few
        at a time, so that it is neither lost nor cut off."""
        self._replays.pop(topic_filter, None)
        self._replays[topic_filter] = (granted, found)
        self._go_on()

    def cease(self, topic_filter: str) -> None:
        """As `Outgoing` says."""
        self._replays.pop(topic_filter, None)
        self._session.unshown.pop(topic_filter, None)

    def begin(self) -> None:
        """The client is ready to hear, or was waited for long enough."""
        if self._held is None:
            return
        if self._held.active():
            self._held.cancel()
        self._held = None
        early, self._early = self._early, []
        for message in early:
            self._send_at_once(message)
        self._show_rest()
        self._go_on()

    def drained(self) -> None:
        """As `Outgoing` says."""
        self._go_on()

    def close(self) -> None:
        """As `Outgoing` says. What was not acknowledged is in the queue."""
        self._session.unshown |= {each: granted for each, (granted, _) in self._replays.items()}
        self._replays.clear()
        self._early.clear()
        self._pages.close()
        for timer in (self._held, self._pause, self._again):
            if timer is not None and timer.active():
                timer.cancel()
        self._held = self._pause = self._again = None

    # What the client says of it.

    def acknowledged(self, packet_id: int) -> None:
        """It has the message [MQTT-4.3.2-1]."""
        ordinal = self._inflight.pop(packet_id, None)
        if ordinal is not None:
            self._settle(ordinal)
            self._go_on()

    def received(self, packet_id: int) -> None:
        """It has the message, and must not get it again, even after a restart: that is stored, then
        PUBREL is sent [MQTT-4.3.3-1]."""
        ordinal = self._inflight.get(packet_id)
        if ordinal is not None:
            released = Released(self._session.number, ordinal)
            self._ledger.soon(released, partial(self._released, packet_id))

    def completed(self, packet_id: int) -> None:
        """It has forgotten the packet id."""
        ordinal = self._inflight.pop(packet_id, None)
        if ordinal is not None:
            self._settle(ordinal)
            self._go_on()

    def _released(self, packet_id: int) -> None:
        if self._wire.open:
            self._wire.release(packet_id)

    def _settle(self, ordinal: int) -> None:
        self._session.settling.add(ordinal)
        self._ledger.settle(self._session, ordinal)

    # Sending, a bounded number at a time.

    def _go_on(self) -> None:
        """Send until there is no room, nothing left, or enough done for this turn."""
        if self._pause is not None or self._held is not None or self._going:
            return
        self._going = True
        try:
            steps = SLICE
            while self._wire.open and not self._wire.full and self._next():
                steps -= 1
                if not steps:
                    self._pause = self._terms.clock.later(0, self._resumed)
                    return
        finally:
            self._going = False
        self._pages.read_on()

    def _resumed(self) -> None:
        self._pause = None
        self._go_on()

    def _next(self) -> bool:
        """Send one, or look at one. False: there is nothing that can be sent now."""
        if self._pages.ready:
            return self._next_queued()
        return self._pages.caught_up and bool(self._replays) and self._next_retained()

    def _next_queued(self) -> bool:
        queued = self._pages.ready[0]
        ordinal, message = queued.ordinal, queued.message
        packet_id = packet_id_of(ordinal)
        session = self._session
        if ordinal in session.settling:
            self._pages.sent()
            return True
        if self._inflight and ordinal - next(iter(self._inflight.values())) >= PACKET_IDS:
            return False  # Its packet id may still be in use.
        if ordinal > session.marked:
            self._ask()
            if ordinal > session.marked:
                return False
        if queued.released:
            self._wire.release(packet_id)
        else:
            try:
                visible = self._terms.gatekeeper.may_receive(self._who, message)
            except Exception:  # noqa: BLE001
                self._faulty()  # It stays in the queue.
                self._pages.sent()
                return True
            if visible is None:
                self._terms.counters.withheld += 1
                session.sending(queued)
                self._settle(ordinal)
                self._pages.sent()
                return True
            dup = ordinal <= self._resent
            if not self._wire.send(visible, message.qos, message.retain, dup, packet_id):
                return False
        self._pages.sent()
        self._inflight[packet_id] = ordinal
        session.sending(queued)
        return True

    def _ask(self) -> None:
        """Have it noted that the next few may have been sent."""
        room = self._terms.limits.max_inflight
        if self._asking or len(self._inflight) >= room:
            return
        self._asking = True
        ready = self._pages.ready
        sent, key = self._session.ask(ready[min(len(ready), room) - 1].ordinal)
        self._ledger.soon(sent, partial(self._asked, key))

    def _asked(self, key: int) -> None:
        self._asking = False
        self._session.may_send(key)
        self._go_on()

    def _next_retained(self) -> bool:
        if self._coming >= COMING:
            return False
        topic_filter, (granted, found) = next(iter(self._replays.items()))
        try:
            held = next(found)
        except StopIteration:
            del self._replays[topic_filter]
            return True
        if held is None:
            return True
        try:
            visible = self._terms.gatekeeper.may_receive(self._who, held[0])
        except Exception:  # noqa: BLE001
            self._faulty()
            return True
        if visible is None:
            return True
        qos = min(visible.qos, granted)
        if qos == 0:
            self._wire.send(visible, 0, True)
            return True
        self._coming += 1
        enqueuing = self._mail.enqueue(self._session, held[1], held[0], qos, True)
        enqueuing.addCallbacks(self._came, partial(self._did_not_come, topic_filter, granted))
        return True

    def _came(self, _: object) -> None:
        self._coming -= 1
        self._go_on()

    def _did_not_come(self, topic_filter: str, granted: int, _: Failure) -> None:
        """The store takes nothing: begin anew, later."""
        self._coming -= 1
        self._replays.pop(topic_filter, None)
        self._session.unshown[topic_filter] = granted
        if self._wire.open and self._again is None:
            self._again = self._terms.clock.later(AGAIN_AFTER, self._tried_again)

    def _not_queued(self, failure: Failure) -> None:
        """Nobody was promised that it comes: the subscription was newer than the message."""
        if failure.check(Unavailable) is None:
            self.log.failure("a message could not be queued", failure)

    def _faulty(self) -> None:
        """A fault of the host: it must not stop all that follows."""
        self.log.failure("a delivery to {client} failed", client=self._session.client_id)

    def _send_at_once(self, message: Message) -> None:
        wire = self._wire
        if wire.open and (not wire.full or wire.takes(message)):
            wire.send(message, 0, False)

    def _read(self, page: Sequence[Queued]) -> None:
        session = self._session
        if self._unread:
            self._unread = False
            session.begins_with(page)
        self._go_on()

    def _tried_again(self) -> None:
        self._again = None
        self._show_rest()
        self._go_on()

    def _show_rest(self) -> None:
        """Begin anew with what is retained for subscriptions that were not shown all of it."""
        unshown, self._session.unshown = self._session.unshown, {}
        for topic_filter, granted in unshown.items():
            self._replays.setdefault(topic_filter, (granted, self._mail.retained(topic_filter)))
