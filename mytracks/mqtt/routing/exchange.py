"""Where messages and subscriptions meet: the way of a message, the same from every door.

Facts to store are asked for and recorded, together with the queues in which the message waits,
before anything is told; what is stored is retained, delivered and announced, whoever published it
and whether or not they are still there.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Generic

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mytracks.mqtt.routing.bulletin import Bulletin
from mytracks.mqtt.routing.changes import (
    Change,
    Forgotten,
    Retained,
    Unretained,
    Withdrawn,
)
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.fanout import Fanout
from mytracks.mqtt.routing.journal import Journal, Removed
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.owners import Owner, Owners
from mytracks.mqtt.routing.parcel import Parcel
from mytracks.mqtt.routing.ports import Facts, Intake, Kept, Message, Verdict, Who
from mytracks.mqtt.routing.queueing import Queueing
from mytracks.mqtt.routing.retained import Retained as RetainedMessages
from mytracks.mqtt.routing.sessions import Sessions
from mytracks.mqtt.routing.subscriptions import Subscriptions
from mytracks.mqtt.routing.terms import Terms
from mytracks.mqtt.routing.wills import Wills


class Exchange(Generic[Who, Facts, Kept]):
    """Takes messages, hands them on; knows every subscription and every retained message.

    Implements `outgoing.Mail`. `bulletin`: what the broker itself publishes.
    """

    def __init__(
        self,
        terms: Terms[Who],
        intake: Intake[Who, Facts, Kept],
        journal: Journal[Facts, Kept],
    ) -> None:
        self.terms = terms
        self._intake = intake
        self._owners = Owners()
        self._retained = RetainedMessages(
            terms.limits.max_retained, terms.limits.max_retained_bytes
        )
        self.subscriptions: Subscriptions[Who] = Subscriptions()
        self.sessions: Sessions[Who] = Sessions(terms, self.subscriptions)
        self.ledger: Ledger[Facts, Kept] = Ledger(
            journal, terms.clock, self._removed, intake.announce
        )
        self.wills = Wills(self.ledger)
        self._queueing: Queueing[Who, Facts] = Queueing(
            terms, self.subscriptions, self.ledger, intake.standing
        )
        self._fanout: Fanout[Who, Facts] = Fanout(self.subscriptions, terms)
        self.bulletin: Bulletin | None = None

    @property
    def held(self) -> int:
        """How many messages are retained."""
        return len(self._retained)

    def adopt(self, limits: Limits) -> None:
        """Retain so much from now on; what is retained stays."""
        self._retained.most = limits.max_retained
        self._retained.most_bytes = limits.max_retained_bytes

    # The way of a message.

    def permits(self, who: Who, topic: str, payload: bytes) -> bool:
        """Whether `who` may publish this; what may not be is counted."""
        if self.terms.gatekeeper.may_publish(who, topic, payload) is Verdict.ALLOWED:
            return True
        self.terms.counters.dropped += 1
        return False

    def owner(self, who: Who) -> Owner:
        """Whose the messages of `who` are, from when they are taken to when they are forgotten."""
        return self._owners.named(self.terms.gatekeeper.namespace(who))

    def take(
        self, who: Who, owner: Owner, message: Message, packet_id: int | None = None
    ) -> Parcel[Who, Facts]:
        """`message` as it will be handed on, and what to record of it before."""
        self.terms.counters.published += 1
        facts = self._intake.facts(who, message)
        if message.retain and message.payload and not self._intake.retains(message, facts):
            message = evolve(message, retain=False)
        return Parcel(owner, message, facts, packet_id, len(message.payload))

    def take_oversize(
        self, who: Who, owner: Owner, topic: str, head: bytes, size: int, packet_id: int | None
    ) -> Parcel[Who, Facts]:
        """What is recorded of a message too large to take; it is delivered to nobody."""
        self.terms.counters.oversize += 1
        facts = self._intake.oversize(who, topic, head, size)
        return Parcel(owner, None, facts, packet_id, len(head))

    def prepare(self, parcel: Parcel[Who, Facts]) -> Sequence[Change] | None:
        """What has to be recorded of it now, beside its facts: its places in queues and in its
        topic. None: nothing at all. `record` or `hand_on` has to follow.
        """
        message = parcel.message
        changes = parcel.extra
        if message is not None and not parcel.owner.gone:
            if message.qos and self.subscriptions.durables:
                changes = (*changes, *self._queueing.address(parcel, message))
            if message.retain:
                changes = (*changes, *self._plan(parcel, message))
        return changes if changes or parcel.facts is not None else None

    def record(
        self,
        parcel: Parcel[Who, Facts],
        changes: Sequence[Change],
        stored: Callable[[Parcel[Who, Facts]], None],
        unstored: Callable[[Failure, Parcel[Who, Facts]], None],
    ) -> None:
        """Store it, then call `stored` or `unstored`, in the order of the calls."""
        facts = () if parcel.facts is None else (parcel.facts,)
        self.ledger.record(facts, changes, self._stored, self._unstored, parcel, stored, unstored)

    def hand_on(self, parcel: Parcel[Who, Facts], done: Callable[[], None]) -> None:
        """It is stored: its topic holds it if it says so, who subscribed gets it; `done` after the
        last one. Once its owner is gone, nobody gets what is theirs, be it as durable as may be.
        """
        if parcel.plan is not None:
            if not parcel.plan.fits:
                self.terms.counters.unretained += 1
            self._retained.fulfil(parcel.plan)
        if parcel.message is None:
            done()
        else:
            self._fanout.deliver(parcel, parcel.message, done)

    def publish(self, parcel: Parcel[Who, Facts]) -> Deferred[None]:
        """Record it, hand it on; fires after that. Raises errors.Unavailable."""
        answer: Deferred[None] = Deferred()
        done = partial(answer.callback, None)
        changes = self.prepare(parcel)
        if changes is None:
            self.hand_on(parcel, done)
        else:
            stored = partial(self.hand_on, done=done)
            self.record(parcel, changes, stored, partial(self._unpublished, answer=answer))
        return answer

    def announce(self, owner: Owner, message: Message) -> None:
        """Hand on what the broker itself has to say."""
        self._fanout.deliver(Parcel(owner, message, None), message, _nothing)

    def enqueue(
        self, session: DurableSession[Who], owner: Owner, message: Message, qos: int, retain: bool
    ) -> Deferred[None]:
        """Put one more message into the queue of one session; fires when it is there.

        Raises errors.Unavailable.
        """
        done: Deferred[None] = Deferred()
        parcel: Parcel[Who, Facts] = Parcel(owner, message, None)
        changes = self._queueing.address_to(parcel, message, session, qos, retain)
        self.record(
            parcel, changes, lambda _: done.callback(None), lambda failure, _: done.errback(failure)
        )
        return done

    # Subscriptions.

    def may_subscribe(self, namespace: str) -> bool:
        """Whether one more subscription is within the limit."""
        return self.subscriptions.of(namespace) < self.terms.limits.max_subscriptions

    def retained(self, topic_filter: str) -> Iterator[tuple[Message, Owner] | None]:
        """What is retained for a new subscription, each looked up when its turn comes."""
        found = self._retained.matching(topic_filter)
        if self.bulletin is None or not topic_filter.startswith("$"):
            return found
        return chain(self.bulletin.matching(topic_filter), found)

    # Beginning and end.

    def restore(self, publisher: str, message: Message) -> None:
        """It was retained before we started."""
        self._retained.restore(self._owners.named(publisher), message)

    def forget(self, namespace: str) -> int:
        """`namespace` is no more, nor anything of theirs; how much of it was retained."""
        owner = self._owners.forget(namespace)
        self.sessions.forget(namespace)
        self.wills.forget(namespace)
        for session in self.sessions:
            session.forget(namespace)
        self.ledger.soon(Forgotten(namespace))
        return 0 if owner is None else self._retained.forget(owner)

    def withdraw(self, namespace: str, topic_filter: str) -> Deferred[None]:
        """Nothing that `namespace` published to these topics up to now is retained or waits for
        anybody; fires when that is durable."""
        for session in self.sessions:
            session.forget(namespace, topic_filter)
        owner = self._owners.named(namespace)
        gone: Deferred[None] = Deferred()

        def durable() -> None:
            # What was just being stored when it was asked for has come true by now.
            self._retained.withdraw(owner, topic_filter)
            gone.callback(None)

        self.ledger.soon(Withdrawn(namespace, topic_filter), durable)
        return gone

    def close(self) -> None:
        """Deliver nothing more."""
        self._fanout.close()
        self._queueing.close()
        self.ledger.close()

    def _plan(self, parcel: Parcel[Who, Facts], message: Message) -> Sequence[Change]:
        held = self._retained.holds(message.topic)
        parcel.plan = self._retained.plan(parcel.owner, message)
        if parcel.plan.message is not None:
            return (Retained(parcel.owner.name, message, self.terms.clock.now()),)
        return (Unretained(message.topic),) if held else ()

    def _stored(
        self,
        parcel: Parcel[Who, Facts],
        stored: Callable[[Parcel[Who, Facts]], None],
        _: Callable[[Failure, Parcel[Who, Facts]], None],
    ) -> None:
        if parcel.references and parcel.message is not None:
            self._queueing.committed(parcel, parcel.message)
        stored(parcel)

    def _unstored(
        self,
        failure: Failure,
        parcel: Parcel[Who, Facts],
        _: Callable[[Parcel[Who, Facts]], None],
        unstored: Callable[[Failure, Parcel[Who, Facts]], None],
    ) -> None:
        if parcel.references and parcel.message is not None:
            self._queueing.uncommitted(parcel, parcel.message)
        if parcel.plan is not None:
            self._retained.drop(parcel.plan)
            parcel.plan = None
        unstored(failure, parcel)

    def _unpublished(
        self, failure: Failure, parcel: Parcel[Who, Facts], answer: Deferred[None]
    ) -> None:
        self.terms.counters.unstored += 1
        answer.errback(failure)

    def _removed(self, removed: Removed) -> None:
        session = self.sessions.numbered(removed.session)
        if session is not None:
            session.removed(removed)
            self.terms.counters.overflowed += removed.trimmed


def _nothing() -> None:
    """Nobody waits for it."""
